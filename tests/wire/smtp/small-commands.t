# VRFY, EXPN, HELP, NOOP with an argument, what is unknown, trailing spaces.
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
C: VRFY alice
S: 252 2.5.0 <*>
C: VRFY
S: 501 5.5.4 <*>
C: EXPN staff
S: 502 5.5.1 <*>
C: VRFY alice SMTPUTF8
S: 252 2.5.0 <*>
C: VRFY 用户
S: 252 2.5.0 <*>
C: EXPN staff SMTPUTF8
S: 502 5.5.1 <*>
C: NOOP whatever
S: 250 2.0.0 <*>
C: XYZZY
S: 500 5.5.1 <*>
C: LHLO x
S: 500 5.5.1 <*>
C: DATA now
S: 501 5.5.4 <*>
C: RSET now
S: 501 5.5.4 <*>
C= RSET  \r\n
S: 250 2.0.0 <*>
C: 
S: 500 5.5.1 <*>
C: QUIT now
S: 501 5.5.4 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
