#include "unit/unit.h"

#include "base/cleanup.h"
#include "config/nearest.h"

static void test_distance(void **state)
{
	static const struct {
		const char *a, *b;
		size_t want;
	} rows[] = {
		{ "", "", 0 },       { "a", "", 1 },       { "", "abc", 3 },
		{ "abc", "abc", 0 }, { "abc", "ABC", 0 },  { "abc", "abd", 1 },
		{ "abc", "acb", 1 }, { "abc", "ab", 1 },   { "ab", "abc", 1 },
		{ "ca", "abc", 3 },  { "kitten", "sitting", 3 },
		{ "pop3", "pop3s", 1 }, { "abcd", "badc", 2 },
	};
	char words[2][NEAREST_WORD_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span a = span_str(rows[i].a), b = span_str(rows[i].b);

		assert_int_equal(word_distance(a, b), rows[i].want);
		assert_int_equal(word_distance(b, a), rows[i].want);
	}
	memset(words, 'x', sizeof words);
	memset(words[1], 'y', sizeof words[1]);
	assert_int_equal(word_distance(span_of(words[0], NEAREST_WORD_MAX),
				       span_of(words[1], NEAREST_WORD_MAX)),
			 NEAREST_WORD_MAX);
	assert_true(word_distance(span_of(words[0], NEAREST_WORD_MAX + 1),
				  SPAN_LIT("a")) == SIZE_MAX);
}

static void test_nearest(void **state)
{
	static const char *const known[] = { "serve", "status", "check",
					     "account", "pop3", "pop3s", "c" };
	static const struct {
		const char *word, *want;
	} rows[] = {
		{ "sevre", "serve" },    { "stauts", "status" },
		{ "acount", "account" }, { "chekc", "check" },
		{ "pop33", "pop3" },     { "Serve", "serve" },
		{ "zzz", NULL },         { "", NULL },
		{ "s", NULL },           { "x", NULL },
		{ "reload", NULL },      { "chk", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = word_nearest(span_str(rows[i].word), known,
					       ARRAY_LEN(known));

		if (rows[i].want == NULL)
			assert_null(got);
		else
			assert_string_equal(got, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
