# RFC 3206: the response code of a wrong password.
S: +OK <*>
C: AUTH PLAIN AGFsaWNlAHdyb25n
S: -ERR [AUTH] <*>
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: +OK <*>
C: QUIT
S: +OK <*>
closed
