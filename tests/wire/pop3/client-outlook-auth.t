# Outlook asks for mechanisms with AUTH alone, which RFC 1734 does not have:
# [MS-OXPOP3] section 1.7: "the AUTH command, issued without any arguments, at
# which point the server responds with a list of supported authentication
# mechanisms followed by a line that contains only a period". NTLM is not in
# it, so USER and PASS follow.
given: maildrop two-small
S: +OK <*>
C: AUTH
S: +OK <*>
S...
S: .
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
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
C: RETR 1
S: +OK 120 octets
S: From: bob@example.org
S: Subject: first
S:
S: line of text, and some more of
S: line of text, and some more of
S: line of text,
S: .
C: DELE 1
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left: 2
