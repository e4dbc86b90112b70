# mpop with a filter: TOP n 0 of each, pipelined (pop3.c, pop3_filter() and
# pop3_delivery()); what the filter kills is deleted unread.
given: maildrop two-small
S: +OK <*>
C: USER alice
C: PASS secret
S: +OK <*>
S: +OK <*>
C: TOP 1 0
C: TOP 2 0
S: +OK <*>
S: From: bob@example.org
S: Subject: first
S:
S: .
S: +OK <*>
S: From: bob@example.org
S: Subject: second
S:
S: .
C: DELE 1
C: QUIT
S: +OK <*>
S: +OK <*>
closed
left: 2
