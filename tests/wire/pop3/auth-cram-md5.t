# RFC 2195: the server speaks first; RFC 5034 section 4: so an initial response
# is an error, and "*" cancels.
given: connection legacy
S: +OK <*>
C: AUTH CRAM-MD5 dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw
S: -ERR malformed response
C: AUTH CRAM-MD5
S: + <*>
C: *
S: -ERR <*>
C: AUTH CRAM-MD5
S: + <*>
C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw
S: -ERR [AUTH] wrong name or password
C: QUIT
S: +OK <*>
closed
