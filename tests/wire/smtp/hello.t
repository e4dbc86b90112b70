# RFC 5321 section 4.1.1.1; RFC 2034 section 4: no codes in these replies.
S: 220 <*>
C: EHLO
S: 501 <*>
C: EHLO a b
S: 501 <*>
C: EHLO a(b)
S: 501 <*>
C: HELO
S: 501 <*>
C: EHLO [192.0.2.1]
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 1000000
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C: helo under_score.example
S: 250 mail.example.org
C: QUIT
S: 221 2.0.0 <*>
closed
