# RFC 1939 section 7: after a failed PASS, USER and PASS again; and one
# answer for whatever is wrong (threat 8).
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS wrong
S: -ERR [AUTH] <why> <*>
C: PASS secret
S: -ERR <*>
C: USER nobody
S: +OK <*>
C: PASS secret
S: -ERR [AUTH] <why> <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
