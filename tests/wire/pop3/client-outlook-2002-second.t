# The second session of Outlook 2002 before SP2: it deletes what the first one
# fetched, without reading it again (same source as client-outlook-2002.t).
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: UIDL
S: +OK <*>
S: 1 <one>
S: 2 <two>
S: .
C: DELE 1
S: +OK <*>
C: DELE 2
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left:
