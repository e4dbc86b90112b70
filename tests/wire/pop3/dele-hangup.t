# RFC 1939 section 6: without QUIT nothing is deleted.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: DELE 1
S: +OK <*>
C: DELE 2
S: +OK <*>
hangup
left: 1 2
