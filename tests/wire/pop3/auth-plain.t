# RFC 5034: with the initial response.
given: maildrop two-small
S: +OK <*>
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: QUIT
S: +OK <*>
closed
