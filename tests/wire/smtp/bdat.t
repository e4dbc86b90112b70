# RFC 3030: chunks cut anywhere, dots that are text, and a last line without its
# end, which it gets.
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
C: BDAT 15
C= Subject: x\r\n\r\n.
S: 250 2.0.0 <*>
C: bdat 1
C= .
S: 250 2.0.0 <*>
C: BDAT 2
C= \r\n
S: 250 2.0.0 <*>
C: BDAT 3
C= .\r\n
S: 250 2.0.0 <*>
C: BDAT 0015 last
C= ..\r\n\0\xE4.\r\nno end
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
sender: a@b.c
| Subject: x
| 
| ..
| .
| ..
| \0\xE4.
| no end
