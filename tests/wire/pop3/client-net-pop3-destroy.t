# A Net::POP3 object that goes away after delete() takes it back: its DESTROY
# sends RSET, then QUIT. Nothing may be deleted.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: DELE 1
S: +OK <*>
C: RSET
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
left: 1 2
