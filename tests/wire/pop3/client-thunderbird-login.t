# Thunderbird with AUTH LOGIN (Pop3Client.jsm, _actionAuthLoginUser): two
# responses, each on its line.
given: maildrop two-small
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: AUTH LOGIN
S: + VXNlcm5hbWU6
C: YWxpY2U=
S: + UGFzc3dvcmQ6
C: c2VjcmV0
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: QUIT
S: +OK <*>
closed
left: 1 2
