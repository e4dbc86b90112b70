#include "unit/unit.h"

#include "proto/pop3_texts.h"

/* RFC 2449 section 4: "The first line of a response is at most 512 octets"
 * with a status, a response code, and a help_url of 200 octets. */
enum { TEXT_MAX = 200 };

static bool is_utf8_line(struct span s)
{
	size_t i = 0;

	while (i < s.n) {
		uint8_t c = s.p[i++];
		int more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;

		if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xc2))
			return false;
		for (; more > 0; more--)
			if (i == s.n || (s.p[i++] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x80)
			return false;
	return true;
}

static void check_text(struct span en, struct span ja)
{
	assert_true(en.n > 0 && en.n <= TEXT_MAX);
	assert_true(ja.n > 0 && ja.n <= TEXT_MAX);
	/* RFC 1939 section 3: before LANG only ASCII may be said. */
	assert_true(is_ascii(en));
	assert_true(is_utf8_line(ja));
	assert_false(span_eq(en, ja));
	/* What could pass for a response code (RFC 2449 section 8). */
	assert_false(span_starts(en, SPAN_LIT("[")));
	assert_false(span_starts(ja, SPAN_LIT("[")));
}

static void test_every_text(void **state)
{
	(void)state;
	for (int i = 0; i < POP3_TEXT_COUNT; i++)
		check_text(pop3_text(POP3_EN, (enum pop3_text)i),
			   pop3_text(POP3_JA, (enum pop3_text)i));
}

/* Every error has its text: one that is new needs a line in the table. */
static void test_every_error(void **state)
{
	(void)state;
	for (int i = 1; i < YB_ERR_COUNT; i++)
		check_text(pop3_err_text(POP3_EN, (enum yb_err)i),
			   pop3_err_text(POP3_JA, (enum yb_err)i));
}

/* RFC 4647 sections 2.1 and 3.4. */
static void test_find(void **state)
{
	static const struct {
		const char *range;
		int want; /* or -1 */
	} rows[] = {
		{ "en", POP3_EN },
		{ "ja", POP3_JA },
		{ "JA", POP3_JA },
		{ "ja-JP", POP3_JA },
		{ "en-GB-oed", POP3_EN },
		{ "ja-a", POP3_JA },
		{ "j", -1 },
		{ "jap", -1 },
		{ "", -1 },
		{ "-", -1 },
		{ "ja-", -1 },
		{ "-ja", -1 },
		{ "ja--x", -1 },
		{ "ja-123456789", -1 },
		{ "ja-!", -1 },
		{ "j1", -1 },
		{ "*", -1 },
		{ "en-*", -1 },
		{ "mul", -1 },
		{ "\xe6\x97\xa5", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum pop3_language got = POP3_LANGUAGES;
		bool found = pop3_language_find(span_str(rows[i].range), &got);

		assert_int_equal(found, rows[i].want >= 0);
		assert_int_equal((int)got,
				 found ? rows[i].want : (int)POP3_LANGUAGES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_text),
		cmocka_unit_test(test_every_error),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
