# AUTH alone lists mechanisms.
S: +OK <*>
C: AUTH
S: +OK <*>
S: SCRAM-SHA-256
S: PLAIN
S: LOGIN
S: .
C: QUIT
S: +OK <*>
closed
