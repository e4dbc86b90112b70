# Chunks out of order are bad commands: twenty in a row end the session.
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
C* 20 BDAT 2\r\nxx
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 503 5.5.1 <*>
S: 421 4.7.0 <*>
closed
