# A chunk that fails has one reply, the last one as many as there are recipients.
given: size 40
S: 220 <*>
C: LHLO client.example.net
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
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 <*>
C: BDAT 30
C= 123456789012345678901234567890
S: 250 2.0.0 <*>
C: BDAT 11
C= 12345678901
S: 552 5.3.4 <*>
C: BDAT 0 LAST
S: 552 5.3.4 <*>
S: 552 5.3.4 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 <*>
C: BDAT 41 LAST
C= 12345678901234567890123456789012345678901
S: 552 5.3.4 <*>
S: 552 5.3.4 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: nobody
