# RFC 6856 section 5: "The client MAY reissue the command after entering UTF-8
# mode": with UTF8 sent, nothing is refused.
given: maildrop utf8
given: utf8 refuse
S: +OK <*>
C: UTF8
C: USER alice
C: PASS secret
S: +OK <*>
S: +OK <*>
S: +OK <*>
C: TOP 1 1
S: +OK <*>
S: From: Tarō <taro@example.net>
S: Subject: こんにちは
S: MIME-Version: 1.0
S: Content-Type: text/plain; charset=utf-8
S: Content-Transfer-Encoding: 8bit
S:
S: 本文
S: .
