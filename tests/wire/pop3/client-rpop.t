# Perl's Net::POP3 and Python's poplib still have RPOP (RFC 1460 section 5) and
# qpopper's PING; RFC 1939 has neither.
given: maildrop two-small
S: +OK <*>
C: RPOP alice
S: -ERR <*>
C: PING alice
S: -ERR <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
left: 1 2
