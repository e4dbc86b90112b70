# `utf8_mail: as-is`, the default, is a deliberate deviation from RFC 6856
# section 2.1: without UTF-8 mode too, mail goes out as it came.
given: maildrop utf8
S: +OK <*>
C: USER alice
C: PASS secret
S: +OK <*>
S: +OK <*>
C: TOP 1 0
S: +OK <*>
S: From: Tarō <taro@example.net>
S: Subject: こんにちは
S: MIME-Version: 1.0
S: Content-Type: text/plain; charset=utf-8
S: Content-Transfer-Encoding: 8bit
S:
S: .
