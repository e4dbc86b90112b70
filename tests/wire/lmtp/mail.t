# RFC 2033 section 4.2: a reply for each recipient that was accepted.
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
C: MAIL FROM:<chris@bar.com>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: RCPT TO:<jones@example.org>
S: 550 5.1.1 <*>
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 <*>
C: DATA
S: 354 <*>
C: Blah blah blah...
C: .
S: 250 2.0.0 <*>
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org, bob@example.org
sender: chris@bar.com
| Blah blah blah...
