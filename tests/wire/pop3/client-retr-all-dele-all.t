# Programs that fetch all and then delete all, without waiting: RFC 2449 section
# 6.6; the answers come in the order of the commands.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: RETR 1
C: RETR 2
C: DELE 1
C: DELE 2
C: QUIT
S: +OK 120 octets
S: From: bob@example.org
S: Subject: first
S:
S: line of text, and some more of
S: line of text, and some more of
S: line of text,
S: .
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
S: +OK deleted
S: +OK deleted
S: +OK <*>
closed
left:
