/* Networks in CIDR notation. */
#include "unit/unit.h"

#include <arpa/inet.h>

#include "auth/network.h"
#include "base/cleanup.h"

struct row {
	const char *in, *out; /* NULL: refused */
};

static const struct row rows[] = {
	{ "192.0.2.0/24", "192.0.2.0/24" },
	{ "192.0.2.1", "192.0.2.1" },
	{ "192.0.2.1/32", "192.0.2.1" },
	{ "0.0.0.0/0", "0.0.0.0/0" },
	{ "2001:DB8::/32", "2001:db8::/32" },
	{ "::1/128", "::1" },
	{ "::/0", "::/0" },
	{ " 192.0.2.0/24 , ::1 ", "192.0.2.0/24,::1" },
	{ "", "" },
	{ "192.0.2.1/24", NULL }, /* bits behind the prefix */
	{ "2001:db8::1/32", NULL },
	{ "192.0.2.0/33", NULL },
	{ "::/129", NULL },
	{ "192.0.2.0/", NULL },
	{ "192.0.2.0/-1", NULL },
	{ "192.0.2.0/024x", NULL },
	{ "192.0.2", NULL },
	{ "example.org", NULL },
	{ "192.0.2.0/24,", NULL },
	{ ",192.0.2.0/24", NULL },
	{ ",", NULL },
	{ "[::1]", NULL },
};

static void test_canonical(void **state)
{
	char text[DIRECTORY_NETWORKS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum yb_err err =
			networks_canonical(span_str(rows[i].in), text);

		assert_int_equal(err, rows[i].out != NULL ? YB_OK : YB_INVALID);
		if (rows[i].out != NULL)
			assert_string_equal(text, rows[i].out);
	}
}

static void test_too_many(void **state)
{
	char text[DIRECTORY_NETWORKS_MAX + 1], many[2000] = "";

	(void)state;
	for (int i = 0; i < 60; i++)
		strcat(many, i == 0 ? "2001:db8::/32" : ",2001:db8::/32");
	assert_int_equal(networks_canonical(span_str(many), text), YB_TOO_BIG);
}

static bool holds(const char *networks, const char *address)
{
	uint8_t octets[16] = { [10] = 0xff, [11] = 0xff };

	if (strchr(address, ':') != NULL)
		assert_int_equal(inet_pton(AF_INET6, address, octets), 1);
	else
		assert_int_equal(inet_pton(AF_INET, address, octets + 12), 1);
	return networks_hold(networks, octets);
}

static void test_hold(void **state)
{
	(void)state;
	assert_true(holds("", "192.0.2.1"));
	assert_true(holds("192.0.2.0/24", "192.0.2.255"));
	assert_false(holds("192.0.2.0/24", "192.0.3.0"));
	assert_true(holds("192.0.2.128/25", "192.0.2.128"));
	assert_false(holds("192.0.2.128/25", "192.0.2.127"));
	assert_true(holds("10.0.0.0/8,192.0.2.7", "192.0.2.7"));
	assert_false(holds("10.0.0.0/8,192.0.2.7", "192.0.2.8"));
	assert_true(holds("0.0.0.0/0", "203.0.113.9"));
	assert_false(holds("0.0.0.0/0", "2001:db8::1"));
	assert_true(holds("::/0", "2001:db8::1"));
	assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
	assert_false(holds("::1", "::2"));
	assert_false(holds("nonsense", "192.0.2.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
