# Threats 16 and 18: bare CR and LF, length.
S: 220 <*>
C: EHLO client.example.net
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 1000000
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C= NOOP\n
S: 500 5.5.2 <*>
C= NO\rOP\r\n
S: 500 5.5.2 <*>
C= NOOP\r\r\n
S: 500 5.5.2 <*>
C= NOOP\x20
C* 2041 x
C= \r\n
S: 250 2.0.0 <*>
C= NOOP\x20
C* 2042 x
C= \r\n
S: 500 5.5.2 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
