# Threat 7: what does not end is not kept.
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
C= text\r\n.\r
hangup
kept: nobody
