# RFC 6856 section 2.1: without UTF-8 mode the server may "fail the request
# with an -ERR response"; section 5: "-ERR [UTF8]", valid for LIST, TOP, RETR.
# Only 8-bit octets in the header ask for it; LIST shows no content.
given: maildrop utf8
given: utf8 refuse
S: +OK <*>
C: USER alice
C: PASS secret
S: +OK <*>
S: +OK <*>
C: LIST
S: +OK <*>
S: 1 167
S: 2 103
S: .
C: RETR 1
S: -ERR [UTF8] <*>
C: TOP 1 0
S: -ERR [UTF8] <*>
C: RETR 2
S: +OK 103 octets
S: Subject: ascii
S: Content-Type: text/plain; charset=utf-8
S: Content-Transfer-Encoding: 8bit
S:
S: 日本語
S: .
C: UTF8
S: -ERR <*>
C: DELE 1
S: +OK <*>
C: RETR 1
S: -ERR <*>
C: RSET
S: +OK <*>
C: QUIT
S: +OK <*>
closed
left: 1 2
