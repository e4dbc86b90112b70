# Threat 38: no relaying, however it is written.
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
C: MAIL FROM:<alice@example.org>
S: 250 2.1.0 <*>
C: RCPT TO:<x@elsewhere.example>
S: 550 5.7.1 <*>
C: RCPT TO:<@example.org:x@elsewhere.example>
S: 550 5.7.1 <*>
C: RCPT TO:<x%elsewhere.example@example.org>
S: 550 5.1.1 <*>
C: RCPT TO:<elsewhere.example!x@example.org>
S: 550 5.1.1 <*>
C: RCPT TO:<"x@elsewhere.example"@example.org>
S: 550 5.1.1 <*>
C: RCPT TO:<x@elsewhere.example@example.org>
S: 501 5.1.3 <*>
C: RCPT TO:<"x@elsewhere.example">
S: 501 5.1.3 <*>
C: RCPT TO:<x@[127.0.0.1]>
S: 550 5.7.1 <*>
C: RCPT TO:<x@[IPv6:::1]>
S: 550 5.7.1 <*>
C: RCPT TO:<x>
S: 501 5.1.3 <*>
C: RCPT TO:<>
S: 501 5.1.3 <*>
C: RCPT TO:<""@example.org>
S: 501 5.1.3 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: nobody
