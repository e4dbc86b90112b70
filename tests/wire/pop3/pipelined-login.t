# RFC 2449 section 6.6 has it: USER and PASS without waiting between.
given: maildrop two-small
S: +OK <*>
C: USER alice
C: PASS secret
C: STAT
C: QUIT
S: +OK <*>
S: +OK 2 messages (320 octets)
S: +OK 2 320
S: +OK <*>
closed
