# RFC 2033 section 4.2: without an accepted recipient DATA gets 503.
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
C: RCPT TO:<nobody@example.org>
C: DATA
S: 250 2.1.0 <*>
S: 550 5.1.1 <*>
S: 503 5.5.1 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: nobody
