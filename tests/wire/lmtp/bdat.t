# RFC 2033 section 4.2 with RFC 3030: a reply for each recipient, at LAST.
S: 220 <*>
C: LHLO client.example.net
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 1000000
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 <*>
C: BDAT 6
C= x: y\r\n
S: 250 2.0.0 <*>
C: BDAT 6 LAST
C= \r\n..\r\n
S: 250 2.0.0 <*>
S: 250 2.0.0 <*>
C: BDAT 6 LAST
C= NOOP\r\n
S: 503 5.5.1 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org, bob@example.org
| x: y
| 
| ..
