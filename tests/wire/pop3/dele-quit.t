# RFC 1939 section 6: QUIT removes what is marked.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: DELE 1
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left: 2
