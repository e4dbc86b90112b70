# RFC 5321 section 4.1.2: paths, right and wrong.
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
C: MAIL FROM:<a@b>
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM: <a@b>
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:<@x,@y:a@b>
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:<"a b"@c>
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:<a@[192.0.2.1]>
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:a@b
S: 501 5.1.7 <*>
C: MAIL FROM:<a@b
S: 501 5.1.7 <*>
C: MAIL FROM:<a>
S: 501 5.1.7 <*>
C: MAIL FROM:<postmaster>
S: 501 5.1.7 <*>
C: MAIL FROM:<a@b>x
S: 501 5.1.7 <*>
C: MAIL FROM:<a b@c>
S: 501 5.1.7 <*>
C: MAIL FROM:<.a..b.@b_c>
S: 250 2.1.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: MAIL FROM:<a@b..c>
S: 501 5.1.7 <*>
C: MAIL FROM:<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b>
S: 501 5.1.7 <*>
C: MAIL FROM:<>>
S: 501 5.1.7 <*>
C: MAIL <a@b>
S: 501 5.1.7 <*>
C: MAIL
S: 501 5.5.4 <*>
C: MAIL TO:<a@b>
S: 501 5.1.7 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
