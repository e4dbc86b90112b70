# Mozilla's older engine asks "XTND XLST Message-Id" where UIDL failed, and its
# own tests where it did not ("mailnews correctly tries anyway"):
# nsPop3Protocol.cpp, POP3_SEND_XTND_XLST_MSGID. -ERR, and the session goes on.
given: maildrop two-small
S: +OK <*>
C: AUTH
S: +OK <*>
S...
S: .
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
C: UIDL
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
C: XTND XLST Message-Id
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
