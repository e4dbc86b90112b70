# RFC 1939 section 6: and all, if all are.
given: maildrop five
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 5 messages (515 octets)
C: DELE 1
C: DELE 2
C: DELE 3
C: DELE 4
C: DELE 5
C: STAT
C: LIST
C: UIDL
S: +OK <*>
S: +OK <*>
S: +OK <*>
S: +OK <*>
S: +OK <*>
S: +OK 0 0
S: +OK <*>
S: .
S: +OK <*>
S: .
C: QUIT
S: +OK <*>
closed
left:
