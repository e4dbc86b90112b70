# RFC 5034 section 4: without it the server sends an empty challenge.
given: maildrop two-small
S: +OK <*>
C: auth plain
S: + 
C: AGFsaWNlAHNlY3JldA==
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
