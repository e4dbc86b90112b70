# What is malformed ends the exchange, not the session.
S: +OK <*>
C: AUTH XYZ
S: -ERR <*>
C: AUTH PLAIN AGFsaWNlAHNlY3JldA=
S: -ERR <*>
C: AUTH PLAIN AGFsaWNlAHNlY3JldA== x
S: -ERR <*>
C: AUTH PLAIN
S: + 
C: not base64!
S: -ERR <*>
C: AUTH PLAIN =
S: -ERR <*>
C: AUTH PLAIN
S: + 
C: 
S: -ERR <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK <*>
C: QUIT
S: +OK <*>
closed
