# bdat-cmd ::= "BDAT" SP chunk-size [ SP end-marker ] CR LF. A chunk that is
# missing spoils the message; one whose size is known is passed over.
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
C: BDAT
S: 501 5.5.4 <*>
C: BDAT x
S: 501 5.5.4 <*>
C: BDAT -1
S: 501 5.5.4 <*>
C: BDAT +1
S: 501 5.5.4 <*>
C: BDAT 0x1
S: 501 5.5.4 <*>
C: BDAT 1.0
S: 501 5.5.4 <*>
C= BDAT 1\tLAST\r\n
S: 501 5.5.4 <*>
C: BDAT LAST
S: 501 5.5.4 <*>
C: BDATA 1
S: 500 5.5.1 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 6 FIRST
C= NOOP\r\n
S: 501 5.5.4 <*>
C: BDAT 6 LAST LAST
C= NOOP\r\n
S: 501 5.5.4 <*>
C: BDAT 2 LAST
C= \r\n
S: 554 5.3.0 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT x
S: 501 5.5.4 <*>
C: BDAT 2 LAST
C= \r\n
S: 554 5.3.0 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org>
S: 250 2.1.5 <*>
C: BDAT 1
C= x
S: 250 2.0.0 <*>
C: BDAT ten
S: 501 5.5.4 <*>
C: BDAT 2 LAST
C= \r\n
S: 554 5.3.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: nobody
