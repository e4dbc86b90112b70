# AUTH LOGIN, as Outlook and others have it.
given: maildrop two-small
S: +OK <*>
C: AUTH LOGIN
S: + VXNlcm5hbWU6
C: YWxpY2U=
S: + UGFzc3dvcmQ6
C: c2VjcmV0
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
