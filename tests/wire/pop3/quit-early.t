# RFC 1939 section 6: QUIT in AUTHORIZATION does not enter UPDATE.
S: +OK <*>
C: QUIT
S: +OK <*>
closed
