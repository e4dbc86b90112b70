# RFC 6856 section 3: LANG in AUTHORIZATION and TRANSACTION; "language
# listing" lines of a tag and the language's name in itself; "+OK", "the exact
# language tag selected, and another space".
S: +OK <*>
C: LANG
S: +OK languages follow
S: en English
S: ja 日本語
S: .
C: LANG ja
S: +OK ja 応答を日本語にしました
C: USER alice
S: +OK PASS を送ってください
C: LANG MUL
S: -ERR その言語は利用できません
C: PASS secret
S: +OK 0 通 (0 オクテット)
C: LANG
S: +OK 言語の一覧です
S: en English
S: ja 日本語
S: .
C: LANG *
S: +OK en answers are in English
C: RETR 1
S: -ERR no such message
C: lang Ja
S: +OK ja 応答を日本語にしました
C: RETR 1
S: -ERR そのメッセージはありません
C: QUIT
S: +OK 接続を終了します
closed
