# RFC 1939 section 7: "APOP name digest", where the greeting has a timestamp.
# What is malformed is told apart from what is wrong; who exists is not.
given: connection legacy
S: +OK <*> POP3 ready <<*>@<*>>
C: APOP
S: -ERR <*>
C: APOP alice
S: -ERR <*>
C: APOP alice c4c9334bac560ecc979e58001b3e22fb x
S: -ERR <*>
C: APOP alice c4c9334bac560ecc979e58001b3e22f
S: -ERR malformed response
C: APOP alice g4c9334bac560ecc979e58001b3e22fb
S: -ERR malformed response
C: APOP nobody c4c9334bac560ecc979e58001b3e22fb
S: -ERR [AUTH] wrong name or password
closed
