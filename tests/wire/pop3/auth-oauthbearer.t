# RFC 7628 section 4.1, as POP3 has it (RFC 5034): a token in the initial response.
given: connection tokens
given: maildrop two-small
S: +OK <*>
C: AUTH OAUTHBEARER bixhPWFsaWNlQGV4YW1wbGUub3JnLAFob3N0PW1haWwuZXhhbXBsZS5vcmcBcG9ydD05OTUBYXV0aD1CZWFyZXIgYWxpY2UBAQ==
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
