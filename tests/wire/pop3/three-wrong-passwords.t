# A guesser gets three tries a connection.
S: +OK <*>
C: USER alice
C: PASS a
C: USER alice
C: PASS b
C: USER alice
C: PASS c
C: USER alice
C: PASS secret
S: +OK <*>
S: -ERR [AUTH] <*>
S: +OK <*>
S: -ERR [AUTH] <*>
S: +OK <*>
S: -ERR [AUTH] <*>
closed
