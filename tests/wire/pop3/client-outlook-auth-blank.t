# Outlook's AUTH with a blank argument: the verb and a space. Dovecot's login
# process answers it with its list too, "Old-style SASL discovery, used by MS
# Outlook" (src/pop3-login/client-authenticate.c).
given: maildrop two-small
S: +OK <*>
C= AUTH \r\n
S: +OK <*>
S...
S: .
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: QUIT
S: +OK <*>
closed
left: 1 2
