#include "auth/password.h"

#include "auth/auth.h"
#include "unit/unit.h"

struct row {
	const char *password;
	const char *reason; /* a part of it; NULL: strong */
};

static const struct row rows[] = {
	{ "", "shorter" },
	{ "x7#Kq2!mZp9", "shorter" }, /* eleven */
	{ "x7#Kq2!mZp9w", NULL },     /* twelve */
	/* Characters count, not octets: eleven and twelve of two each. */
	{ "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa5\xc3\xa9\xc3\xa8\xc3\xa7\xc3\xb1"
	  "\xc3\xb8\xc3\xa1\xc3\xad", "shorter" },
	{ "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa5\xc3\xa9\xc3\xa8\xc3\xa7\xc3\xb1"
	  "\xc3\xb8\xc3\xa1\xc3\xad\xc3\xb3", NULL },
	{ "aaaaaaaaaaaaaaaa", "different" },
	{ "abababababababab", "different" },
	{ "123456789012", "follow" },
	{ "987654321098", "follow" },
	{ "abcdefghijklmnop", "follow" },
	{ "abcdeabcdeabcde", "repeats" },
	{ "my-fredERICK-77!", "name" },
	{ "FREDERICKqx72vbn", "name" },
	{ "password1234567", "most used" },
	{ "!!Password!!2026", "most used" },
	{ "iloveyou20262026", "most used" },
	{ "qwertyqwertyqwerty", "most used" },
	{ "CorrectHorseBatteryStaple", "most used" },
	{ "1q2w3e4r5t6y", "most used" },
	{ "the tall pine hums", NULL },
	{ "nagori yuki 84 fude", NULL },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *reason = password_weakness(
			span_str(rows[i].password),
			SPAN_LIT("frederick@example.org"));

		if (rows[i].reason == NULL && reason != NULL)
			fail_msg("\"%s\" refused: %s", rows[i].password,
				 reason);
		if (rows[i].reason == NULL)
			continue;
		if (reason == NULL || strstr(reason, rows[i].reason) == NULL)
			fail_msg("\"%s\": %s", rows[i].password,
				 reason == NULL ? "taken" : reason);
	}
}

/* A name of two letters is inside of nearly every password. */
static void test_short_name(void **state)
{
	(void)state;
	assert_null(password_weakness(SPAN_LIT("x7ioKq2!mZp9w"),
				      SPAN_LIT("io@example.org")));
}

static void test_common(void **state)
{
	(void)state;
	assert_true(password_is_common(SPAN_LIT("password")));
	assert_true(password_is_common(SPAN_LIT("123456")));
	assert_true(password_is_common(SPAN_LIT("l\xc3\xb6senord")));
	assert_true(password_is_common(SPAN_LIT("!qaz2wsx")));
	assert_false(password_is_common(SPAN_LIT("passwor")));
	assert_false(password_is_common(SPAN_LIT("passwordx")));
	assert_false(password_is_common(SPAN_NONE));
}

static void test_generated(void **state)
{
	char seen[500][AUTH_GENERATED_LEN + 1];

	(void)state;
	for (size_t i = 0; i < 500; i++) {
		auth_generate_password(seen[i]);
		assert_int_equal(strlen(seen[i]), AUTH_GENERATED_LEN);
		for (size_t k = 0; k < AUTH_GENERATED_LEN; k++)
			assert_int_equal(seen[i][k] == '-', k % 5 == 4);
		assert_null(strpbrk(seen[i], "lo01"));
		assert_null(password_weakness(span_str(seen[i]),
					      SPAN_LIT("alice@example.org")));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(seen[k], seen[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_short_name),
		cmocka_unit_test(test_common),
		cmocka_unit_test(test_generated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
