# Windows Mail and Windows Live Mail, of the line of Outlook Express (Q155515):
# CAPA, then SASL in two steps where the server has it, STAT, UIDL, LIST; mail
# that is left on the server is asked for by UIDL each time.
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
C: UIDL
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
C: LIST
S: +OK 2 messages (320 octets)
S: 1 120
S: 2 200
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
C: QUIT
S: +OK <*>
closed
left: 1 2
