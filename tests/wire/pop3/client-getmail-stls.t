# getmail6 with TLS on demand: poplib's stls() asks CAPA first and wants STLS in
# its answer.
given: maildrop two-small
given: connection stls
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: STLS
S: +OK <*>
tls
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: UIDL
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
C: QUIT
S: +OK <*>
closed
left: 1 2
