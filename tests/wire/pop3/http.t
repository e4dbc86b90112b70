# Threat 4: a browser gets nothing of its own words back.
S: +OK <*>
C: POST / HTTP/1.1
C: Host: example.org
C: 
C: USER alice
S: -ERR this is POP3
closed
