# A message of no octets at all.
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
C: DATA
S: 250 2.1.0 <*>
S: 250 2.1.5 <*>
S: 354 <*>
C: .
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
