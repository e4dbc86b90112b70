# fetchmail --check only counts: STAT and QUIT (pop3.c, pop3_getrange).
given: maildrop two-small
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
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
