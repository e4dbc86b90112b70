# RFC 1939 section 3: commands out of their state.
given: maildrop two-small
S: +OK <*>
C: STAT
S: -ERR <*>
C: RETR 1
S: -ERR <*>
C: NOOP
S: -ERR <*>
C: PASS secret
S: -ERR <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK <*>
C: USER alice
S: -ERR <*>
C: PASS secret
S: -ERR <*>
C: AUTH PLAIN
S: -ERR <*>
C: STLS
S: -ERR <*>
C: QUIT
S: +OK <*>
closed
