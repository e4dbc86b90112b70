# Threat 33: bare CR and LF become line ends, and dots that this brings to the
# start of a line are doubled: no false end, nothing lost.
S: 220 <*>
C: LHLO client.example.net
S: 250-mail.example.org
S: 250-PIPELINING
S: 250-SIZE 1000000
S: 250-STARTTLS
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 ENHANCEDSTATUSCODES
C: MAIL FROM:<>
C: RCPT TO:<alice@example.org>
C: DATA
S: 250 2.1.0 <*>
S: 250 2.1.5 <*>
S: 354 <*>
C= one\ntwo\rthree\n.\nfour\r.\rfive\r\n..six\r\r\n.\nseven\r\n
C: .
S: 250 2.0.0 <*>
C: QUIT
S: 221 2.0.0 <*>
closed
kept: alice@example.org
| one
| two
| three
| .
| four
| .
| five
| .six
| 
| seven
