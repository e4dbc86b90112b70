# Threat 2: what was said in clear is forgotten.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: STLS
S: +OK <*>
tls
C: PASS secret
S: -ERR <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
