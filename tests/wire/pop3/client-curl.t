# curl (lib/pop3.c): CAPA, AUTH without initial response unless --sasl-ir is
# given, then the one command its URL stands for, and QUIT. "LIST" without an
# argument, "RETR n" for a number.
given: maildrop two-small
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: AUTH PLAIN
S: + 
C: AGFsaWNlAHNlY3JldA==
S: +OK 2 messages (320 octets)
C: LIST
S: +OK 2 messages (320 octets)
S: 1 120
S: 2 200
S: .
C: QUIT
S: +OK <*>
closed
left: 1 2
