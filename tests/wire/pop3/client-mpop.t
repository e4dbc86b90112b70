# mpop (pop3.c) with pipelining: as many RETR and DELE as it is allowed to keep
# in flight (pop3_delivery()). UIDL and LIST come one behind the other in the
# release that was read; here they are pipelined too.
given: maildrop two-small
given: connection stls
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: STLS
S: +OK <*>
tls
C: CAPA
S: +OK <*>
S...
S: .
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: +OK <*>
C: STAT
S: +OK 2 320
C: UIDL
C: LIST
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
S: +OK <*>
S: 1 120
S: 2 200
S: .
C: RETR 1
C: RETR 2
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
C: DELE 1
C: DELE 2
S: +OK <*>
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left:
