# Thunderbird, second fetch that leaves mail on the server: STAT, LIST and UIDL
# find nothing new, and QUIT (Pop3Client.jsm, _actionUidlResponse).
given: maildrop two-small
S: +OK <*>
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
