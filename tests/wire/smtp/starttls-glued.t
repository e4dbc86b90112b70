# Threat 1: octets behind STARTTLS end the session, nothing of them is run.
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
C: STARTTLS
C: MAIL FROM:<a@b.c>
S: <*>
closed
