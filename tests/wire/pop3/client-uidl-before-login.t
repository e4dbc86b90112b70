# Clients that read UIDL and TOP out of the CAPA before the login and do not ask
# again: RFC 2449 section 3 wants what is available in both states in both.
given: maildrop two-small
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: TOP
S...
S: UIDL
S...
S: .
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
