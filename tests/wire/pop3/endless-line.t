# Threat 16: one answer, a bounded wait, the end.
S: +OK <*>
C* 70000 x
S: -ERR <*>
closed
