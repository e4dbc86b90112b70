# fetchmail with `keep` and `uidl`: "TOP n 99999999" in place of RETR, so that
# the message does not count as read (pop3.c, set_peek_capable() and
# pop3_fetch(): "the maximum value CompuServe will accept").
given: maildrop two-small
S: +OK <*>
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
C: UIDL
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
C: LIST 1
S: +OK 1 120
C: TOP 1 99999999
S: +OK <*>
S: From: bob@example.org
S: Subject: first
S:
S: line of text, and some more of
S: line of text, and some more of
S: line of text,
S: .
C: LIST 2
S: +OK 2 200
C: TOP 2 99999999
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
