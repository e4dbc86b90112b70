# Too large: a reply for each.
given: size 10
S: 220 <*>
C: LHLO client.example.net
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 10
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C: MAIL FROM:<>
C: RCPT TO:<alice@example.org>
C: RCPT TO:<bob@example.org>
C: DATA
S: 250 2.1.0 <*>
S: 250 2.1.5 <*>
S: 250 2.1.5 <*>
S: 354 <*>
C: 123456789
C: .
S: 552 5.3.4 <*>
S: 552 5.3.4 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: nobody
