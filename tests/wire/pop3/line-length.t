# RFC 2449 section 4: 255 octets, CRLF included. One more is one -ERR, and the
# session goes on.
S: +OK <*>
C= USER\x20
C* 248 a
C= \r\n
S: +OK <*>
C= USER\x20
C* 249 a
C= \r\n
S: -ERR <*>
C* 60000 x
C= \r\n
S: -ERR <*>
C: QUIT
S: +OK <*>
closed
