# Threat 33: LF . LF ends nothing, and the message is refused as a whole.
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
C= a\n.\nMAIL FROM:<x@y.z>\r\n
C: RCPT TO:<bob@example.org>
C: DATA
C: more
C: .
S: 550 5.6.0 <*>
C: RCPT TO:<bob@example.org>
S: 503 5.5.1 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: nobody
