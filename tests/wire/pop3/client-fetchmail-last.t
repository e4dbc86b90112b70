# fetchmail asks LAST where it may not use UIDL (pop3.c, pop3_getrange; RFC 1460
# section 7, gone since RFC 1725): -ERR makes it fall back to UIDL.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: LAST
S: -ERR <*>
C: UIDL
S: +OK <*>
S: 1 <one>
S: 2 <two>
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
