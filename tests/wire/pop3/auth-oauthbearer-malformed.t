# RFC 7628 section 3.2.2: what is no message of this mechanism is answered so, too.
given: connection tokens
S: +OK <*>
C: AUTH OAUTHBEARER bixhPWFsaWNlQGV4YW1wbGUub3JnLAFhdXRoPUJhc2ljIFlXeHBZMlU2YzJWamNtVjABAQ==
S: + eyJzdGF0dXMiOiJpbnZhbGlkX3JlcXVlc3QifQ==
C: AQ==
S: -ERR malformed response
C: QUIT
S: +OK <*>
closed
