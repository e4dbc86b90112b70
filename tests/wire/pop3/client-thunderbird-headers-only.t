# Thunderbird with "Fetch headers only", or a message above its size limit:
# TOP n 0 and TOP n 20 (Pop3Client.jsm, status "b").
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
C: TOP 1 0
S: +OK <*>
S: From: bob@example.org
S: Subject: first
S:
S: .
C: TOP 2 20
S: +OK <*>
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
left: 1 2
