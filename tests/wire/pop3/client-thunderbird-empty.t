# Thunderbird with an empty maildrop: STAT says 0, and nothing else is asked
# (Pop3Client.jsm, _actionStatResponse).
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: AUTH PLAIN
S: + 
C: AGFsaWNlAHNlY3JldA==
S: +OK <*>
C: STAT
S: +OK 0 0
C: QUIT
S: +OK <*>
closed
