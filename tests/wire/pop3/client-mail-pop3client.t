# Perl's Mail::POP3Client with AUTH_MODE PASS: Login() sends STAT behind PASS,
# List(n) is "LIST n", Head() is TOP n 0, HeadAndBody() is RETR n.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: LIST 1
S: +OK 1 120
C: TOP 1 0
S: +OK <*>
S: From: bob@example.org
S: Subject: first
S:
S: .
C: RETR 1
S: +OK 120 octets
S: From: bob@example.org
S: Subject: first
S:
S: line of text, and some more of
S: line of text, and some more of
S: line of text,
S: .
C: DELE 1
S: +OK <*>
C: LIST 2
S: +OK 2 200
C: RETR 2
S: +OK 200 octets
S: From: bob@example.org
S: Subject: second
S:
S: line of text, and some more of
S: line of text, and some more of
S: line of text, and some more of
S: line of text, and some more of
S: line of text, and some more 
S: .
C: QUIT
S: +OK <*>
closed
left: 2
