# Threat 18: NUL ends the session.
S: +OK <*>
C= USER al\0ice\r\nCAPA\r\n
S: -ERR <*>
closed
