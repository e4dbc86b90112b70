/*
 * What the POP3 server says to people, in every language that RFC 6856's LANG
 * can choose. Response codes, numbers and whatever programs read are not in
 * here: a translation changes no answer's meaning. Texts are UTF-8.
 */
#ifndef PROTO_POP3_TEXTS_H
#define PROTO_POP3_TEXTS_H

#include "base/err.h"
#include "base/span.h"
#include "proto/pop3_server.h"

/* clang-format off */
#define POP3_TEXTS(X)                                                         \
	X(SEND_PASS, "send PASS", "PASS を送ってください")                    \
	X(MECHANISMS, "mechanisms follow", "認証方式の一覧です")              \
	X(CAPABILITIES, "capabilities follow", "機能の一覧です")              \
	X(BEGIN_TLS, "begin TLS", "TLS を開始してください")                   \
	X(BYE, "bye", "接続を終了します")                                     \
	X(DELETED, "deleted", "削除対象にしました")                           \
	/* "2 messages (320 octets)" and "320 octets" */                      \
	X(MESSAGES, " messages (", " 通 (")                                   \
	X(OCTETS, " octets", " オクテット")                                   \
	X(NO_MESSAGE, "no such message", "そのメッセージはありません")        \
	X(IS_DELETED, "message is deleted",                                   \
	  "そのメッセージは削除対象になっています")                           \
	X(UNKNOWN, "unknown command", "不明なコマンドです")                   \
	X(LOG_IN_FIRST, "log in first", "先にログインしてください")           \
	X(LOGGED_IN, "already logged in", "すでにログインしています")         \
	X(USE_STLS, "use STLS first: no login in clear",                      \
	  "暗号化なしではログインできません。先に STLS を使ってください")     \
	X(NO_LOGIN, "no login in clear on this port",                         \
	  "このポートでは暗号化なしでログインできません")                     \
	X(ARGUMENTS, "wrong arguments", "引数が正しくありません")             \
	X(NUL, "NUL in a command", "コマンドに NUL が含まれています")         \
	X(IS_POP3, "this is POP3", "これは POP3 サーバーです")                \
	X(CR, "CR within a line", "行の途中に CR があります")                 \
	X(LONG, "line too long", "行が長すぎます")                            \
	X(USER_FIRST, "send USER first", "先に USER を送ってください")        \
	X(NO_MECHANISM, "mechanism not offered",                              \
	  "その認証方式は利用できません")                                     \
	X(NOT_BASE64, "response is not base64",                               \
	  "応答が base64 形式ではありません")                                 \
	X(CANCELLED, "cancelled", "認証を取り消しました")                     \
	X(MALFORMED, "malformed response", "応答の形式が正しくありません")    \
	X(DENIED, "wrong name or password",                                   \
	  "ユーザー名またはパスワードが正しくありません")                     \
	X(APP_PASSWORD, "login failed; this service needs an app password",   \
	  "ログインできません。このサービスにはアプリパスワードが必要です")   \
	X(SEE, ", see ", "。説明: ")                                          \
	X(HELP, "; help: ", "。ヘルプ: ")                                     \
	X(TLS_ACTIVE, "TLS is active already", "TLS はすでに有効です")        \
	X(NO_TLS, "TLS is not offered here", "ここでは TLS を利用できません") \
	X(WAIT_STLS, "wait for the reply to STLS",                            \
	  "STLS への応答を待ってください")                                    \
	X(STLS_LATE, "STLS has to come before UTF8",                          \
	  "STLS は UTF8 より先に送ってください")                              \
	X(UTF8_ON, "UTF-8 mode is on", "UTF-8 モードにしました")              \
	X(NEEDS_UTF8, "its header is not ASCII; log in after UTF8",           \
	  "ヘッダーが ASCII ではありません。"                                 \
	  "UTF8 コマンドの後にログインしてください")                          \
	X(LANGUAGES, "languages follow", "言語の一覧です")                    \
	X(LANGUAGE, "answers are in English", "応答を日本語にしました")       \
	X(NO_LANGUAGE, "language not offered", "その言語は利用できません")    \
	X(NO_DELETE, "this app password may not delete mail",                 \
	  "このアプリパスワードではメールを削除できません")                   \
	X(REVOKED, "the password of this session was changed or revoked",     \
	  "このセッションのパスワードは変更または取り消されました")           \
	X(SHUTDOWN, "server is shutting down", "サーバーを停止しています")

#define POP3_ERR_TEXTS_JA(X)                                 \
	X(NOMEM, "メモリが足りません")                       \
	X(IO, "入出力エラーが起きました")                    \
	X(FULL, "ディスクに空きがありません")                \
	X(BUSY, "ほかの処理が使用しています")                \
	X(OVERLOAD, "要求が集中しています")                  \
	X(TIMEOUT, "時間内に終わりませんでした")             \
	X(GONE, "サーバー内の処理が中断しました")            \
	X(SNAPSHOT_GONE, "ログインし直してください")         \
	X(READ_ONLY, "現在は読み出ししかできません")         \
	X(AGAIN, "まだ準備ができていません")                 \
	X(QUOTA, "メールボックスがいっぱいです")             \
	X(TOO_MANY, "一度に処理できる数を超えています")      \
	X(NOT_FOUND, "見つかりません")                       \
	X(NO_ACCOUNT, "そのアカウントはありません")          \
	X(NO_MAILBOX, "そのメールボックスはありません")      \
	X(NO_MSG, "そのメッセージはありません")              \
	X(EXISTS, "すでに存在します")                        \
	X(IN_USE, "まだほかから使われています")              \
	X(DENIED, "認証に失敗しました")                      \
	X(APP_PASSWORD, "アプリパスワードが必要です")        \
	X(WEAK, "パスワードが弱すぎます")                    \
	X(ACCESS, "許可されていません")                      \
	X(INVALID, "正しくありません")                       \
	X(SYNTAX, "構文が正しくありません")                  \
	X(TOO_BIG, "大きすぎます")                           \
	X(OVER_QUOTA, "メールボックスの上限を超えています")  \
	X(BARE_LINE_END, "単独の CR または LF があります")   \
	X(LOOP, "経由したサーバーが多すぎます")              \
	X(UNSUPPORTED, "ここでは利用できません")             \
	X(VERSION, "より新しい版で書かれたデータです")       \
	X(CORRUPT, "データが壊れています")

enum pop3_text {
#define X(name, en, ja) POP3_SAY_##name,
	POP3_TEXTS(X)
#undef X
	POP3_TEXT_COUNT
};
/* clang-format on */

struct span pop3_text(enum pop3_language language, enum pop3_text text);

/* What err_text() says, in the language. */
struct span pop3_err_text(enum pop3_language language, enum yb_err err);

/* A language's tag (RFC 5646), and its name in itself: "ja", "日本語". */
struct span pop3_language_tag(enum pop3_language language);
struct span pop3_language_name(enum pop3_language language);

/*
 * The language that a basic language range asks for, by RFC 4647's lookup:
 * "ja-JP" finds "ja", as in "the language-range is progressively truncated
 * from the end until a matching language tag is located". False if there is
 * none, or the range is malformed. "*" is the caller's.
 */
bool pop3_language_find(struct span range, enum pop3_language *ret);

#endif
