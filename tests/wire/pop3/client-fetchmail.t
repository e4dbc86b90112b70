# fetchmail (pop3.c): CAPA before the login, STLS and CAPA again, USER and PASS,
# STAT, LIST for all sizes, RETR and DELE in turn, QUIT.
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
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: LIST
S: +OK 2 messages (320 octets)
S: 1 120
S: 2 200
S: .
C: RETR 1
S: +OK 120 octets
S: From: bob@example.org
S: Subject: first
S:
S: line of text, and some more of
S: line of text, and some more of
S: line of text,
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
C: DELE 2
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left:
