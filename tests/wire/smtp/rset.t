# RFC 5321 section 4.1.1.5: RSET, and threat 35: nothing of the old is left.
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
C: RSET
S: 250 2.0.0 <*>
C: RCPT TO:<bob@example.org>
S: 503 5.5.1 <*>
C: MAIL FROM:<d@e.f>
S: 250 2.1.0 <*>
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 <*>
C: EHLO client
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 1000000
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C: DATA
S: 503 5.5.1 <*>
C: MAIL FROM:<g@h.i>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: DATA
S: 354 <*>
C: x
C: .
S: 250 2.0.0 <*>
C: RCPT TO:<bob@example.org>
S: 503 5.5.1 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
sender: g@h.i
| x
