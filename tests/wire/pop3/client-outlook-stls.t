# Outlook probes with AUTH before STLS too. Where no login is taken in clear
# there is no mechanism to list (RFC 2595 section 4: what CAPA and AUTH say may
# change behind STLS); the -ERR does not end the session.
given: maildrop two-small
given: connection stls
S: +OK <*>
C: AUTH
S: -ERR <*>
C: CAPA
S: +OK <*>
S...
S: .
C: STLS
S: +OK <*>
tls
C: AUTH
S: +OK <*>
S...
S: .
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
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
C: DELE 2
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left: 1
