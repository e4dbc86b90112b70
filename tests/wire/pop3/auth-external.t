# RFC 4422 appendix A: EXTERNAL is for clients that were asked for a certificate
# and have shown one. For others it does not exist.
given: connection tls
S: +OK <*>
C: AUTH EXTERNAL
S: -ERR mechanism not offered
C: AUTH EXTERNAL =
S: -ERR mechanism not offered
C: QUIT
S: +OK <*>
closed
