# RFC 2449: the truth before and behind the login.
given: maildrop two-small
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
S: SASL PLAIN LOGIN
S: STLS
S: .
C: USER alice
S: +OK <*>
C: PASS secret
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
S: SASL PLAIN LOGIN
S: IMPLEMENTATION Yubin
S: .
C: QUIT
S: +OK <*>
closed
