# RFC 6856 section 2.1: "Clients MUST NOT issue the STLS command after issuing
# UTF8; servers MAY ... enforce this by rejecting with an -ERR response".
# What is refused is not in CAPA.
given: connection stls
S: +OK <*>
C: UTF8
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
S: .
C: STLS
S: -ERR STLS has to come before UTF8
C: QUIT
S: +OK <*>
closed
