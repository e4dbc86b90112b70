# RFC 1939 section 3: "Keywords ... are case-insensitive".
given: maildrop two-small
S: +OK <*>
C: user alice
S: +OK <*>
C: Pass secret
S: +OK <*>
C: sTaT
S: +OK 2 320
C: noop
S: +OK <*>
C: quit
S: +OK <*>
closed
