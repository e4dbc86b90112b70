# Threat 18: LF ends a line with or without CR; CR elsewhere is refused.
given: maildrop two-small
S: +OK <*>
C= USER ali\rce\r\n
S: -ERR <*>
C= USER alice\r\r\n
S: -ERR <*>
C= USER alice\n
S: +OK <*>
C= PASS secret\nSTAT\r\nLIST 1\n
S: +OK 2 messages (320 octets)
S: +OK 2 320
S: +OK 1 120
C= STAT\r\r\n
S: -ERR <*>
C= ST\rAT\r\n
S: -ERR <*>
C= \n
S: -ERR <*>
C: QUIT
S: +OK <*>
closed
