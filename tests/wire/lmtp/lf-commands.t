# A neighbour that ends its commands with LF is understood.
S: 220 <*>
C= LHLO x\n
S: 250-<*>
S: 250-<*>
S: 250-<*>
S: 250-<*>
S: 250-<*>
S: 250 <*>
C= NOOP\n
S: 250 2.0.0 <*>
C= NO\rOP\r\n
S: 500 5.5.2 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
