# RFC 3461 section 4: the parameters are checked to the letter, and DSN is not
# offered, since no reports are sent. Threat 40: nothing can bring CR, LF or NUL
# into an envelope.
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
C= MAIL FROM:<a@b.c> RET=FULL ENVID=QQ314159\r\n
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C= MAIL FROM:<a@b.c> ret=hdrs\r\n
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C= MAIL FROM:<a@b.c> ENVID=a+20b+2B+3D\r\n
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C= MAIL FROM:<a@b.c> ENVID=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C= MAIL FROM:<a@b.c> ENVID=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> RET=\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> RET\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> RET=ALL\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> RET=FULL RET=FULL\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=a+00b\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=a+0D+0Ab\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=a+0a\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=a+2b\r\n
S: 501 5.5.4 <*>
C: NOOP
S: 250 2.0.0 <*>
C= MAIL FROM:<a@b.c> ENVID=a+\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=a+2\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=a+7F\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=a+80\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=a=b\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=a\x80\r\n
S: 501 5.5.4 <*>
C= MAIL FROM:<a@b.c> ENVID=a\tb\r\n
S: 501 5.5.4 <*>
C: MAIL FROM:<> RET=HDRS
S: 250 2.1.0 <*>
C= RCPT TO:<alice@example.org> NOTIFY=NEVER\r\n
S: 250 2.1.5 <*>
C= RCPT TO:<alice@example.org> notify=success,Failure,DELAY\r\n
S: 250 2.1.5 <*>
C= RCPT TO:<alice@example.org> NOTIFY=FAILURE ORCPT=rfc822;alice@example.org\r\n
S: 250 2.1.5 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;Bob+2Bx@Example.COM NOTIFY=DELAY\r\n
S: 250 2.1.5 <*>
C= RCPT TO:<alice@example.org> ORCPT=x400;/C+3Dus/\r\n
S: 250 2.1.5 <*>
C= RCPT TO:<alice@example.org> ORCPT=utf-8;+5Cx{7528}@x\r\n
S: 250 2.1.5 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n
S: 250 2.1.5 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> NOTIFY=\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> NOTIFY=NEVER,SUCCESS\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> NOTIFY=SUCCESS,\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> NOTIFY=,SUCCESS\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> NOTIFY=OFTEN\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> NOTIFY=NEVER NOTIFY=NEVER\r\n
S: 501 5.5.4 <*>
C: NOOP
S: 250 2.0.0 <*>
C= RCPT TO:<alice@example.org> ORCPT=\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=;x\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rf c822;x\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rf+20c;x\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;a+00b@c\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;a+0Ab@c\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;a+0D@c\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;a+0\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;a+zz\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;a\xC3\xA9@c\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=utf-8;\xC3\xA9@c\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> RET=FULL\r\n
S: 555 5.5.4 <*>
C= RCPT TO:<alice@example.org> ENVID=x\r\n
S: 555 5.5.4 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b.c> SMTPUTF8
S: 250 2.1.0 <*>
C= RCPT TO:<alice@example.org> ORCPT=utf-8;\xC3\xA9@c\r\n
S: 250 2.1.5 <*>
C= RCPT TO:<alice@example.org> ORCPT=utf-8;\xC3@c\r\n
S: 501 5.5.4 <*>
C= RCPT TO:<alice@example.org> ORCPT=rfc822;\xC3\xA9@c\r\n
S: 501 5.5.4 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
