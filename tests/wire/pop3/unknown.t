# Unknown and malformed commands cost an -ERR each, in every state.
given: maildrop two-small
S: +OK <*>
C: HELO x
S: -ERR <*>
C: 
S: -ERR <*>
C:  USER alice
S: -ERR <*>
C: USERX alice
S: -ERR <*>
C: USER
S: -ERR <*>
C: USER alice
S: +OK <*>
C: PASS
S: -ERR <*>
C: PASS secret
S: +OK <*>
C: XTND XMIT
S: -ERR <*>
C: RE
S: -ERR <*>
C: RETRX 1
S: -ERR <*>
C: RETR
S: -ERR <*>
C: STAT 1
S: -ERR <*>
C: NOOP 1
S: -ERR <*>
C: QUIT now
S: -ERR <*>
C: QUIT
S: +OK <*>
closed
