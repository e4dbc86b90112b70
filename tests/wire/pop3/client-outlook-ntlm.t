# Outlook with "Secure Password Authentication": AUTH NTLM although the list has
# no NTLM. [MS-OXPOP3] section 3.2.5.1: the server that has none answers -ERR,
# and the session goes on.
given: maildrop two-small
S: +OK <*>
C: AUTH
S: +OK <*>
S...
S: .
C: AUTH NTLM
S: -ERR <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
left: 1 2
