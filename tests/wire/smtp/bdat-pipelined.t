# RFC 3030 section 4.2, RFC 2920: all in one packet. After a chunk that fails "the
# receiver SMTP MUST be prepared to accept and discard additional BDAT chunks
# already in the pipeline".
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
C: MAIL FROM:<a@b.c>
C: RCPT TO:<alice@example.org>
C: RCPT TO:<nobody@example.org>
C: BDAT 6
C= x: y\r\n
C: BDAT 7 LAST
C= \r\nbody\n
C: RSET
C: MAIL FROM:<a@b.c>
C: RCPT TO:<nobody@example.org>
C: BDAT 6
C= NOOP\r\n
C: BDAT 6 LAST
C= NOOP\r\n
C: RSET
C: MAIL FROM:<a@b.c>
C: RCPT TO:<bob@example.org>
C: BDAT 6
C= x: z\r\n
C: BDAT 8 LAST
C= \r\nbody\r\n
C: QUIT
S: 250 2.1.0 <*>
S: 250 2.1.5 <*>
S: 550 5.1.1 <*>
S: 250 2.0.0 <*>
S: 550 5.6.0 <*>
S: 250 2.0.0 <*>
S: 250 2.1.0 <*>
S: 550 5.1.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 250 2.0.0 <*>
S: 250 2.1.0 <*>
S: 250 2.1.5 <*>
S: 250 2.0.0 <*>
S: 250 2.0.0 <*>
S: 221 2.0.0 <*>
closed
kept: bob@example.org
| x: z
| 
| body
