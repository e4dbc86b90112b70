# RFC 1870 with RFC 3030: counted are the octets of all chunks, known before they
# come.
given: size 40
S: 220 <*>
C: EHLO client.example.net
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 40
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 41 LAST
C= NOOP\r\n789012345678901234567890123456789\r\n
S: 552 5.3.4 <*>
C: NOOP
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 38
C= 34567890123456789012345678901234567890
S: 250 2.0.0 <*>
C: BDAT 3
C= 901
S: 552 5.3.4 <*>
C: BDAT 1
C= 2
S: 552 5.3.4 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 40 LAST
C= ..34567890\r\n345678901234567890123456.890
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
| ..34567890
| 345678901234567890123456.890
