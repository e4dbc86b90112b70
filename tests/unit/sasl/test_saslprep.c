#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/utf8.h"
#include "sasl/saslprep.h"

#define S(text) { (const uint8_t *)(text), sizeof(text) - 1 }

struct row {
	struct span in;
	enum yb_err err;
	const char *want;
};

static const struct row rows[] = {
	/* RFC 4013 section 3, examples 1 to 7. */
	{ S("I\xc2\xadX"), YB_OK, "IX" },
	{ S("user"), YB_OK, "user" },
	{ S("USER"), YB_OK, "USER" },
	{ S("\xc2\xaa"), YB_OK, "a" },
	{ S("\xe2\x85\xa8"), YB_OK, "IX" },
	{ S("\x07"), YB_SYNTAX, NULL },
	{ S("\xd8\xa7" "1"), YB_SYNTAX, NULL },
	/* RFC 4013 section 2.1: other spaces become U+0020. */
	{ S("a\xc2\xa0" "b\xe3\x80\x80"), YB_OK, "a b " },
	{ S(""), YB_OK, "" },
	{ S(" p w "), YB_OK, " p w " },
	/* e and a combining acute accent compose. */
	{ S("e\xcc\x81"), YB_OK, "\xc3\xa9" },
	{ S("\xe3\x82\xab\xe3\x82\x99"), YB_OK, "\xe3\x82\xac" },
	{ S("a\0b"), YB_SYNTAX, NULL },
	{ S("\xc3\xa9\0"), YB_SYNTAX, NULL },
	{ S("\x7f"), YB_SYNTAX, NULL },
	{ S("\xff"), YB_SYNTAX, NULL },
	{ S("\xc0\xaf"), YB_SYNTAX, NULL },
	{ S("\xed\xa0\x80"), YB_SYNTAX, NULL },
	{ S("\xee\x80\x80"), YB_SYNTAX, NULL }, /* private use */
};

static void test_rows(void **state)
{
	uint8_t got[SASLPREP_OUT_MAX];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(saslprep(rows[i].in, SASLPREP_STORED, got,
					  &n),
				 rows[i].err);
		if (rows[i].want != NULL)
			assert_true(span_eq(span_of(got, n),
					    span_str(rows[i].want)));
	}
}

/* RFC 3454 section 7: unassigned (in Unicode 3.2) U+0221 in queries only. */
static void test_stored_and_query(void **state)
{
	uint8_t got[SASLPREP_OUT_MAX];
	size_t n;

	(void)state;
	assert_int_equal(saslprep(SPAN_LIT("\xc8\xa1"), SASLPREP_STORED, got,
				  &n),
			 YB_SYNTAX);
	assert_ok(saslprep(SPAN_LIT("\xc8\xa1"), SASLPREP_QUERY, got, &n));
	assert_true(span_eq(span_of(got, n), SPAN_LIT("\xc8\xa1")));
}

static void test_bounds(void **state)
{
	uint8_t text[SASLPREP_IN_MAX + 1], got[SASLPREP_OUT_MAX];
	enum yb_err err;
	size_t n = 0;

	(void)state;
	memset(text, 'a', sizeof text);
	assert_int_equal(saslprep(span_of(text, sizeof text), SASLPREP_QUERY,
				  got, &n),
			 YB_TOO_BIG);
	assert_ok(saslprep(span_of(text, SASLPREP_IN_MAX), SASLPREP_QUERY,
			   got, &n));
	assert_int_equal(n, SASLPREP_IN_MAX);
	/* U+FDFA is one character that becomes eighteen. */
	for (size_t i = 0; i + 3 <= SASLPREP_IN_MAX; i += 3)
		memcpy(text + i, "\xef\xb7\xba", 3);
	err = saslprep(span_of(text, SASLPREP_IN_MAX / 3 * 3), SASLPREP_QUERY,
		       got, &n);
	assert_int_equal(err, YB_TOO_BIG);
}

static void test_utf8(void **state)
{
	static const struct span good[] = {
		S(""), S("a"), S("\xc2\x80"), S("\xdf\xbf"),
		S("\xe0\xa0\x80"), S("\xef\xbf\xbf"), S("\xf0\x90\x80\x80"),
		S("\xf4\x8f\xbf\xbf"), S("\0"),
	};
	static const struct span bad[] = {
		S("\x80"), S("\xc1\xbf"), S("\xc2"), S("\xc2" "a"),
		S("\xe0\x9f\xbf"), S("\xe0\xa0"), S("\xf0\x8f\xbf\xbf"),
		S("\xf4\x90\x80\x80"), S("\xf8\x88\x80\x80\x80"), S("\xfe"),
		S("a\xed\xbf\xbf"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(utf8_is_valid(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(utf8_is_valid(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_stored_and_query),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
