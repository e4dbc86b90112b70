# RFC 3030 section 2: text "MUST be sent in the canonical MIME format with lines
# delimited with a <CR><LF>"; BINARYMIME is not offered. The chunk fails, and
# with it the transaction, to its end or RSET.
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
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 4
C= a\r\nb
S: 250 2.0.0 <*>
C: BDAT 9
C= c\nQUIT\r\nd
S: 550 5.6.0 <*>
C: BDAT 6
C= NOOP\r\n
S: 550 5.6.0 <*>
C: DATA
S: 503 5.5.1 <*>
C: MAIL FROM:<d@e.f>
S: 503 5.5.1 <*>
C: BDAT 6 LAST
C= NOOP\r\n
S: 550 5.6.0 <*>
C: DATA
S: 503 5.5.1 send MAIL first
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 2
C= a\r
S: 250 2.0.0 <*>
C: BDAT 1
C= b
S: 550 5.6.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 2 LAST
C= a\r
S: 550 5.6.0 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 2
C= a\r
S: 250 2.0.0 <*>
C: BDAT 1 LAST
C= \n
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
| a
