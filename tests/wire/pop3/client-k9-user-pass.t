# K-9 Mail without SASL PLAIN in CAPA's answer logs in by USER and PASS
# (Pop3Connection.java, login()), and asks for one UIDL at a time where it
# wants few (Pop3Folder.java, "UIDL" with a number).
given: maildrop two-small
S: +OK <*>
C: CAPA
S: +OK <*>
S...
S: .
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: UIDL 2
S: +OK 2 <two>
C: UIDL 1
S: +OK 1 <one>
C: UIDL 3
S: -ERR <*>
C: UIDL
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
C: QUIT
S: +OK <*>
closed
left: 1 2
