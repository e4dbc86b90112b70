# Without an initial response; and CAPA names both mechanisms.
given: connection tokens
given: maildrop two-small
S: +OK <*>
C: CAPA
S...
S: SASL <*>OAUTHBEARER XOAUTH2 <*>
S...
S: .
C: AUTH OAUTHBEARER
C: bixhPWFsaWNlQGV4YW1wbGUub3JnLAFob3N0PW1haWwuZXhhbXBsZS5vcmcBcG9ydD05OTUBYXV0aD1CZWFyZXIgYWxpY2UBAQ==
S: + 
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
