/* PLAIN (RFC 4616) and LOGIN, from both sides. */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "sasl/client.h"
#include "sasl/server.h"

static const struct sasl_channel none;

/* A span of a literal with NULs in it. */
#define S(text)                                           \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

struct plain_row {
	struct span response;
	bool good;
	const char *authzid, *user, *password;
};

static const struct plain_row plain_rows[] = {
	/* RFC 4616 section 4. */
	{ S("\0tim\0tanstaaftanstaaf"), true, "", "tim", "tanstaaftanstaaf" },
	{ S("Ursel\0Kurt\0xipj3plmq"), true, "Ursel", "Kurt", "xipj3plmq" },
	{ S("\0a\0b c "), true, "", "a", "b c " },
	{ S("\0\xc3\xa9\0\xe3\x81\x82"), true, "", "\xc3\xa9", "\xe3\x81\x82" },
	/* "authcid and passwd MUST NOT be empty", and no NUL in them. */
	{ S(""), false, 0, 0, 0 },
	{ S("\0"), false, 0, 0, 0 },
	{ S("\0\0"), false, 0, 0, 0 },
	{ S("\0a\0"), false, 0, 0, 0 },
	{ S("\0\0b"), false, 0, 0, 0 },
	{ S("a\0b"), false, 0, 0, 0 },
	{ S("ab"), false, 0, 0, 0 },
	{ S("\0a\0b\0"), false, 0, 0, 0 },
	{ S("\0a\0b\0c"), false, 0, 0, 0 },
	{ S("\0\0a\0b"), false, 0, 0, 0 },
	/* UTF-8, in shortest form, without surrogates (threat 41). */
	{ S("\0\xff\0b"), false, 0, 0, 0 },
	{ S("\0a\0\xc0\x80"), false, 0, 0, 0 },
	{ S("\0a\0\xc3"), false, 0, 0, 0 },
	{ S("\0\xed\xa0\x80\0b"), false, 0, 0, 0 },
	{ S("\xf4\x90\x80\x80\0a\0b"), false, 0, 0, 0 },
};

static void test_plain(void **state)
{
	struct sasl_result r;
	struct sasl_server s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plain_rows); i++) {
		const struct plain_row *row = &plain_rows[i];

		assert_int_equal(sasl_server_start(&s, SASL_PLAIN, &none,
						   row->response, true, &r),
				 row->good ? SASL_CREDENTIALS : SASL_FAIL);
		if (!row->good)
			continue;
		assert_true(span_eq(r.authzid, span_str(row->authzid)));
		assert_true(span_eq(r.user, span_str(row->user)));
		assert_true(span_eq(r.password, span_str(row->password)));
		/* The same behind an empty challenge. */
		assert_int_equal(sasl_server_start(&s, SASL_PLAIN, &none,
						   SPAN_NONE, false, &r),
				 SASL_CHALLENGE);
		assert_int_equal(r.challenge.n, 0);
		assert_int_equal(sasl_server_step(&s, row->response, &r),
				 SASL_CREDENTIALS);
		assert_true(span_eq(r.user, span_str(row->user)));
		sasl_server_done(&s);
	}
}

static void test_login(void **state)
{
	struct sasl_result r;
	struct sasl_server s;
	uint8_t user[] = "tim";

	(void)state;
	assert_int_equal(
		sasl_server_start(&s, SASL_LOGIN, &none, SPAN_NONE, false, &r),
		SASL_CHALLENGE);
	assert_true(span_eq(r.challenge, SPAN_LIT("Username:")));
	assert_int_equal(sasl_server_step(&s, span_of(user, 3), &r),
			 SASL_CHALLENGE);
	assert_true(span_eq(r.challenge, SPAN_LIT("Password:")));
	/* The response is the caller's and gone by now. */
	memset(user, 'x', sizeof user);
	assert_int_equal(sasl_server_step(&s, SPAN_LIT("secret"), &r),
			 SASL_CREDENTIALS);
	assert_true(span_eq(r.user, SPAN_LIT("tim")));
	assert_true(span_eq(r.password, SPAN_LIT("secret")));
	sasl_server_done(&s);
	assert_int_equal(s.user_n, 0);
	assert_int_equal(s.user[0], 0);
}

/* Clients send the name with the command; it is not in the draft. */
static void test_login_initial_response(void **state)
{
	struct sasl_result r;
	struct sasl_server s;

	(void)state;
	assert_int_equal(sasl_server_start(&s, SASL_LOGIN, &none,
					   SPAN_LIT("tim"), true, &r),
			 SASL_CHALLENGE);
	assert_true(span_eq(r.challenge, SPAN_LIT("Password:")));
	assert_int_equal(sasl_server_step(&s, SPAN_LIT("secret"), &r),
			 SASL_CREDENTIALS);
	assert_true(span_eq(r.user, SPAN_LIT("tim")));
}

static void test_login_bad_responses(void **state)
{
	static const struct span bad[] = { S(""), S("\0"), S("a\0b"),
					   S("\xff") };
	struct sasl_result r;
	struct sasl_server s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(sasl_server_start(&s, SASL_LOGIN, &none,
						   bad[i], true, &r),
				 SASL_FAIL);
		assert_int_equal(sasl_server_start(&s, SASL_LOGIN, &none,
						   SPAN_LIT("a"), true, &r),
				 SASL_CHALLENGE);
		assert_int_equal(sasl_server_step(&s, bad[i], &r), SASL_FAIL);
	}
}

