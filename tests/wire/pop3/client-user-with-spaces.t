# Windows clients let people type "alice " or a whole name: USER takes the rest
# of the line as it is, and the answer to PASS is the usual refusal.
given: maildrop two-small
S: +OK <*>
C= USER alice smith\r\n
S: +OK <*>
C: PASS secret
S: -ERR [AUTH] <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
left: 1 2
