# LMTP repairs line ends in chunks as in DATA, also across them.
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
C: BDAT 3
C= a\n.
S: 250 2.0.0 <*>
C: BDAT 4
C= \nb\r\r
S: 250 2.0.0 <*>
C: BDAT 3 LAST
C= \nc\r
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
| a
| .
| b
| c
