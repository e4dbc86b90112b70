# RFC 2449 section 6.6: commands in one write, answers in order; QUIT behind.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
C: LIST 1
C: RETR 1
C: DELE 1
C: RETR 2
C: NOOP
C: LIST
C: DELE 2
C: QUIT
S: +OK 2 320
S: +OK 1 120
S: +OK 120 octets
S: From: bob@example.org
S: Subject: first
S: 
S: line of text, and some more of
S: line of text, and some more of
S: line of text,
S: .
S: +OK <*>
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
S: +OK 1 messages (200 octets)
S: 2 200
S: .
S: +OK <*>
S: +OK <*>
closed
left:
