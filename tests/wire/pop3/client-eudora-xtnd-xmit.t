# Eudora could send mail through qpopper with XTND XMIT
# (draft-hansen-pop3-xtndext: "historic"). Refused, and nothing that follows is
# taken for a message.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: XTND XMIT
S: -ERR <*>
C: STAT
S: +OK 2 320
C: QUIT
S: +OK <*>
closed
left: 1 2
