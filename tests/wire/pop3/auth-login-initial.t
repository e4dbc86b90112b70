# The name behind AUTH LOGIN.
given: maildrop two-small
S: +OK <*>
C: AUTH LOGIN YWxpY2VAZXhhbXBsZS5vcmc=
S: + UGFzc3dvcmQ6
C: c2VjcmV0
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
