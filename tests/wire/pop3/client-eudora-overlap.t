# Eudora's "Overlap POP3 commands" (Qualcomm's knowledge base 1986hq) sends the
# next command before the last was answered: RFC 2449 section 6.6, PIPELINING.
given: maildrop two-small
S: +OK <*>
C: USER alice
C: PASS secret
C: STAT
C: UIDL
C: TOP 1 0
C: TOP 2 0
C: DELE 2
C: QUIT
S: +OK <*>
S: +OK 2 messages (320 octets)
S: +OK 2 320
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
S: +OK <*>
S: From: bob@example.org
S: Subject: first
S:
S: .
S: +OK <*>
S: From: bob@example.org
S: Subject: second
S:
S: .
S: +OK deleted
S: +OK <*>
closed
left: 1
