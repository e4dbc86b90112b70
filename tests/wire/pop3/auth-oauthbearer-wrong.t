# RFC 7628 section 4.3: JSON in a challenge, the dummy response (%x01), -ERR; then
# the same ended by "*".
given: connection tokens
given: maildrop two-small
S: +OK <*>
C: AUTH OAUTHBEARER bixhPWFsaWNlQGV4YW1wbGUub3JnLAFob3N0PW1haWwuZXhhbXBsZS5vcmcBcG9ydD05OTUBYXV0aD0BAQ==
S: + eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJtYWlsIn0=
C: AQ==
S: -ERR [AUTH] wrong name or password
C: AUTH OAUTHBEARER bixhPWFsaWNlQGV4YW1wbGUub3JnLAFob3N0PW1haWwuZXhhbXBsZS5vcmcBcG9ydD05OTUBYXV0aD1CZWFyZXIgbWFsbG9yeQEB
S: + eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJtYWlsIn0=
C: *
S: -ERR [AUTH] wrong name or password
C: QUIT
S: +OK <*>
closed
