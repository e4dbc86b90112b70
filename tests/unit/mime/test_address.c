/* RFC 5321 section 4.1.2, RFC 6531 section 3.3: Mailbox and Path. */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "mime/address.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct row {
	const char *in;
	bool good;
};

static const struct row rows[] = {
	{ "alice@example.org", true },
	{ "Alice@Example.ORG", true },
	{ "a.b+c@x", true },
	{ "!#$%&'*+-/=?^_`{|}~@x.y", true },
	{ "\"alice\"@example.org", true },
	{ "\"Al\\ice\"@Example.ORG", true },
	{ "\"a b\"@x.y", true },
	{ "\"a\\ b\"@x.y", true },
	{ "\"a\\\"b\\\\\"@x.y", true },
	{ "\"a@b\"@x.y", true },
	{ "\".a\"@x.y", true },
	{ "a@[192.0.2.1]", true },
	{ "a@[IPv6:2001:DB8::1]", true },
	{ "a@[IPv6:::]", true },
	{ "a@[IPv6:1:2:3:4:5:6:7:8]", true },
	{ "a@[IPv6:::ffff:192.0.2.1]", true },
	{ "a@[IPv6:1:2:3:4:5:6:192.0.2.1]", true },
	{ "a@1.2.3.4", true },
	{ "a@" A63 ".b", true },
	/* Threat 41: an empty quoted local part. */
	{ "\"\"@example.org", false },
	{ "", false },
	{ "@", false },
	{ "@x", false },
	{ "alice", false },
	{ "alice@", false },
	{ "alice@x.", false },
	{ "alice@.x", false },
	{ "alice@x..y", false },
	{ "alice@-x", false },
	{ "alice@x-", false },
	{ "alice@x_y", false },
	{ "alice@x y", false },
	{ "alice@" A63 "a.b", false },
	{ ".alice@x", false },
	{ "alice.@x", false },
	{ "al..ice@x", false },
	{ "al ice@x", false },
	{ "al@ice@x", false },
	{ "al<ice@x", false },
	/* RFC 6531 section 3.3. */
	{ "al\xc3\xa9@x", true },
	{ "\xe7\x94\xa8\xe6\x88\xb7@x.y", true },
	{ "alice@x\xc3\xa9", true },
	{ "alice@b\303\274cher.example", true },
	{ "\"\xc3\xa9 \xc3\xa9\"@x", true },
	{ "\xf0\x9f\x93\xae@x", true },
	/* Threat 41: truncated, too long, surrogates, beyond Unicode. */
	{ "al\xc3@x", false },
	{ "alice@x\xc3", false },
	{ "\"al\xc3\"@x", false },
	{ "\xc0\xaf@x", false },
	{ "\xed\xa0\x80@x", false },
	{ "\xf4\x90\x80\x80@x", false },
	{ "\xff@x", false },
	{ "a\302\233b@x", false },
	{ "\"a\xc2\x85\"@x", false },
	{ "alice@\xc3\xa9-", false },
	{ "alice@\xc3\xa9..x", false },
	{ "\"alice@x", false },
	{ "\"alice\"x@x", false },
	{ "\"alice\\\"@x", false },
	{ "\"al\tice\"@x", false },
	{ "\"al\\\tice\"@x", false },
	{ "a@[]", false },
	{ "a@[1.2.3]", false },
	{ "a@[1.2.3.256]", false },
	{ "a@[1.2.3.04]", false },
	{ "a@[1.2.3.4.5]", false },
	{ "a@[1.2.3.4.]", false },
	{ "a@[1.2.3.4", false },
	{ "a@[tag:x]", false },
	{ "a@[IPv6:]", false },
	{ "a@[IPv6:1:2:3:4:5:6:7]", false },
	{ "a@[IPv6:1:2:3:4:5:6:7:8:9]", false },
	{ "a@[IPv6:1::2::3]", false },
	{ "a@[IPv6:1:2:3:4:5:6:7::]", false },
	{ "a@[IPv6::1]", false },
	{ "a@[IPv6:1:2:3:4:5:6:7:]", false },
	{ "a@[IPv6:12345::]", false },
	{ "a@[IPv6:g::]", false },
};

static void test_mailboxes(void **state)
{
	struct address a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum yb_err err = address_parse(span_str(rows[i].in), &a);

		if ((err == YB_OK) != rows[i].good)
			fail_msg("%s: %s", rows[i].in, err_name(err));
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
	{ "<\xc3\xa9@\xc3\xa9> SMTPUTF8", "\xc3\xa9@\xc3\xa9", " SMTPUTF8" },
	{ "<@\xc3\xa9:a@b>", "a@b", "" },
	{ "<@\xc3:a@b>", NULL, NULL },
	{ "<a@b\xc3>", NULL, NULL },
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
		cmocka_unit_test(test_mailboxes),
		cmocka_unit_test(test_nul_is_refused),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
