# RFC 2595 and threat 2: no login in clear, nothing of one in CAPA; the other
# way about behind STLS.
given: connection stls
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
S: STLS
S: .
C: STLS
S: +OK <*>
tls
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
S: SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN
S: .
C: STLS
S: -ERR <*>
C: QUIT
S: +OK <*>
closed
