# Threat 18: NUL ends the session.
S: 220 <*>
C: EHLO client.example.net
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 1000000
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C= NO\0OP\r\nNOOP\r\n
S: 500 5.5.2 <*>
closed