/* The longest name and password, and one octet more of each. */
static void test_limits(void **state)
{
	enum { LONGEST = 2 * SASL_USER_MAX + SASL_PASSWORD_MAX + 2 };
	uint8_t text[LONGEST + 1];
	struct sasl_result r;
	struct sasl_server s;
	size_t user_n = SASL_USER_MAX;

	(void)state;
	memset(text, 'a', sizeof text);
	text[SASL_USER_MAX] = text[2 * user_n + 1] = 0;
	assert_int_equal(sasl_server_start(&s, SASL_PLAIN, &none,
					   span_of(text, LONGEST), true, &r),
			 SASL_CREDENTIALS);
	assert_int_equal(r.user.n, SASL_USER_MAX);
	assert_int_equal(r.password.n, SASL_PASSWORD_MAX);
	assert_int_equal(sasl_server_start(&s, SASL_PLAIN, &none,
					   span_of(text, sizeof text), true,
					   &r),
			 SASL_FAIL);
	memset(text, 'a', sizeof text);
	assert_int_equal(sasl_server_start(&s, SASL_LOGIN, &none,
					   span_of(text, user_n), true, &r),
			 SASL_CHALLENGE);
	assert_int_equal(
		sasl_server_step(&s, span_of(text, SASL_PASSWORD_MAX + 1), &r),
		SASL_FAIL);
	assert_int_equal(sasl_server_start(&s, SASL_LOGIN, &none,
					   span_of(text, user_n + 1), true, &r),
			 SASL_FAIL);
}

static void test_mechanisms(void **state)
{
	char list[SASL_LIST_MAX];
	enum sasl_mechanism m;

	(void)state;
	sasl_mechanism_list(sasl_mechanism_set(false), list);
	assert_string_equal(list, "SCRAM-SHA-256 PLAIN LOGIN");
	sasl_mechanism_list(sasl_mechanism_set(true), list);
	assert_string_equal(list, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 "
				  "OAUTHBEARER XOAUTH2 PLAIN LOGIN");
	sasl_mechanism_list(sasl_mechanism_tokens(), list);
	assert_string_equal(list, "OAUTHBEARER XOAUTH2");
	sasl_mechanism_list(1u << SASL_LOGIN, list);
	assert_string_equal(list, "LOGIN");
	sasl_mechanism_list(0, list);
	assert_string_equal(list, "");
	assert_true(sasl_mechanism_find(SPAN_LIT("plain"), &m));
	assert_int_equal(m, SASL_PLAIN);
	assert_true(sasl_mechanism_find(SPAN_LIT("LOGIN"), &m));
	assert_int_equal(m, SASL_LOGIN);
	assert_string_equal(sasl_mechanism_name(m), "LOGIN");
	assert_int_equal(sasl_mechanism_flags(m), SASL_SECRET_IN_CLEAR);
	assert_false(sasl_mechanism_find(SPAN_LIT("PLAI"), &m));
	assert_false(sasl_mechanism_find(SPAN_LIT("PLAINX"), &m));
	assert_false(sasl_mechanism_find(SPAN_LIT(""), &m));
}

/* ---- the client half, against the server half ---- */

static void test_client_plain(void **state)
{
	struct sasl_result r;
	struct sasl_server s;
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	assert_ok(sasl_client_plain(&b, SPAN_LIT("z"), SPAN_LIT("tim"),
				    SPAN_LIT("p w")));
	assert_int_equal(sasl_server_start(&s, SASL_PLAIN, &none, buf_span(&b),
					   true, &r),
			 SASL_CREDENTIALS);
	assert_true(span_eq(r.authzid, SPAN_LIT("z")));
	assert_true(span_eq(r.user, SPAN_LIT("tim")));
	assert_true(span_eq(r.password, SPAN_LIT("p w")));
	buf_clear(&b);
	assert_int_equal(sasl_client_plain(&b, SPAN_NONE, SPAN_LIT("a\0b"),
					   SPAN_LIT("p")),
			 YB_SYNTAX);
	assert_int_equal(
		sasl_client_plain(&b, SPAN_NONE, SPAN_LIT("a"), SPAN_NONE),
		YB_SYNTAX);
	assert_int_equal(b.n, 0);
	buf_done(&b);
	buf_init(&b, 4);
	assert_int_equal(
		sasl_client_plain(&b, SPAN_NONE, SPAN_LIT("ab"), SPAN_LIT("c")),
		YB_TOO_BIG);
	assert_int_equal(b.n, 0);
	buf_done(&b);
}

static void test_client_login(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	assert_ok(sasl_client_login(&b, 0, SPAN_LIT("u"), SPAN_LIT("p")));
	assert_ok(sasl_client_login(&b, 1, SPAN_LIT("u"), SPAN_LIT("p")));
	assert_true(span_eq(buf_span(&b), SPAN_LIT("up")));
	assert_int_equal(sasl_client_login(&b, 2, SPAN_LIT("u"), SPAN_LIT("p")),
			 YB_SYNTAX);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_login_initial_response),
		cmocka_unit_test(test_login_bad_responses),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_mechanisms),
		cmocka_unit_test(test_client_plain),
		cmocka_unit_test(test_client_login),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
