# RFC 1939 section 5: "if the maildrop is empty, then the POP3 server responds
# with no scan listings".
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 0 messages (0 octets)
C: LIST
S: +OK 0 messages (0 octets)
S: .
C: UIDL
S: +OK <*>
S: .
C: STAT
S: +OK 0 0
C: LIST 1
S: -ERR <*>
C: RETR 1
S: -ERR <*>
C: TOP 1 0
S: -ERR <*>
C: DELE 1
S: -ERR <*>
C: RSET
S: +OK <*>
C: QUIT
S: +OK <*>
closed
