# Net::POP3's last() and capa(): LAST and, where CAPA fails, AUTH alone; reads
# every line up to the dot.
given: maildrop two-small
S: +OK <*>
C: AUTH
S: +OK <*>
S...
S: .
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: LAST
S: -ERR <*>
C: CAPA
S: +OK <*>
S...
S: .
C: QUIT
S: +OK <*>
closed
left: 1 2
