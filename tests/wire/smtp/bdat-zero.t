# RFC 3030 section 2: "The last BDAT command MAY have a byte-count of zero"; so
# may any other.
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
C: BDAT 0
S: 250 2.0.0 <*>
C: BDAT 6
C= x: y\r\n
S: 250 2.0.0 <*>
C: BDAT 0
S: 250 2.0.0 <*>
C: BDAT 0 LAST
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 <*>
C: BDAT 0 LAST
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: bob@example.org
