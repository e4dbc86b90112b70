# RFC 5321 section 4.1.4: the order of commands.
S: 220 <*>
C: MAIL FROM:<a@b.c>
S: 503 5.5.1 <*>
C: RCPT TO:<alice@example.org>
S: 503 5.5.1 <*>
C: DATA
S: 503 5.5.1 <*>
C: NOOP
S: 250 2.0.0 <*>
C: RSET
S: 250 2.0.0 <*>
C: HELO client
S: 250 mail.example.org
C: RCPT TO:<alice@example.org>
S: 503 5.5.1 <*>
C: DATA
S: 503 5.5.1 <*>
C: MAIL FROM:<a@b.c>
S: 250 2.1.0 <*>
C: MAIL FROM:<d@e.f>
S: 503 5.5.1 <*>
C: DATA
S: 503 5.5.1 <*>
C: RCPT TO:<nobody@example.org>
S: 550 5.1.1 <*>
C: DATA
S: 503 5.5.1 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: nobody
