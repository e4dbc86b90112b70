# Google's form: a refused token, an empty answer to why, then a good one.
given: connection tokens
given: maildrop two-small
S: +OK <*>
C: AUTH XOAUTH2 dXNlcj1hbGljZUBleGFtcGxlLm9yZwFhdXRoPUJlYXJlciBtYWxsb3J5AQE=
S: + eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=
C:
S: -ERR [AUTH] wrong name or password
C: AUTH XOAUTH2 dXNlcj1hbGljZUBleGFtcGxlLm9yZwFhdXRoPUJlYXJlciBhbGljZQEB
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
