# fetchmail gives up an exchange with "*" (RFC 5034 section 4) and tries USER and
# PASS (pop3.c, pop3_getauth).
given: maildrop two-small
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: AUTH PLAIN
S: + 
C: *
S: -ERR <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: QUIT
S: +OK <*>
closed
left: 1 2
