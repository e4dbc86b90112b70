#include "auth/name.h"

#include "unit/unit.h"

struct row {
	const char *in;
	const char *want; /* NULL: refused */
};

static const struct row rows[] = {
	{ "alice@example.org", "alice@example.org" },
	{ "Alice@Example.ORG", "alice@example.org" },
	{ "alice", "alice@default.example" },
	{ "ALICE", "alice@default.example" },
	{ "a.b-c_d=e&f'g~h@x", "a.b-c_d=e&f'g~h@x" },
	{ "alice+list@x.example", "alice+list@x.example" },
	{ "1@1.example", "1@1.example" },
	{ "a@localhost", "a@localhost" },
	{ "a@xn--mnchen-3ya.de", "a@xn--mnchen-3ya.de" },
	/* Empty parts and dots at the wrong place. */
	{ "", NULL }, { "@", NULL }, { "a@", NULL }, { "@x", NULL },
	{ ".", NULL }, { "..", NULL }, { ".a@x", NULL }, { "a.@x", NULL },
	{ "a..b@x", NULL }, { "a@.x", NULL }, { "a@x.", NULL },
	{ "a@x..y", NULL }, { "a@-x", NULL }, { "a@x-", NULL },
	{ "a@x-.y", NULL }, { "a@x_y", NULL }, { "a@[127.0.0.1]", NULL },
	{ "a@127.0.0.1", NULL }, { "a@1", "a@1" },
	/* Threat 13. */
	{ "../x", NULL }, { "a/b", NULL }, { "a\\b", NULL }, { "%u", NULL },
	{ "a%b@x", NULL }, { "a!b", NULL }, { "a b", NULL }, { " a", NULL },
	{ "a ", NULL }, { "a\tb", NULL }, { "a\rb", NULL }, { "a\nb", NULL },
	{ "a\x7f", NULL }, { "\x01", NULL }, { "a'--;", NULL },
	{ "a\"b", NULL }, { "$(a)", NULL }, { "`a`", NULL }, { "a|b", NULL },
	{ "a*", NULL }, { "a?", NULL }, { "{a}", NULL }, { "a#", NULL },
	{ "a@b@c", NULL }, { "a:b", NULL }, { "a,b", NULL }, { "<a>", NULL },
	{ "a@x/y", NULL }, { "a@x y", NULL },
	/* UTF-8: prepared by RFC 4013, refused where it is not UTF-8. */
	{ "j\xc3\xbcrgen@x", "j\xc3\xbcrgen@x" },
	{ "ju\xcc\x88rgen@x", "j\xc3\xbcrgen@x" }, /* composed by NFKC */
	{ "\xef\xbd\x81@x", "a@x" },               /* fullwidth a */
	{ "\xef\xbd\x81\xef\xbc\x8f@x", NULL },    /* a fullwidth slash */
	{ "a\xc2\xadz@x", "az@x" },                /* soft hyphen: nothing */
	{ "\xe5\xb1\xb1\xe7\x94\xb0@x", "\xe5\xb1\xb1\xe7\x94\xb0@x" },
	{ "a\xc2\xa0z@x", NULL },                  /* becomes a space */
	{ "\xff@x", NULL }, { "\xc3@x", NULL }, { "\xc0\xaf@x", NULL },
	{ "\xed\xa0\x80@x", NULL }, { "a\xe2\x80\xa8@x", NULL },
	{ "a\xc2\x85@x", NULL },                   /* a C1 control */
	{ "a@m\xc3\xbcnchen.de", "a@xn--mnchen-3ya.de" },
	{ "a@M\xc3\x9cNCHEN.de", "a@xn--mnchen-3ya.de" },
	{ "a@XN--Mnchen-3YA.de", "a@xn--mnchen-3ya.de" },
	{ "a@\xe2\x98\x83.de", NULL },             /* no symbols */
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct name name = { .n = 0 };
		enum yb_err err = name_canonical(span_str(rows[i].in),
						 "default.example", NAME_FIND,
						 &name);

		if ((err == YB_OK) != (rows[i].want != NULL))
			fail_msg("\"%s\": %s", rows[i].in, err_name(err));
		if (rows[i].want == NULL) {
			assert_int_equal(err, YB_INVALID);
			continue;
		}
		assert_string_equal(name.text, rows[i].want);
		assert_int_equal(name.n, strlen(name.text));
	}
}

