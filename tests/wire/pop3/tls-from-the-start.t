# RFC 8314: no STLS within TLS.
given: connection tls
given: maildrop two-small
S: +OK <*>
C: STLS
S: -ERR <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
