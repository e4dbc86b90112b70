# Python's poplib: top(1, 0), list(1), uidl(1), noop(), rset(), utf8() before
# the login; it takes "+OK" with anything behind it, and reads until ".".
given: maildrop two-small
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: UTF8
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: LIST 1
S: +OK 1 120
C: UIDL 1
S: +OK 1 <one>
C: TOP 1 0
S: +OK <*>
S: From: bob@example.org
S: Subject: first
S:
S: .
C: NOOP
S: +OK 
C: RSET
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left: 1 2
