# Messages without header, without body, of dots: octet for octet.
given: maildrop odd
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 5 messages (124 octets)
C: RETR 1
S: +OK 0 octets
S: .
C: RETR 2
S: +OK 24 octets
S: Subject: only a header
S: .
C: RETR 3
S: +OK 47 octets
S: ..header: of a dot
S: 
S: ..
S: ...
S: ....
S: ..text
S: text.
S: .
C: RETR 5
S: +OK 20 octets
S: 
S: no header
S: 
S: end
S: .
C: QUIT
S: +OK <*>
closed
