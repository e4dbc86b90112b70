# Thunderbird tries its next method when one fails (Pop3Client.jsm,
# _actionAuthResponse), over the same connection.
given: maildrop two-small
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: AUTH PLAIN
S: + 
C: AGFsaWNlAHdyb25n
S: -ERR [AUTH] <*>
C: AUTH LOGIN
S: + <*>
C: YWxpY2U=
S: + <*>
C: c2VjcmV0
S: +OK <*>
C: STAT
S: +OK 2 320
C: QUIT
S: +OK <*>
closed
