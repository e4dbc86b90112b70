# RFC 1939 section 5: DELE marks, RSET unmarks.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: DELE 1
S: +OK <*>
C: STAT
S: +OK 1 200
C: RSET
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: QUIT
S: +OK <*>
closed
left: 1 2
