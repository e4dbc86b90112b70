/*
 * Domains as they are written, kept and shown.
 */
#include "sasl/idna.h"
#include "unit/unit.h"

static const struct {
	const char *in;
	const char *want; /* NULL: INVALID */
} rows[] = {
	{ "example.org", "example.org" },
	{ "EXAMPLE.Org", "example.org" },
	{ "xn--mnchen-3ya.example", "xn--mnchen-3ya.example" },
	{ "XN--MNCHEN-3YA.Example", "xn--mnchen-3ya.example" },
	{ "m\xc3\xbcnchen.example", "xn--mnchen-3ya.example" },
	{ "M\xc3\x9cnchen.Example", "xn--mnchen-3ya.example" },
	/* u and a combining diaeresis: the same letter */
	{ "mu\xcc\x88nchen.example", "xn--mnchen-3ya.example" },
	/* IDNA2008: sharp s is a letter of its own */
	{ "stra\xc3\x9f" "e.example", "xn--strae-oqa.example" },
	{ "\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88",
	  "xn--r8jz45g.xn--zckzah" },
	{ "\xff.example", NULL },
	{ "m\xc3.example", NULL },
	/* RFC 5892: no symbols, such as a snowman */
	{ "\xe2\x98\x83.example", NULL },
};

static void test_to_ascii(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char got[IDNA_DOMAIN_MAX + 1] = "untouched";
		enum yb_err err = idna_to_ascii(span_str(rows[i].in), got);

		if (rows[i].want == NULL) {
			assert_int_equal(err, YB_INVALID);
			assert_string_equal(got, "untouched");
			continue;
		}
		assert_ok(err);
		assert_string_equal(got, rows[i].want);
	}
}

static void test_lengths(void **state)
{
	char in[2048], got[IDNA_DOMAIN_MAX + 1];

	(void)state;
	for (size_t n = 0; n + 2 < sizeof in; n += 2) {
		memcpy(in + n, "\xc3\xbc", 2);
		assert_true(idna_to_ascii(span_of(in, n + 2), got) ==
				    YB_INVALID ||
			    strlen(got) <= IDNA_DOMAIN_MAX);
	}
	memset(in, 'a', sizeof in);
	assert_ok(idna_to_ascii(span_of(in, IDNA_DOMAIN_MAX), got));
	assert_int_equal(idna_to_ascii(span_of(in, IDNA_DOMAIN_MAX + 1), got),
			 YB_INVALID);
	assert_int_equal(idna_to_ascii(SPAN_LIT("a\0b"), got), YB_INVALID);
}

static void test_to_shown(void **state)
{
	char got[IDNA_SHOWN_MAX + 1];

	(void)state;
	idna_to_shown("example.org", got);
	assert_string_equal(got, "example.org");
	idna_to_shown("xn--mnchen-3ya.example", got);
	assert_string_equal(got, "m\xc3\xbcnchen.example");
	idna_to_shown("xn--999999999.example", got);
	assert_string_equal(got, "xn--999999999.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_ascii),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_to_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
