# RFC 1939 section 7: TOP, "0 or more lines".
given: maildrop odd
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 5 messages (124 octets)
C: TOP 3 0
S: +OK <*>
S: ..header: of a dot
S: 
S: .
C: TOP 3 2
S: +OK <*>
S: ..header: of a dot
S: 
S: ..
S: ...
S: .
C: TOP 3 99999999
S: +OK <*>
S: ..header: of a dot
S: 
S: ..
S: ...
S: ....
S: ..text
S: text.
S: .
C: TOP 1 5
S: +OK <*>
S: .
C: TOP 2 0
S: +OK <*>
S: Subject: only a header
S: .
C: TOP 5 1
S: +OK <*>
S: 
S: no header
S: .
C: QUIT
S: +OK <*>
closed
