# OTRS and Znuny (Kernel/System/MailAccount/POP3.pm) use Perl's Net::POP3:
# login(), list() for all, then get() and delete() of each, and quit(). login()
# sends STAT where the answer to PASS does not name a number of messages, and
# the programs also ask list() for each message's size.
given: maildrop two-small
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK 2 messages (320 octets)
C: STAT
S: +OK 2 320
C: LIST
S: +OK 2 messages (320 octets)
S: 1 120
S: 2 200
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
C: DELE 1
S: +OK <*>
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
C: DELE 2
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left:
