# Outlook 2002 before SP2 fetched in one session and deleted in the next
# (Microsoft, "OL 2002: Mail Retrieval Problems Occur When You Receive POP
# Mail"): no LOGIN-DELAY between the two, and unique-ids that stay.
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
C: RETR 1
S: +OK 120 octets
S: From: bob@example.org
S: Subject: first
S:
S: line of text, and some more of
S: line of text, and some more of
S: line of text,
S: .
C: RETR 2
S: +OK 200 octets
S: From: bob@example.org
S: Subject: second
S:
S: line of text, and some more of
S: line of text, and some more of
S: line of text, and some more of
S: line of text, and some more of
S: line of text, and some more 
S: .
C: QUIT
S: +OK <*>
closed
left: 1 2
