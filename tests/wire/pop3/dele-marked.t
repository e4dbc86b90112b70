# RFC 1939 section 5: "Any future reference to the message-number associated
# with the message in a POP3 command generates an error."
given: maildrop five
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 5 messages (515 octets)
C: DELE 2
S: +OK <*>
C: DELE 2
S: -ERR <*>
C: RETR 2
S: -ERR <*>
C: TOP 2 0
S: -ERR <*>
C: LIST 2
S: -ERR <*>
C: UIDL 2
S: -ERR <*>
C: LIST
S: +OK 4 messages (413 octets)
S: 1 101
S: 3 103
S: 4 104
S: 5 105
S: .
C: DELE 5
S: +OK <*>
C: LIST
S: +OK 3 messages (308 octets)
S: 1 101
S: 3 103
S: 4 104
S: .
C: RSET
S: +OK <*>
C: LIST 2
S: +OK 2 102
C: QUIT
S: +OK <*>
closed
