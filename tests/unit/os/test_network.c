/* Networks in CIDR notation. */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "os/network.h"

static const struct {
	const char *network, *address;
	bool has;
} rows[] = {
	{ "192.0.2.0/24", "192.0.2.255:1", true },
	{ "192.0.2.0/24", "192.0.3.0:1", false },
	{ "192.0.2.4/30", "192.0.2.7:1", true },
	{ "192.0.2.4/30", "192.0.2.8:1", false },
	{ "192.0.2.1", "192.0.2.1:1", true },
	{ "192.0.2.1", "192.0.2.2:1", false },
	{ "192.0.2.1/32", "192.0.2.1:1", true },
	{ "0.0.0.0/0", "203.0.113.9:1", true },
	{ "0.0.0.0/0", "[2001:db8::1]:1", false },
	{ "::/0", "[2001:db8::1]:1", true },
	{ "::/0", "192.0.2.1:1", false },
	{ "0.0.0.0/0", "[::ffff:192.0.2.1]:1", true },
	{ "2001:db8::/33", "[2001:db8:7fff::1]:1", true },
	{ "2001:db8::/33", "[2001:db8:8000::1]:1", false },
	{ "::1", "[::1]:1", true },
	{ "::1/128", "[::2]:1", false },
	{ "0.0.0.0/0", "/run/x", false },
};

static const char *const wrong[] = {
	"",	       "192.0.2.0/33", "192.0.2.0/-1",	"192.0.2.0/",
	"192.0.2.0/024", "192.0.2.1/24", "2001:db8::1/64", "::/129",
	"192.0.2",     "example.org",  "192.0.2.0/24/8", "::ffff:192.0.2.1",
	"[::1]",       "*",	       "192.0.2.0/8x",
};

static void test_rows(void **state)
{
	struct socket_address a;
	struct network n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_ok(socket_address_parse(rows[i].address, &a));
		assert_ok(network_parse(span_str(rows[i].network), &n));
		if (network_has(&n, &a) != rows[i].has)
			fail_msg("%s %s", rows[i].network, rows[i].address);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (network_parse(span_str(wrong[i]), &n) != YB_INVALID)
			fail_msg("%s", wrong[i]);
}

static void test_lists(void **state)
{
	struct socket_address a;

	(void)state;
	assert_ok(socket_address_parse("192.0.2.1:1", &a));
	assert_false(networks_have(SPAN_LIT(""), &a));
	assert_false(networks_have(SPAN_LIT(", ,"), &a));
	assert_true(networks_have(SPAN_LIT("::1, 192.0.2.0/24"), &a));
	assert_true(networks_have(SPAN_LIT("192.0.2.1"), &a));
	assert_true(networks_have(SPAN_LIT(" 10.0.0.0/8,192.0.2.1 ,"), &a));
	assert_false(networks_have(SPAN_LIT("192.0.2.1/33, 192.0.2.2"), &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
