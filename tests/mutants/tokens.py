"""What makes an access token worth something, taken away piece by piece.

(name, file, what stands there once, what stands there instead, finder)
"""

ENVIRONMENT = {}

GRAMMAR = "sasl/test_oauth::test_grammar"
TOKEN = "auth/test_token"
ANSWER = "server/test_introspection"
TOKENS = "test_oauth.py"

MUTANTS = [
    ("a token of somebody else", "src/auth/attempt_token.c",
     "	if (span_eq(name_span(&who->name), name_span(whose)))\n"
     "		return true;\n",
     "	return true;\n",
     TOKEN + "::test_verdicts"),
    ("a token where logins are off", "src/auth/attempt_token.c",
     "	if (!cached_may_log_in(cached)) {",
     "	if (!cached->real) {",
     TOKEN + "::test_known_but_locked"),
    ("a token remembered over its end", "src/auth/attempt_token.c",
     "	return (uint64_t)left_ms < most_ms ? (uint64_t)left_ms : most_ms;",
     "	return most_ms;",
     TOKEN + "::test_remembered"),
    ("a token remembered over a change", "src/auth/attempt_token.c",
     "cached->account->generation == k->generation &&",
     "true &&",
     TOKEN + "::test_remembered"),
    ("as many questions as somebody likes", "src/auth/attempt_token.c",
     "	return at->peer->asked < most && a->asked_n < TOKENS_ASKED_MAX;",
     "	(void)most;\n	return a->asked_n < TOKENS_ASKED_MAX;",
     TOKEN + "::test_hanging"),
    ("a token in clear", "src/auth/sasl.c",
     "		(a->tokens != NULL && peer->tls));",
     "		(a->tokens != NULL));",
     TOKEN + "::test_not_offered"),
    ("a token for another service", "src/server/introspection.c",
     "		 !has_audience(answer, span_str(rules->audience)))",
     "		 answer == NULL)",
     ANSWER + "::test_answers"),
    ("a token without the scope", "src/server/introspection.c",
     "		if (word.n > 0 && !has_word(given, word))",
     "		if (word.n > 0 && given.n == 0)",
     ANSWER + "::test_answers"),
    ("an address that nobody has proved", "src/server/introspection.c",
     "	     json_is_false(json_object_get(answer, \"email_verified\"))))",
     "	     json_is_null(json_object_get(answer, \"email_verified\"))))",
     ANSWER + "::test_email"),
    ("the last of two answers", "src/server/introspection.c",
     "JSON_REJECT_DUPLICATES",
     "0",
     ANSWER + "::test_no_answers"),
    ("the last of two tokens", "src/sasl/oauth.c",
     "		    (key != KEY_UNKNOWN && (seen & 1u << key) != 0) ||\n",
     "",
     GRAMMAR),
    ("any certificate", "src/server/http_post.c",
     "	SET(CURLOPT_SSL_VERIFYPEER, 1L);\n"
     "	SET(CURLOPT_SSL_VERIFYHOST, 2L);\n",
     "	SET(CURLOPT_SSL_VERIFYPEER, 0L);\n"
     "	SET(CURLOPT_SSL_VERIFYHOST, 0L);\n",
     TOKENS + "::test_wrong_credential_of_ours"),
    ("a redirection followed", "src/server/http_post.c",
     "	SET(CURLOPT_FOLLOWLOCATION, 0L);\n",
     "	SET(CURLOPT_FOLLOWLOCATION, 1L);\n"
     "	SET(CURLOPT_POSTREDIR, CURL_REDIR_POST_ALL);\n",
     TOKENS + "::test_nobody_knows"),
    ("answers of any length", "src/server/http_post.c",
     "	buf_init(&q->answer, HTTP_POST_ANSWER_MAX);\n	q->h = h;",
     "	buf_init(&q->answer, SIZE_MAX);\n	q->h = h;",
     TOKENS + "::test_nobody_knows"),
]

SAMPLE = ["a token of somebody else", "a token for another service"]
