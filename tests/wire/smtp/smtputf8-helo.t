# RFC 5321 section 2.2.1: HELO brings no extensions; RFC 6531 section 3.7.1: the
# client's name is ASCII.
S: 220 <*>
C= EHLO b\xC3\xBCcher.example\r\n
S: 501 <*>
C: HELO client
S: 250 mail.example.org
C: MAIL FROM:<a@b.c> SMTPUTF8
S: 555 5.5.4 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
