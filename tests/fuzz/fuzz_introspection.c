/*
 * Answers about access tokens, as a server or a program gives them (RFC 7662).
 * Input: an octet of what is wanted of a token, then the answer.
 */
#include "fuzz/fuzz.h"

#include "server/introspection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	uint8_t how = fuzz_take(&in);
	const struct introspection_rules rules = {
		.claim = (how & 1) != 0 ? "email" : "username",
		.audience = (how & 2) != 0 ? "mail" : "",
		.scope = (how & 4) != 0 ? "openid mail" : "",
	};
	struct span text = fuzz_piece(&in, in.n);
	struct token_answer answer;
	json_t *tree = NULL;

	if (introspection_parse(text, &rules, 1419350000, &tree, &answer) ==
	    NULL) {
		MUST(answer.verdict < TOKEN_VERDICTS);
		MUST(answer.user.n <= AUTH_ADDRESS_MAX);
		MUST(answer.expires_s >= 0);
		MUST(answer.verdict != TOKEN_GOOD || answer.user.n > 0);
		for (size_t i = 0; i < answer.user.n; i++)
			MUST(answer.user.p[i] != 0);
		json_decref(tree);
	} else {
		MUST(tree == NULL);
	}
	fuzz_free(text);
	return 0;
}
