# Apple Mail asks for CAPA twice, before and after its login, logs in with an
# initial response (RFC 5034), and takes sizes and unique-ids of all messages
# before it fetches one. No trace of it is published; this is the form in which
# its Connection Doctor shows a session.
given: maildrop two-small
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: STAT
S: +OK 2 320
C: UIDL
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
C: LIST
S: +OK 2 messages (320 octets)
S: 1 120
S: 2 200
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
C: RETR 1
S: +OK 120 octets
S: From: bob@example.org
S: Subject: first
S:
S: line of text, and some more of
S: line of text, and some more of
S: line of text,
S: .
C: QUIT
S: +OK <*>
closed
left: 1 2
