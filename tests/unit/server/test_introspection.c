/* What an answer about a token says: RFC 7662 section 2.2. */
#include "unit/unit.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "server/introspection.h"

enum { NOW = 1419350000 };

static const struct introspection_rules any = { "username", "", "" };
static const struct introspection_rules strict = { "sub", "mail",
						   "read dolphin" };

/* RFC 7662 section 2.2, as it stands there. */
static const char rfc_good[] =
	"{\n"
	"  \"active\": true,\n"
	"  \"client_id\": \"l238j323ds-23ij4\",\n"
	"  \"username\": \"jdoe\",\n"
	"  \"scope\": \"read write dolphin\",\n"
	"  \"sub\": \"Z5O3upPC88QrAjx00dis\",\n"
	"  \"aud\": \"https://protected.example.net/resource\",\n"
	"  \"iss\": \"https://server.example.com/\",\n"
	"  \"exp\": 1419356238,\n"
	"  \"iat\": 1419350238,\n"
	"  \"extension_field\": \"twenty-seven\"\n"
	"}\n";
static const char rfc_inactive[] = "{\n  \"active\": false\n}\n";

#define GOOD(more) "{\"active\":true,\"sub\":\"a\"" more "}"
#define FITTING    ",\"aud\":\"mail\",\"scope\":\"read dolphin\""

struct row {
	const struct introspection_rules *rules;
	const char *text;
	enum token_verdict verdict;
	const char *user;
	int64_t expires_s;
};

static const struct row rows[] = {
	{ &any, rfc_good, TOKEN_GOOD, "jdoe", 1419356238 },
	{ &any, rfc_inactive, TOKEN_INACTIVE, "", 0 },
	{ &strict, rfc_good, TOKEN_AUDIENCE, "Z5O3upPC88QrAjx00dis",
	  1419356238 },
	{ &strict, GOOD(FITTING), TOKEN_GOOD, "a", 0 },
	/* RFC 7519 section 4.1.3: one audience, or an array of them. */
	{ &strict,
	  GOOD(",\"aud\":[\"x\",\"mail\"],\"scope\":\"dolphin x read\""),
	  TOKEN_GOOD, "a", 0 },
	{ &strict, GOOD(",\"aud\":[],\"scope\":\"read dolphin\""),
	  TOKEN_AUDIENCE, "a", 0 },
	{ &strict, GOOD(",\"aud\":[\"mailx\",7,null],\"scope\":\"read\""),
	  TOKEN_AUDIENCE, "a", 0 },
	{ &strict, GOOD(",\"aud\":{\"mail\":1},\"scope\":\"read\""),
	  TOKEN_AUDIENCE, "a", 0 },
	{ &strict, GOOD(",\"aud\":\"Mail\",\"scope\":\"read dolphin\""),
	  TOKEN_AUDIENCE, "a", 0 },
	{ &strict, GOOD(",\"aud\":\"mail\""), TOKEN_SCOPE, "a", 0 },
	{ &strict, GOOD(",\"aud\":\"mail\",\"scope\":\"read\""), TOKEN_SCOPE,
	  "a", 0 },
	{ &strict, GOOD(",\"aud\":\"mail\",\"scope\":\"read dolphins\""),
	  TOKEN_SCOPE, "a", 0 },
	{ &strict, GOOD(",\"aud\":\"mail\",\"scope\":[\"read\",\"dolphin\"]"),
	  TOKEN_SCOPE, "a", 0 },
	{ &strict, "{\"active\":true,\"username\":\"a\"" FITTING "}",
	  TOKEN_NAMELESS, "", 0 },
	{ &strict, "{\"active\":true,\"sub\":\"\"" FITTING "}", TOKEN_NAMELESS,
	  "", 0 },
	{ &strict, "{\"active\":true,\"sub\":7" FITTING "}", TOKEN_NAMELESS, "",
	  0 },
	/* "active" is true, and it is over all the same. */
	{ &strict, GOOD(FITTING ",\"exp\":1419350000"), TOKEN_INACTIVE, "a",
	  NOW },
	{ &strict, GOOD(FITTING ",\"exp\":1419350001"), TOKEN_GOOD, "a",
	  NOW + 1 },
	{ &strict, GOOD(FITTING ",\"exp\":1419350001.5"), TOKEN_GOOD, "a",
	  NOW + 1 },
	{ &strict, GOOD(FITTING ",\"exp\":null"), TOKEN_GOOD, "a", 0 },
	/* What else may come with "active": false is not looked at. */
	{ &any, "{\"active\":false,\"username\":\"jdoe\"}", TOKEN_INACTIVE,
	  "jdoe", 0 },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct token_answer got;
		json_t *tree = NULL;

		assert_null(introspection_parse(span_str(row->text), row->rules,
						NOW, &tree, &got));
		if (got.verdict != row->verdict)
			fail_msg("row %zu: %s", i, row->text);
		assert_true(span_eq(got.user, span_str(row->user)));
		assert_int_equal(got.expires_s, row->expires_s);
		json_decref(tree);
	}
}

