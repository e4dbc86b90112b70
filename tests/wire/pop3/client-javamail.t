# Jakarta Mail's POP3 provider: CAPA on connecting, NOOP to see whether a
# connection lives, TOP n 0 for headers, LIST n for sizes, and RSET before QUIT
# where mail.pop3.rsetbeforequit is set (com.sun.mail.pop3, Protocol.java).
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
C: NOOP
S: +OK 
C: STAT
S: +OK 2 320
C: TOP 2 0
S: +OK <*>
S: From: bob@example.org
S: Subject: second
S:
S: .
C: LIST 2
S: +OK 2 200
C: DELE 1
S: +OK <*>
C: RSET
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left: 1 2
