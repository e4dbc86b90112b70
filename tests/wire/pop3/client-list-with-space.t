# Clients that leave a space behind a command without argument ("LIST ", "UIDL ",
# "QUIT "), as home-made ones do: it counts as none.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C= LIST \r\n
S: +OK <*>
S: 1 120
S: 2 200
S: .
C= STAT \r\n
S: +OK 2 320
C= QUIT \r\n
S: +OK <*>
closed
left: 1 2
