# RFC 3030 section 2: "The RSET command, when issued after the first BDAT and
# before the BDAT LAST, clears all segments sent during that transaction". So
# does EHLO; and DATA may be used in the next one.
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
C: BDAT 5
C= lost1
S: 250 2.0.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: BDAT 5 LAST
C= lost2
S: 503 5.5.1 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 5
C= lost3
S: 250 2.0.0 <*>
C: HELO again
S: 250 mail.example.org
C: DATA
S: 503 5.5.1 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 <*>
C: DATA
S: 354 <*>
C: kept
C: .
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: bob@example.org
| kept