/* An address that is only claimed opens nobody's mailbox. */
static void test_email(void **state)
{
	static const struct {
		const char *text;
		enum token_verdict verdict;
	} emails[] = {
		{ "{\"active\":true,\"email\":\"a@b\"}", TOKEN_GOOD },
		{ "{\"active\":true,\"email\":\"a@b\",\"email_verified\":true}",
		  TOKEN_GOOD },
		{ "{\"active\":true,\"email\":\"a@b\",\"email_verified\":"
		  "false}",
		  TOKEN_NAMELESS },
	};
	const struct introspection_rules rules = { "email", "", "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(emails); i++) {
		struct token_answer got;
		json_t *tree = NULL;

		assert_null(introspection_parse(span_str(emails[i].text),
						&rules, NOW, &tree, &got));
		assert_int_equal(got.verdict, emails[i].verdict);
		json_decref(tree);
	}
}

/* Then nobody knows what the token is: no verdict, and no failed login. */
static void test_no_answers(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"null",
		"true",
		"[]",
		"[{\"active\":true}]",
		"{}",
		"{\"active\":1}",
		"{\"active\":\"true\"}",
		"{\"active\":null}",
		"{\"Active\":true}",
		"{\"active\":true",
		"{\"active\":true}}",
		"{\"active\":false,\"active\":true}",
		"{\"active\":true,\"username\":\"\xff\"}",
		"{\"active\":true,\"username\":\"a\\u0000b\"}",
		"{\"active\":true,\"exp\":\"1419356238\"}",
		"{\"active\":true,\"exp\":0}",
		"{\"active\":true,\"exp\":-1}",
		"{\"active\":true,\"exp\":1e300}",
		"{\"active\":true,\"exp\":99999999999999999999}",
		"<html>",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct token_answer got;
		json_t *tree = NULL;

		if (introspection_parse(span_str(texts[i]), &any, NOW, &tree,
					&got) == NULL)
			fail_msg("taken: %s", texts[i]);
		assert_null(tree);
	}
}

static void test_long_name(void **state)
{
	char text[512];

	(void)state;
	for (int more = 0; more < 2; more++) {
		struct token_answer got;
		json_t *tree = NULL;

		snprintf(text, sizeof text,
			 "{\"active\":true,\"username\":\"%0*d\"}",
			 AUTH_ADDRESS_MAX + more, 0);
		assert_null(introspection_parse(span_str(text), &any, NOW,
						&tree, &got));
		assert_int_equal(got.verdict,
				 more == 0 ? TOKEN_GOOD : TOKEN_NAMELESS);
		json_decref(tree);
	}
}

static void test_questions(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 256);
	/* RFC 7662 section 2.1: "token" and "token_type_hint". */
	assert_ok(introspection_put_question(&out, SPAN_LIT("a-._~+/=")));
	assert_true(span_eq(buf_span(&out),
			    SPAN_LIT("token=a-._~%2B%2F%3D&"
				     "token_type_hint=access_token")));
	buf_clear(&out);
	/* RFC 6749 section 2.3.1's example. */
	assert_ok(introspection_put_client(&out, SPAN_LIT("s6BhdRkqt3"),
					   SPAN_LIT("gX1fBat3bV")));
	assert_true(span_eq(buf_span(&out),
			    SPAN_LIT("Authorization: Basic "
				     "czZCaGRSa3F0MzpnWDFmQmF0M2JW")));
	buf_clear(&out);
	/* "a b:c" and "%": escaped before they are joined by a colon. */
	assert_ok(introspection_put_client(&out, SPAN_LIT("a b:c"),
					   SPAN_LIT("%")));
	assert_true(span_eq(buf_span(&out), SPAN_LIT("Authorization: Basic "
						     "YSUyMGIlM0FjOiUyNQ==")));
	buf_done(&out);
	buf_init(&out, 16);
	assert_int_equal(introspection_put_question(&out, SPAN_LIT("abcdefghi"
								   "jklm")),
			 YB_TOO_BIG);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_email),
		cmocka_unit_test(test_no_answers),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
