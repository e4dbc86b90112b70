# RFC 5034 section 4: "*" cancels, and the session goes on.
given: maildrop two-small
S: +OK <*>
C: AUTH LOGIN
S: + <*>
C: *
S: -ERR <*>
C: AUTH PLAIN
S: + 
C: *
S: -ERR <*>
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
