# RFC 3030 section 3: BINARYMIME is not offered. A binary encoding without it
# "MUST be accepted" where its lines are lines.
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
C: MAIL FROM:<a@b.c> BODY=BINARYMIME
S: 501 5.5.4 <*>
C: MAIL FROM:<a@b.c> BODY=8BITMIME
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 49 LAST
C= Content-Transfer-Encoding: binary\r\n\r\n\0\x01\x80\xFF\r\n..\r\n\0\0
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
| Content-Transfer-Encoding: binary
| 
| \0\x01\x80\xFF
| ..
| \0\0
