# RFC 1957: "Eudora requires TOP"; Qualcomm's knowledge base 1986hq: it also
# requires UIDL. It looks at the top of every message first.
given: maildrop two-small
S: +OK <*>
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
C: TOP 1 0
S: +OK <*>
S: From: bob@example.org
S: Subject: first
S:
S: .
C: TOP 2 0
S: +OK <*>
S: From: bob@example.org
S: Subject: second
S:
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
C: QUIT
S: +OK <*>
closed
left: 2
