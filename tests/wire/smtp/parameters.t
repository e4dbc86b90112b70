# RFC 5321 section 4.1.1.11: parameters; RFC 1870, RFC 6152.
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
C: MAIL FROM:<a@b> SIZE=100
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b> size=0100 body=7bit
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b> BODY=8BITMIME SIZE=0
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b> SIZE=1 SIZE=1
S: 501 5.5.4 <*>
C: MAIL FROM:<a@b> SIZE=
S: 501 5.5.4 <*>
C: MAIL FROM:<a@b> SIZE=x
S: 501 5.5.4 <*>
C: MAIL FROM:<a@b> SIZE=-1
S: 501 5.5.4 <*>
C: MAIL FROM:<a@b> SIZE=99999999999999999999
S: 501 5.5.4 <*>
C: MAIL FROM:<a@b> SIZE
S: 501 5.5.4 <*>
C: MAIL FROM:<a@b> BODY=BINARYMIME
S: 501 5.5.4 <*>
C: MAIL FROM:<a@b> BODY
S: 501 5.5.4 <*>
C: MAIL FROM:<a@b> AUTH=<>
S: 555 5.5.4 <*>
C: MAIL FROM:<a@b> SOLICIT=x
S: 555 5.5.4 <*>
C: MAIL FROM:<a@b> NOTIFY=NEVER
S: 555 5.5.4 <*>
C: MAIL FROM:<a@b> =
S: 555 5.5.4 <*>
C: MAIL FROM:<a@b> SIZE=1000001
S: 552 5.3.4 <*>
C: MAIL FROM:<a@b>
S: 250 2.1.0 <*>
C: RCPT TO:<alice@example.org> SIZE=1
S: 555 5.5.4 <*>
C: RCPT TO:<alice@example.org> X
S: 555 5.5.4 <*>
C: HELO client
S: 250 mail.example.org
C: MAIL FROM:<a@b> SIZE=1
S: 555 5.5.4 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
