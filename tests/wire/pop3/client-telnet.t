# A person with telnet or nc: lower case, line ends of LF alone, a typing error
# (threat 18 gives the rule for LF).
given: maildrop two-small
S: +OK <*>
C= user alice\n
S: +OK <*>
C= pass secret\n
S: +OK <*>
C= lsit\n
S: -ERR <*>
C= list 1\n
S: +OK 1 120
C= quit\n
S: +OK <*>
closed
left: 1 2
