# Twenty bad commands in a row before the login are enough.
S: +OK <*>
C* 25 XYZZY\r\n
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
S: -ERR <*>
closed
