# QUIT right behind the last RETR: all of the message, the answer to QUIT, and
# only then the end of the connection.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: RETR 2
C: QUIT
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
S: +OK <*>
closed
left: 1 2
