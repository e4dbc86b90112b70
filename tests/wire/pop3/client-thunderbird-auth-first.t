# Thunderbird that does not know the server yet sends AUTH alone before CAPA
# (Pop3Client.jsm: "Send AUTH request without any parameters to the server, to
# get supported auth methods in case CAPA is not implemented").
given: maildrop two-small
S: +OK <*>
C: AUTH
S: +OK <*>
S...
S: .
C: CAPA
S: +OK <*>
S...
S: .
C: AUTH PLAIN
S: + 
C: AGFsaWNlAHNlY3JldA==
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: LIST
S: +OK 2 messages (320 octets)
S: 1 120
S: 2 200
S: .
C: UIDL
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
C: QUIT
S: +OK <*>
closed
left: 1 2
