# RFC 6531: addresses in UTF-8 need the parameter SMTPUTF8, which has no value and
# dies with its transaction.
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
C= MAIL FROM:<\xE7\x94\xA8\xE6\x88\xB7@b.c>\r\n
S: 550 5.6.7 <*>
C= MAIL FROM:<a@b\xC3\xBCcher.example> BODY=8BITMIME\r\n
S: 550 5.6.7 <*>
C= MAIL FROM:<\xE7\x94\xA8\xE6\x88\xB7@b.c> SMTPUTF8=\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> SMTPUTF8=yes\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> SMTPUTF8 SMTPUTF8\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<\xE7\x94\xA8\xE6\x88\xB7@b.c> SMTPUTF8\r\n
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C= MAIL FROM:<a@b.c> smtputf8 SIZE=10\r\n
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C= MAIL FROM:<> SMTPUTF8\r\n
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C= MAIL FROM:<@\xE7\x94\xA8\xE6\x88\xB7:"\xE7\x94\xA8\xE6\x88\xB7"@\xE7\x94\xA8\xE6\x88\xB7> SMTPUTF8 BODY=8BITMIME\r\n
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C= MAIL FROM:<a\xC3@b.c> SMTPUTF8\r\n
S: 501 5.1.7 <*>
C= MAIL FROM:<\xED\xA0\x80@b.c> SMTPUTF8\r\n
S: 501 5.1.7 <*>
C= MAIL FROM:<\xC0\xAF@b.c> SMTPUTF8\r\n
S: 501 5.1.7 <*>
C= MAIL FROM:<a@\xFF> SMTPUTF8\r\n
S: 501 5.1.7 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C= RCPT TO:<\xE7\x94\xA8\xE6\x88\xB7@example.org>\r\n
S: 553 5.6.7 <*>
C= RCPT TO:<alice@\xE7\x94\xA8\xE6\x88\xB7>\r\n
S: 553 5.6.7 <*>
C= RCPT TO:<al\xC3@example.org>\r\n
S: 501 5.1.3 <*>
C: RSET
S: 250 2.0.0 <*>
C= MAIL FROM:<\xE7\x94\xA8\xE6\x88\xB7@b.c> SMTPUTF8\r\n
S: 250 2.1.0 <*>
C= RCPT TO:<\xE7\x94\xA8\xE6\x88\xB7@example.org>\r\n
S: 550 5.1.1 <*>
C= RCPT TO:<alice@example.org>\r\n
S: 250 2.1.5 <*>
C= RCPT TO:<alice@example.org> SMTPUTF8\r\n
S: 555 5.5.4 <*>
C: DATA
S: 354 <*>
C= Subject: \xE7\x94\xA8\r\n\r\n.\r\n
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C= RCPT TO:<\xE7\x94\xA8\xE6\x88\xB7@example.org>\r\n
S: 553 5.6.7 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
sender: 用户@b.c
| Subject: \xE7\x94\xA8
| 
