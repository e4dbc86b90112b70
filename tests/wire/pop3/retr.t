# RFC 1939 section 5: RETR.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: RETR 1
S: +OK 120 octets
S: From: bob@example.org
S: Subject: first
S: 
S: line of text, and some more of
S: line of text, and some more of
S: line of text,
S: .
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
left: 1 2
