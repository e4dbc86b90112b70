# Netscape Communicator: AUTH probe, USER, PASS, then GURL for a home page and
# XSENDER before each message, both its own (nsPop3Protocol.cpp, POP3_SEND_GURL
# and POP3_SEND_XSENDER). RFC 1957: "Netscape requires UIDL".
given: maildrop two-small
S: +OK <*>
C: AUTH
S: +OK <*>
S...
S: .
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: GURL
S: -ERR <*>
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
C: XSENDER 1
S: -ERR <*>
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
C: QUIT
S: +OK <*>
closed
left: 2
