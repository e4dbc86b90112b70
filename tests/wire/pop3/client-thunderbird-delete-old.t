# Thunderbird deletes what is older than its limit without fetching it again
# (Pop3Client.jsm, _actionUidlResponse, status "d").
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
C: DELE 1
S: +OK <*>
C: RETR 2
S: +OK 200 octets
S: From: bob@example.org
S: Subject: second
S:
S: line of text, and some more of
S: line of text, and some more of
S: line of text, and some more of
S: line of text, and some more of
S: line of text, and some more 
S: .
C: QUIT
S: +OK <*>
closed
left: 2
