# RFC 2595 section 4: after the handshake the server forgets what the client
# said before, the language too: whoever wrote LANG into the clear text
# (RFC 6856 section 7) has changed nothing.
given: connection stls
S: +OK <*>
C: LANG ja
S: +OK ja <*>
C: USER alice
S: -ERR 暗号化なしではログインできません。先に STLS を使ってください
C: STLS
S: +OK TLS を開始してください
tls
C: STLS
S: -ERR TLS is active already
C: LANG ja
S: +OK ja <*>
C: STLS
S: -ERR TLS はすでに有効です
