/* RFC 5321 section 4.1.2: Mailbox, Path, and our canonical form. */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "mime/address.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct canonical_row {
	const char *in;
	const char *want; /* NULL: refused */
};

static const struct canonical_row canonical_rows[] = {
	{ "alice@example.org", "alice@example.org" },
	{ "Alice@Example.ORG", "alice@example.org" },
	{ "a.b+c@x", "a.b+c@x" },
	{ "!#$%&'*+-/=?^_`{|}~@x.y", "!#$%&'*+-/=?^_`{|}~@x.y" },
	{ "\"alice\"@example.org", "alice@example.org" },
	{ "\"Al\\ice\"@Example.ORG", "alice@example.org" },
	{ "\"a b\"@x.y", "\"a b\"@x.y" },
	{ "\"a\\ b\"@x.y", "\"a b\"@x.y" },
	{ "\"a\\\"b\\\\\"@x.y", "\"a\\\"b\\\\\"@x.y" },
	{ "\"a@b\"@x.y", "\"a@b\"@x.y" },
	{ "\".a\"@x.y", "\".a\"@x.y" },
	{ "a@[192.0.2.1]", "a@[192.0.2.1]" },
	{ "a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]" },
	{ "a@[IPv6:::]", "a@[ipv6:::]" },
	{ "a@[IPv6:1:2:3:4:5:6:7:8]", "a@[ipv6:1:2:3:4:5:6:7:8]" },
	{ "a@[IPv6:::ffff:192.0.2.1]", "a@[ipv6:::ffff:192.0.2.1]" },
	{ "a@[IPv6:1:2:3:4:5:6:192.0.2.1]", "a@[ipv6:1:2:3:4:5:6:192.0.2.1]" },
	{ "a@1.2.3.4", "a@1.2.3.4" },
	{ "a@" A63 ".b", "a@" A63 ".b" },
	/* Threat 41: an empty quoted local part. */
	{ "\"\"@example.org", NULL },
	{ "", NULL },
	{ "@", NULL },
	{ "@x", NULL },
	{ "alice", NULL },
	{ "alice@", NULL },
	{ "alice@x.", NULL },
	{ "alice@.x", NULL },
	{ "alice@x..y", NULL },
	{ "alice@-x", NULL },
	{ "alice@x-", NULL },
	{ "alice@x_y", NULL },
	{ "alice@x y", NULL },
	{ "alice@" A63 "a.b", NULL },
	{ ".alice@x", NULL },
	{ "alice.@x", NULL },
	{ "al..ice@x", NULL },
	{ "al ice@x", NULL },
	{ "al@ice@x", NULL },
	{ "al<ice@x", NULL },
	{ "al\xc3\xa9@x", NULL },
	{ "alice@x\xc3\xa9", NULL },
	{ "\"alice@x", NULL },
	{ "\"alice\"x@x", NULL },
	{ "\"alice\\\"@x", NULL },
	{ "\"al\tice\"@x", NULL },
	{ "\"al\\\tice\"@x", NULL },
	{ "a@[]", NULL },
	{ "a@[1.2.3]", NULL },
	{ "a@[1.2.3.256]", NULL },
	{ "a@[1.2.3.04]", NULL },
	{ "a@[1.2.3.4.5]", NULL },
	{ "a@[1.2.3.4.]", NULL },
	{ "a@[1.2.3.4", NULL },
	{ "a@[tag:x]", NULL },
	{ "a@[IPv6:]", NULL },
	{ "a@[IPv6:1:2:3:4:5:6:7]", NULL },
	{ "a@[IPv6:1:2:3:4:5:6:7:8:9]", NULL },
	{ "a@[IPv6:1::2::3]", NULL },
	{ "a@[IPv6:1:2:3:4:5:6:7::]", NULL },
	{ "a@[IPv6::1]", NULL },
	{ "a@[IPv6:1:2:3:4:5:6:7:]", NULL },
	{ "a@[IPv6:12345::]", NULL },
	{ "a@[IPv6:g::]", NULL },
};

static void test_canonical(void **state)
{
	uint8_t got[ADDRESS_MAX];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(canonical_rows); i++) {
		const struct canonical_row *row = &canonical_rows[i];
		enum yb_err err = address_canonical(span_str(row->in), got, &n);

		if ((err == YB_OK) != (row->want != NULL))
			fail_msg("%s: %s", row->in, err_name(err));
		if (row->want == NULL)
			continue;
		if (!span_eq(span_of(got, n), span_str(row->want)))
			fail_msg("%s: got %.*s", row->in, (int)n,
				 (const char *)got);
		/* A canonical form is its own. */
		assert_ok(address_canonical(span_str(row->want), got, &n));
		assert_true(span_eq(span_of(got, n), span_str(row->want)));
	}
}

