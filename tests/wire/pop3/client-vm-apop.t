# RFC 1957: GNU Emacs VM and Eudora know APOP. A greeting without a timestamp
# says that there is none (RFC 1939 section 7); who tries nevertheless gets -ERR
# and may log in otherwise.
given: maildrop two-small
S: +OK <*>
C: APOP alice c4c9334bac560ecc979e58001b3e22fb
S: -ERR <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: QUIT
S: +OK <*>
closed
left: 1 2
