# RFC 2595 section 4: after TLS the server forgets what it was told before;
# UTF8 cannot come before STLS, so `refuse` holds without a new UTF8.
given: connection stls
given: utf8 refuse
given: maildrop utf8
S: +OK <*>
C: STLS
S: +OK <*>
tls
C: USER alice
C: PASS secret
S: +OK <*>
S: +OK <*>
C: RETR 1
S: -ERR [UTF8] <*>
