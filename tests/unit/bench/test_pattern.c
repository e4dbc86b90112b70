#include "unit/unit.h"

#include "bench/pattern.h"

static void expect(const char *text, uint64_t number, const char *want)
{
	struct pattern p;
	char got[PATTERN_NAME_MAX];
	size_t n;

	assert_ok(pattern_parse(text, &p));
	n = pattern_put(&p, number, got);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, n);
}

static void test_names(void **state)
{
	(void)state;
	expect("e%04d", 0, "e0000");
	expect("e%04d", 42, "e0042");
	expect("e%04d", 12345, "e12345"); /* wider than the width */
	expect("%d@example.org", 7, "7@example.org");
	expect("user%d@example.org", 100, "user100@example.org");
	expect("a%3db", 5, "a  5b");
	expect("alice", 9, "alice");
	expect("100%%", 1, "100%");
	expect("%%%d%%", 1, "%1%");
	expect("%020d", 1, "00000000000000000001");
	expect("%020d", UINT64_MAX, "18446744073709551615");
	expect("j\xc3\xb6rg%d", 1, "j\xc3\xb6rg1");
}

static void test_whether_it_has_a_number(void **state)
{
	struct pattern p;

	(void)state;
	assert_ok(pattern_parse("e%d", &p));
	assert_true(p.has_number);
	assert_ok(pattern_parse("e%%d", &p));
	assert_false(p.has_number);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"%",
		"e%",
		"e%s",
		"e%n",
		"e%x",
		"e%ld",
		"e%-4d",
		"e%.4d",
		"e%d%d",
		"e%04",
		"e%21d",
		"e%99999999999d",
		"e%1$d",
		/* would end the command, and begin another */
		"e\r\nQUIT",
		"e\n",
		"\x7f",
		"e%d\t",
	};
	struct pattern p;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (pattern_parse(bad[i], &p) != YB_INVALID)
			fail_msg("\"%s\" was taken", bad[i]);
}

static void test_longest(void **state)
{
	char text[PATTERN_TEXT_MAX + 2], got[PATTERN_NAME_MAX];
	struct pattern p;

	(void)state;
	memset(text, 'a', sizeof text);
	text[PATTERN_TEXT_MAX + 1] = 0;
	assert_int_equal(pattern_parse(text, &p), YB_TOO_BIG);
	text[PATTERN_TEXT_MAX] = 0;
	memcpy(text + 100, "%020d", 5);
	assert_ok(pattern_parse(text, &p));
	assert_int_equal(pattern_put(&p, UINT64_MAX, got),
			 PATTERN_TEXT_MAX - 5 + 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_whether_it_has_a_number),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
