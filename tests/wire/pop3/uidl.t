# RFC 1939 section 7: unique-ids, the same in both forms, and again.
given: maildrop five
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 5 messages (515 octets)
C: UIDL
S: +OK <*>
S: 1 <a>
S: 2 <b>
S: 3 <c>
S: 4 <d>
S: 5 <e>
S: .
C: UIDL 3
S: +OK 3 <c>
C: UIDL 6
S: -ERR <*>
C: DELE 1
S: +OK <*>
C: DELE 3
S: +OK <*>
C: UIDL
S: +OK <*>
S: 2 <b>
S: 4 <d>
S: 5 <e>
S: .
C: RSET
S: +OK <*>
C: UIDL 1
S: +OK 1 <a>
C: QUIT
S: +OK <*>
closed
