#include "unit/unit.h"

#include <time.h>

#include "mime/date.h"

struct row {
	int64_t s;
	const char *want;
};

static const struct row rows[] = {
	{ 0, "Thu, 01 Jan 1970 00:00:00 +0000" },
	{ -1, "Wed, 31 Dec 1969 23:59:59 +0000" },
	/* RFC 5322 section 3.3 has "21 Nov 1997 09:55:06 -0600". */
	{ 880127706, "Fri, 21 Nov 1997 15:55:06 +0000" },
	{ 951782400, "Tue, 29 Feb 2000 00:00:00 +0000" },
	{ 951868799, "Tue, 29 Feb 2000 23:59:59 +0000" },
	{ 951868800, "Wed, 01 Mar 2000 00:00:00 +0000" },
	{ 4107542400, "Mon, 01 Mar 2100 00:00:00 +0000" },
	{ 2147483648, "Tue, 19 Jan 2038 03:14:08 +0000" },
};

static void test_rows(void **state)
{
	char got[DATE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		date_put(got, rows[i].s * 1000000000);
		assert_string_equal(got, rows[i].want);
		date_put(got, rows[i].s * 1000000000 + 999999999);
		assert_string_equal(got, rows[i].want);
	}
}

/* Against the C library, over all that 64 bits of nanoseconds reach. */
static void test_against_libc(void **state)
{
	char got[DATE_TEXT_MAX], want[64];

	(void)state;
	for (time_t s = -9223372036; s <= 9223372036; s += 777773) {
		struct tm tm;

		assert_non_null(gmtime_r(&s, &tm));
		strftime(want, sizeof want, "%a, %d %b %Y %T +0000", &tm);
		date_put(got, (int64_t)s * 1000000000);
		assert_string_equal(got, want);
		assert_int_equal(strlen(got), DATE_LEN);
	}
	date_put(got, INT64_MIN);
	assert_string_equal(got, "Tue, 21 Sep 1677 00:12:43 +0000");
	date_put(got, INT64_MAX);
	assert_string_equal(got, "Fri, 11 Apr 2262 23:47:16 +0000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_against_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
