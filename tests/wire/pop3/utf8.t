# RFC 6856 section 2.1: "The UTF8 command enables UTF-8 mode" and "has no
# parameters"; messages "are sent to the client as is", and "the octet count
# reported in a response to the LIST command SHOULD match the actual number of
# octets sent in a RETR response".
given: maildrop utf8
S: +OK <*>
C: UTF8 USER
S: -ERR <*>
C: UTF8
S: +OK <*>
C: utf8
S: +OK <*>
C: USER alice
S: +OK <*>
C: PASS secret
S: +OK <*>
C: LIST 1
S: +OK 1 167
C: RETR 1
S: +OK 167 octets
S: From: Tarō <taro@example.net>
S: Subject: こんにちは
S: MIME-Version: 1.0
S: Content-Type: text/plain; charset=utf-8
S: Content-Transfer-Encoding: 8bit
S:
S: 本文
S: ..点
S: .
C: QUIT
S: +OK <*>
closed
