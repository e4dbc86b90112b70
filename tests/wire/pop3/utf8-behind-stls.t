# RFC 6856 section 2: valid in AUTHORIZATION, also within TLS.
given: connection stls
given: utf8 refuse
given: maildrop utf8
S: +OK <*>
C: STLS
S: +OK <*>
tls
C: UTF8
S: +OK <*>
C: USER alice
C: PASS secret
S: +OK <*>
S: +OK <*>
C: UTF8
S: -ERR <*>
C: TOP 1 0
S: +OK <*>
S: From: Tarō <taro@example.net>
S: Subject: こんにちは
S: MIME-Version: 1.0
S: Content-Type: text/plain; charset=utf-8
S: Content-Transfer-Encoding: 8bit
S:
S: .