static void test_nul_is_refused(void **state)
{
	struct address a;

	(void)state;
	assert_int_equal(address_parse(SPAN_LIT("a\0@x"), &a), YB_SYNTAX);
	assert_int_equal(address_parse(SPAN_LIT("a@x\0"), &a), YB_SYNTAX);
	assert_int_equal(address_parse(SPAN_LIT("\"\0\"@x"), &a), YB_SYNTAX);
}

static void test_parts(void **state)
{
	struct address a;

	(void)state;
	assert_ok(address_parse(SPAN_LIT("\"a@b\"@x.y"), &a));
	assert_true(span_eq(a.local, SPAN_LIT("\"a@b\"")));
	assert_true(span_eq(a.domain, SPAN_LIT("x.y")));
}

/* RFC 5321 section 4.5.3.1: limits, and one octet more. */
static void test_limits(void **state)
{
	char text[512];
	struct address a;

	(void)state;
	(void)snprintf(text, sizeof text, "%.*s@x", 63, A63);
	text[63] = 'b';
	text[64] = '@';
	memcpy(text + 65, "x", 2);
	assert_ok(address_parse(span_str(text), &a));
	assert_int_equal(a.local.n, ADDRESS_LOCAL_MAX);
	text[64] = 'b';
	memcpy(text + 65, "@x", 3);
	assert_int_equal(address_parse(span_str(text), &a), YB_TOO_BIG);
	(void)snprintf(text, sizeof text, "ab@%s.%s.%s.%.59s", A63, A63, A63,
		       A63);
	assert_int_equal(strlen(text), ADDRESS_MAX);
	assert_ok(address_parse(span_str(text), &a));
	(void)snprintf(text, sizeof text, "abc@%s.%s.%s.%.59s", A63, A63, A63,
		       A63);
	assert_int_equal(address_parse(span_str(text), &a), YB_TOO_BIG);
}

struct path_row {
	const char *in, *path, *rest; /* path NULL: refused */
};

static const struct path_row path_rows[] = {
	{ "<>", "", "" },
	{ "<a@b> SIZE=1", "a@b", " SIZE=1" },
	{ "<a@b>x", "a@b", "x" },
	{ "<Postmaster>", "Postmaster", "" },
	/* RFC 5321 section 4.1.1.3: source routes "SHOULD be ignored". */
	{ "<@a:user@c>", "user@c", "" },
	{ "<@a.x,@b.y:user@c> Y", "user@c", " Y" },
	{ "<\"a>b\"@c>", "\"a>b\"@c", "" },
	{ "<\"a\\\">b\"@c>", "\"a\\\">b\"@c", "" },
	/* Addresses that are in use: as senders they are taken. */
	{ "<.a..b.@c_d.e>", ".a..b.@c_d.e", "" },
	{ "<..@_x>", "..@_x", "" },
	{ "", NULL, NULL },
	{ "<", NULL, NULL },
	{ "a@b", NULL, NULL },
	{ "a@b>", NULL, NULL },
	{ "<a@b", NULL, NULL },
	{ "<a>", NULL, NULL },
	{ "<a@b c>", NULL, NULL },
	{ "< a@b>", NULL, NULL },
	{ "<<a@b>>", NULL, NULL },
	{ "<@a>", NULL, NULL },
	{ "<@a:>", NULL, NULL },
	{ "<@:a@b>", NULL, NULL },
	{ "<@a,:a@b>", NULL, NULL },
	{ "<@a,b:a@b>", NULL, NULL },
	{ "<@a@b:a@b>", NULL, NULL },
	{ "<\"a@b>", NULL, NULL },
};

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(path_rows); i++) {
		const struct path_row *row = &path_rows[i];
		struct span rest = span_str(row->in), path;
		enum yb_err err = address_cut_path(&rest, &path);

		if ((err == YB_OK) != (row->path != NULL))
			fail_msg("%s: %s", row->in, err_name(err));
		if (row->path == NULL) {
			assert_int_equal(rest.n, strlen(row->in));
			continue;
		}
		assert_true(span_eq(path, span_str(row->path)));
		assert_true(span_eq(rest, span_str(row->rest)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_nul_is_refused),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
