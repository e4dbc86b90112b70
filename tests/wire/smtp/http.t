# Threat 4.
S: 220 <*>
C: POST / HTTP/1.1
C: EHLO x
S: 500 5.5.2 this is SMTP
closed
