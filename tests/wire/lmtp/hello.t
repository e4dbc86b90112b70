# RFC 2033 section 4.1: HELO and EHLO get no positive answer.
S: 220 <*>
C: HELO x
S: 500 <*>
C: EHLO x
S: 500 <*>
C: MAIL FROM:<>
S: 503 5.5.1 <*>
C: LHLO x
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-<*>
S: 250-<*>
S: 250-<*>
S: 250 ENHANCEDSTATUSCODES
C: QUIT
S: 221 2.0.0 <*>
closed
