# PASS takes the rest of the line, spaces included: these are not "secret".
S: +OK <*>
C: USER alice
S: +OK <*>
C= PASS secret \r\n
S: -ERR [AUTH] <*>
C: USER alice
S: +OK <*>
C: PASS  secret
S: -ERR [AUTH] <*>
C: QUIT
S: +OK <*>
closed