static void test_nul(void **state)
{
	struct name name;

	(void)state;
	assert_int_equal(name_canonical(SPAN_LIT("a\0b@x"), "", NAME_FIND,
					&name), YB_INVALID);
	assert_int_equal(name_canonical(SPAN_LIT("a@x\0"), "", NAME_FIND,
					&name), YB_INVALID);
	assert_int_equal(name_canonical(SPAN_LIT("\0"), "x", NAME_FIND, &name),
			 YB_INVALID);
}

static void test_without_default_domain(void **state)
{
	struct name name;

	(void)state;
	assert_int_equal(name_canonical(SPAN_LIT("alice"), "", NAME_FIND,
					&name), YB_INVALID);
}

/* RFC 5321 section 4.5.3.1: 64 of local part, 254 in all. */
static void test_lengths(void **state)
{
	struct name name;
	char text[400];

	(void)state;
	for (size_t local = 63; local <= 66; local++) {
		memset(text, 'a', sizeof text);
		memcpy(text + local, "@x", 2);
		assert_int_equal(name_canonical(span_of(text, local + 2), "",
						NAME_FIND, &name),
				 local <= 64 ? YB_OK : YB_INVALID);
	}
	for (size_t all = 250; all <= 258; all++) {
		memset(text, 'a', sizeof text);
		text[1] = '@';
		for (size_t i = 40; i < 240; i += 40)
			text[i] = '.';
		assert_int_equal(name_canonical(span_of(text, all), "",
						NAME_FIND, &name),
				 all <= 254 ? YB_OK : YB_INVALID);
	}
	memset(text, 'a', sizeof text);
	memcpy(text, "x@", 2);
	assert_ok(name_canonical(span_of(text, 2 + 63), "", NAME_FIND, &name));
	assert_int_equal(name_canonical(span_of(text, 2 + 64), "", NAME_FIND,
					&name), YB_INVALID);
}

/* "alice+list" is alice's mailbox `list`, so no account is. */
static void test_plus_is_kept_free(void **state)
{
	struct name name;

	(void)state;
	assert_int_equal(name_canonical(SPAN_LIT("alice+list@x"), "",
					NAME_MAKE, &name), YB_INVALID);
	assert_ok(name_canonical(SPAN_LIT("alice@x"), "", NAME_MAKE, &name));
}

static void test_parts(void **state)
{
	struct name name;

	(void)state;
	assert_ok(name_canonical(SPAN_LIT("PostMaster@X.example"), "",
				 NAME_FIND, &name));
	assert_true(span_eq(name_domain(&name), SPAN_LIT("x.example")));
	assert_true(name_is_postmaster(&name));
	assert_ok(name_canonical(SPAN_LIT("postmasters@x"), "", NAME_FIND,
				 &name));
	assert_false(name_is_postmaster(&name));
}

static const struct row quoted[] = {
	{ "alice@x", "alice@x" },
	{ "\"alice\"@x", "alice@x" },
	{ "\"al\\ice\"@x", "alice@x" },
	{ "\"a b\"@x", "a b@x" },
	{ "\"\"@x", "@x" },
	{ "\"postmaster\"", "postmaster" },
	{ "\"alice@x", NULL },
	{ "\"alice\\", NULL },
	{ "\"alice\"b@x", NULL },
	{ "\"a@b\"@x", NULL },
	{ "\"a\\@b\"@x", NULL },
};

static void test_quotes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof quoted / sizeof *quoted; i++) {
		uint8_t plain[AUTH_ADDRESS_MAX];
		size_t n = 0;
		enum yb_err err = name_unquote(span_str(quoted[i].in), plain,
					       &n);

		if (quoted[i].want == NULL) {
			assert_int_equal(err, YB_INVALID);
			continue;
		}
		assert_ok(err);
		assert_int_equal(n, strlen(quoted[i].want));
		assert_memory_equal(plain, quoted[i].want, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_without_default_domain),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_plus_is_kept_free),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
