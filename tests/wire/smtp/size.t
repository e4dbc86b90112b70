# RFC 1870: refused by its announcement, and by its octets.
given: size 40
S: 220 <*>
C: EHLO client
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 40
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C: MAIL FROM:<a@b.c> SIZE=41
S: 552 5.3.4 <*>
C: MAIL FROM:<a@b.c> SIZE=40
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: DATA
S: 354 <*>
C: ..34567890123456789
C: ..34567890123456789
C: .
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 <*>
C: DATA
S: 354 <*>
C: 12345678901234567890123456789012345678901
C: and more of it
C: .
S: 552 5.3.4 <*>
C: NOOP
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
| .34567890123456789
| .34567890123456789
