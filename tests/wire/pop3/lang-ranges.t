# RFC 4647 section 2.1 (basic language range) and 3.4 (lookup): a longer range
# is cut back to the language; the case of letters does not matter; what is no
# range is refused, and an -ERR changes nothing (RFC 6856 section 3.2).
S: +OK <*>
C: LANG ja-JP
S: +OK ja <*>
C: LANG JA-Jpan-JP-x-Kansai
S: +OK ja <*>
C: LANG fr
S: -ERR その言語は利用できません
C: LANG EN-us
S: +OK en <*>
C: LANG j
S: -ERR language not offered
C: LANG jap
S: -ERR language not offered
C: LANG ja-
S: -ERR language not offered
C: LANG -ja
S: -ERR language not offered
C: LANG ja--JP
S: -ERR language not offered
C: LANG ja_JP
S: -ERR language not offered
C: LANG ja-123456789
S: -ERR language not offered
C: LANG *-JP
S: -ERR language not offered
C: LANG i-default
S: -ERR language not offered
C: LANG en ja
S: -ERR wrong arguments
