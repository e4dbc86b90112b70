#include "unit/unit.h"

#include "base/span.h"

static void cuts_at_separators(void **state)
{
	struct span rest = SPAN_LIT("one two  three");

	(void)state;
	assert_true(span_eq(span_cut(&rest, ' '), SPAN_LIT("one")));
	assert_true(span_eq(span_cut(&rest, ' '), SPAN_LIT("two")));
	assert_true(span_eq(span_cut(&rest, ' '), SPAN_LIT("")));
	assert_true(span_eq(span_cut(&rest, ' '), SPAN_LIT("three")));
	assert_int_equal(rest.n, 0);
	assert_int_equal(span_cut(&rest, ' ').n, 0);
}

static void compares_without_case_in_ascii_only(void **state)
{
	(void)state;
	assert_true(span_eq_nocase(SPAN_LIT("ReTr"), SPAN_LIT("rEtR")));
	assert_false(span_eq_nocase(SPAN_LIT("RETR"), SPAN_LIT("RETR ")));
	/* '@' and '`' differ by the bit that letters differ by. */
	assert_false(span_eq_nocase(SPAN_LIT("@"), SPAN_LIT("`")));
	assert_false(span_eq_nocase(SPAN_LIT("\xc4"), SPAN_LIT("\xe4")));
	assert_true(span_starts_nocase(SPAN_LIT("QUIT\r"), SPAN_LIT("quit")));
	assert_false(span_starts_nocase(SPAN_LIT("QUI"), SPAN_LIT("quit")));
}

static void nul_ends_nothing(void **state)
{
	struct span s = SPAN_LIT("a\0b");
	char text[8];

	(void)state;
	assert_int_equal(s.n, 3);
	assert_int_equal(span_find(s, 'b'), 2);
	assert_false(span_to_str(s, text, sizeof text));
	assert_string_equal(text, "");
}

static void copies_what_fits(void **state)
{
	char text[4];

	(void)state;
	assert_true(span_to_str(SPAN_LIT("abc"), text, sizeof text));
	assert_string_equal(text, "abc");
	assert_false(span_to_str(SPAN_LIT("abcd"), text, sizeof text));
	assert_true(span_to_str(SPAN_NONE, text, sizeof text));
	assert_string_equal(text, "");
}

static void finds_first_and_last(void **state)
{
	struct span s = SPAN_LIT("[::1]:110");

	(void)state;
	assert_int_equal(span_find(s, ':'), 1);
	assert_int_equal(span_find_last(s, ':'), 5);
	assert_int_equal(span_find(s, 'x'), s.n);
	assert_int_equal(span_find_last(s, 'x'), s.n);
	assert_int_equal(span_find(SPAN_NONE, 'x'), 0);
}

static void trims_and_skips(void **state)
{
	(void)state;
	assert_true(span_eq(span_trim(SPAN_LIT(" \t a b\t ")),
			    SPAN_LIT("a b")));
	assert_int_equal(span_trim(SPAN_LIT("  ")).n, 0);
	assert_int_equal(span_skip(SPAN_LIT("abc"), 9).n, 0);
	assert_int_equal(span_head(SPAN_LIT("abc"), 9).n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_at_separators),
		cmocka_unit_test(compares_without_case_in_ascii_only),
		cmocka_unit_test(nul_ends_nothing),
		cmocka_unit_test(copies_what_fits),
		cmocka_unit_test(finds_first_and_last),
		cmocka_unit_test(trims_and_skips),
	};

	return cmocka_run_group_tests_name("base/span", tests, NULL, NULL);
}
