# Threat 14: refused before the password arrives.
given: connection stls
S: +OK <*>
C: USER alice
S: -ERR <*>STLS<*>
C: PASS secret
S: -ERR <*>STLS<*>
C: AUTH PLAIN
S: -ERR <*>STLS<*>
C: AUTH
S: -ERR <*>STLS<*>
C: STLS
S: +OK <*>
tls
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: +OK <*>
C: QUIT
S: +OK <*>
closed
