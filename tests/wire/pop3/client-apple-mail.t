# Apple Mail: no published trace of it was found, so this order is a plausible
# one and no more: CAPA before and after the login, an initial response (RFC
# 5034), unique-ids and sizes of all messages, and the newest message first.
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
