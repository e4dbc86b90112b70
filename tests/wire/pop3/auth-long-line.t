# RFC 4954's 12,288 octets hold within AUTH; one line too long is one -ERR.
S: +OK <*>
C: AUTH PLAIN
S: + 
C* 12000 A
C= \r\n
S: -ERR <*>
C: AUTH PLAIN
S: + 
C* 12287 A
C= \r\n
S: -ERR <*>
C: QUIT
S: +OK <*>
closed
