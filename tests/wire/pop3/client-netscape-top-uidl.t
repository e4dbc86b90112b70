# Netscape without UIDL takes Message-IDs out of TOP n 1 of every message
# (nsPop3Protocol.cpp, POP3_GET_FAKE_UIDL_TOP): the same octets each
# time, and no mark left behind.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: TOP 2 1
S: +OK <*>
S: From: bob@example.org
S: Subject: second
S:
S: line of text, and some more of
S: .
C: TOP 1 1
S: +OK <*>
S: From: bob@example.org
S: Subject: first
S:
S: line of text, and some more of
S: .
C: QUIT
S: +OK <*>
closed
left: 1 2
