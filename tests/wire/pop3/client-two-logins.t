# Clients that log in again on a connection that is logged in: -ERR, and the
# session keeps its maildrop and its marks (RFC 1939 section 4).
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: DELE 1
S: +OK <*>
C: USER alice
S: -ERR <*>
C: PASS secret
S: -ERR <*>
C: AUTH PLAIN
S: -ERR <*>
C: QUIT
S: +OK <*>
closed
left: 2
