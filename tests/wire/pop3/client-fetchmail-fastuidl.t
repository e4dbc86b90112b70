# fetchmail with `fastuidl` searches the last message it knows by UIDL with a
# number (pop3.c, pop3_fastuidl).
given: maildrop five
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK <*>
C: STAT
S: +OK 5 515
C: UIDL 5
S: +OK 5 <five>
C: UIDL 2
S: +OK 2 <two>
C: UIDL 4
S: +OK 4 <four>
C: UIDL 3
S: +OK 3 <three>
C: LIST 4
S: +OK 4 104
C: RETR 4
S: +OK 104 octets
S...
S: .
C: QUIT
S: +OK <*>
closed
left: 1 2 3 4 5
