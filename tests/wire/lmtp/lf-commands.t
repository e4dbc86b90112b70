# A neighbour that ends its commands with LF is understood.
S: 220 <*>
C= LHLO x\n
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 1000000
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C= NOOP\n
S: 250 2.0.0 <*>
C= NO\rOP\r\n
S: 500 5.5.2 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
