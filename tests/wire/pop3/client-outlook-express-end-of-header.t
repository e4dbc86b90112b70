# Outlook Express and Netscape wait for an empty line where a message has none
# (Dovecot's workaround oe-ns-eoh). Stored octets are sacred here: it gets the
# header as it came, the final dot ends it, and the count is right.
given: maildrop odd
S: +OK <*>
C: USER alice
C: PASS secret
S: +OK <*>
S: +OK <*>
C: LIST 2
S: +OK 2 <octets>
C: RETR 2
S: +OK <octets> octets
S...
S: .
C: TOP 2 0
S: +OK <*>
S...
S: .
C: QUIT
S: +OK <*>
closed
