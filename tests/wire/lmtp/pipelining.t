# RFC 2033 section 5: PIPELINING is required.
S: 220 <*>
C: LHLO client.example.net
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 1000000
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
C: one
C: .
C: MAIL FROM:<>
C: RCPT TO:<bob@example.org>
C: DATA
S: 250 2.0.0 <*>
S: 250 2.0.0 <*>
S: 250 2.1.0 <*>
S: 250 2.1.5 <*>
S: 354 <*>
C: two
C: .
C: QUIT
S: 250 2.0.0 <*>
S: 221 2.0.0 <*>
closed
kept: bob@example.org
| two
