# RFC 1957: popclient and the netApp Systems Internet Series "expect that space,
# and fail when it has not been found": every status has a space behind it,
# answers without text too.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: NOOP
S: +OK 
C: TOP 1 0
S: +OK 
S: From: bob@example.org
S: Subject: first
S:
S: .
C: RSET
S: +OK <*>
C: X
S: -ERR <*>
C: QUIT
S: +OK <*>
closed
left: 1 2
