# RFC 6856 section 3.2: texts change, and nothing else: response codes, numbers
# and the forms that programs read stay.
given: maildrop two-small
S: +OK <*>
C: LANG ja
S: +OK ja <*>
C: CAPA
S: +OK 機能の一覧です
S: TOP
S: UIDL
S: RESP-CODES
S: AUTH-RESP-CODE
S: PIPELINING
S: UTF8 USER
S: LANG
S: USER
S: SASL <*>
S: STLS
S: .
C: FOO
S: -ERR 不明なコマンドです
C: STAT
S: -ERR 先にログインしてください
C: PASS secret
S: -ERR 先に USER を送ってください
C: USER alice
C: PASS wrong
S: +OK PASS を送ってください
S: -ERR [AUTH] ユーザー名またはパスワードが正しくありません
C: AUTH FOO
S: -ERR その認証方式は利用できません
C: AUTH PLAIN ?
S: -ERR 応答が base64 形式ではありません
C: AUTH PLAIN
S: + 
C: *
S: -ERR 認証を取り消しました
C: USER alice
C: PASS secret
S: +OK PASS を送ってください
S: +OK 2 通 (320 オクテット)
C: STAT
S: +OK 2 320
C: LIST
S: +OK 2 通 (320 オクテット)
S: 1 120
S: 2 200
S: .
C: LIST 1
S: +OK 1 120
C: DELE 1
S: +OK 削除対象にしました
C: DELE 1
S: -ERR そのメッセージは削除対象になっています
C: RSET
S: +OK 2 通 (320 オクテット)
C: USER alice
S: -ERR すでにログインしています
C: TOP 1
S: -ERR 引数が正しくありません
C: QUIT
S: +OK 接続を終了します
closed
left: 1 2
