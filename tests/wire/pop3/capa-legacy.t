# A listener for old programs lists what it has: no mechanism whose secret is
# good elsewhere, as long as all can listen. APOP has no capability (RFC 2449).
given: connection legacy
S: +OK <*>
C: CAPA
S: +OK <*>
S: TOP
S: UIDL
S: RESP-CODES
S: AUTH-RESP-CODE
S: PIPELINING
S: UTF8 USER
S: LANG
S: USER
S: SASL PLAIN LOGIN SCRAM-SHA-1 CRAM-MD5
S: STLS
S: .
C: AUTH
S: +OK <*>
S: PLAIN
S: LOGIN
S: SCRAM-SHA-1
S: CRAM-MD5
S: .
C: AUTH APOP
S: -ERR mechanism not offered
C: AUTH SCRAM-SHA-256
S: -ERR mechanism not offered
C: QUIT
S: +OK <*>
closed
