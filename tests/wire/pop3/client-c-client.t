# After UW c-client, behind PHP's imap_open() (src/c-client/pop3.c). The release
# that was read sends AUTH alone, USER, PASS, STAT, RETR n of one message at a
# time, and NOOP as its ping. That later ones send CAPA, LIST n, UIDL n and
# TOP n 0 in this order was not verified.
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
C: LIST 2
S: +OK 2 200
C: UIDL 2
S: +OK 2 <two>
C: TOP 2 0
S: +OK <*>
S: From: bob@example.org
S: Subject: second
S:
S: .
C: NOOP
S: +OK 
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
