# K-9 Mail and Thunderbird for Android: Pop3Connection.java and Pop3Folder.java
# (com.fsck.k9.mail.store.pop3): CAPA, STLS, CAPA, AUTH PLAIN in two steps,
# STAT, UIDL, TOP with a line count for large messages, RETR, DELE, QUIT.
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
C: UIDL
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
C: LIST 1
S: +OK 1 120
C: TOP 1 1
S: +OK <*>
S: From: bob@example.org
S: Subject: first
S:
S: line of text, and some more of
S: .
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
C: DELE 2
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left: 1
