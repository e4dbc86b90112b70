# Clients that send an empty line behind the last line of an exchange, as after
# the server's final message of SCRAM: one -ERR, and the session goes on.
given: maildrop two-small
S: +OK <*>
C: AUTH PLAIN
S: + 
C: AGFsaWNlAHNlY3JldA==
S: +OK 2 messages (320 octets)
C= \r\n
S: -ERR <*>
C: STAT
S: +OK 2 320
C: QUIT
S: +OK <*>
closed
left: 1 2
