# RFC 1939 section 7: both arguments are needed, and the second is "a
# non-negative number of lines".
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: TOP
S: -ERR <*>
C: TOP 1
S: -ERR <*>
C: TOP 1 -1
S: -ERR <*>
C: TOP 1 x
S: -ERR <*>
C: TOP 1 1 1
S: -ERR <*>
C: TOP 0 1
S: -ERR <*>
C: TOP 3 1
S: -ERR <*>
C: TOP 1 18446744073709551616
S: -ERR <*>
C: QUIT
S: +OK <*>
closed
