# RFC 3030 section 2, threat 36: octets of a chunk that nobody wants are octets,
# never commands.
S: 220 <*>
C: BDAT 6
C= NOOP\r\n
S: 503 5.5.1 send EHLO first
C: EHLO client
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 1000000
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C: BDAT 6 LAST
C= NOOP\r\n
S: 503 5.5.1 send MAIL first
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: BDAT 6
C= NOOP\r\n
S: 503 5.5.1 no valid recipients
C: RCPT TO:<nobody@example.org>
S: 550 5.1.1 <*>
C: BDAT 6 LAST
C= NOOP\r\n
S: 503 5.5.1 no valid recipients
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 6
C= x: y\r\n
S: 250 2.0.0 <*>
C: DATA
S: 503 5.5.1 <*>
C: RCPT TO:<bob@example.org>
S: 503 5.5.1 <*>
C: MAIL FROM:<d@e.f>
S: 503 5.5.1 <*>
C: NOOP
S: 250 2.0.0 <*>
C: STARTTLS
S: 503 5.5.1 <*>
C: BDAT 0 LAST
S: 250 2.0.0 <*>
C: BDAT 6 LAST
C= RSET\r\n
S: 503 5.5.1 send MAIL first
C: DATA
S: 503 5.5.1 send MAIL first
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
| x: y
