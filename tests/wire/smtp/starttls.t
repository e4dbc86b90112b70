# RFC 3207: all is forgotten behind the handshake, STARTTLS is gone.
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
C: STARTTLS
S: 220 2.0.0 <*>
tls
C: MAIL FROM:<a@b.c>
S: 503 5.5.1 <*>
C: EHLO client
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 1000000
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C: RCPT TO:<alice@example.org>
S: 503 5.5.1 <*>
C: STARTTLS
S: 503 5.5.1 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
