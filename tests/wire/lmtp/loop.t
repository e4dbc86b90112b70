# RFC 5321 section 6.3 has SMTP "count the number of 'Received:' header fields"
# to find loops. By LMTP mail comes to where it stays: any number is taken.
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
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: DATA
S: 354 <*>
C* 60 Received: from a by b; today\r\n
C* 40 received :\r\n\tfrom a by b; today\r\n
C: 
C: Received: in the body
C: .
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 <*>
C: DATA
S: 354 <*>
C* 101 Received: from a by b; today\r\n
C: Subject: x
C: 
C: .
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: bob@example.org
| Subject: x
| 
