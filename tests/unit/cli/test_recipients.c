/*
 * `yubin deliver -t`: addresses in headers (RFC 5322 section 3.4).
 */
#include "unit/unit.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/recipients.h"

struct found {
	struct buf text; /* addresses, each with a space behind it */
	size_t n, stop_after;
};

static bool on_address(void *ctx, struct span address)
{
	struct found *f = ctx;

	f->n++;
	assert_ok(buf_add(&f->text, address));
	assert_ok(buf_add_u8(&f->text, ' '));
	return f->stop_after == 0 || f->n < f->stop_after;
}

static const struct {
	const char *list, *want; /* NULL: SYNTAX */
} rows[] = {
	{ "", "" },
	{ " \r\n", "" },
	{ "a@b.c", "a@b.c " },
	{ " a@b.c , d@e.f\r\n", "a@b.c d@e.f " },
	{ "Alice Smith <a@b.c>", "a@b.c " },
	{ "\"Smith, Alice\" <a@b.c>, d@e.f", "a@b.c d@e.f " },
	{ "\"a \\\" b\" <a@b.c>", "a@b.c " },
	{ "\"a b\"@b.c", "\"a b\"@b.c " },
	{ "\"a,b\"@b.c, d@e.f", "\"a,b\"@b.c d@e.f " },
	{ "a@b.c (a comment, with (more, of it) and \\) )", "a@b.c " },
	{ "(c) a(c)@(c)b.c (d)", "a@b.c " },
	{ "<a@b.c>", "a@b.c " },
	{ "<>", "" },
	{ ",,a@b.c,,", "a@b.c " },
	{ "Group: a@b.c, D <d@e.f>;", "a@b.c d@e.f " },
	{ "Group: a@b.c; , d@e.f", "a@b.c d@e.f " },
	{ "undisclosed-recipients:;", "" },
	{ "<@r1,@r2:a@b.c>", "a@b.c " },
	{ "a\r\n @b.c,\r\n\td@e.f\r\n", "a@b.c d@e.f " },
	{ "a@[192.0.2.1]", "a@[192.0.2.1] " },
	{ "a@[IPv6:2001:db8::1], b", "a@[IPv6:2001:db8::1] b " },
	{ "=?utf-8?q?J=C3=BCrgen,?= <j@b.c>", "=?utf-8?q?J=C3=BCrgen j@b.c " },
	{ "A <a@b.c> (x), B <b@b.c>", "a@b.c b@b.c " },
	{ "A <a@b.c", NULL },
	{ "a@b.c>", NULL },
	{ "<a@b.c><d@e.f>", NULL },
	{ "\"a@b.c", NULL },
	{ "(a@b.c", NULL },
	{ "(a\\", NULL },
	{ "\"a\\", NULL },
	{ "a@[b", NULL },
};

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct found f = { 0 };
		enum yb_err err;

		buf_init(&f.text, 4096);
		err = recipients_parse(span_str(rows[i].list), on_address, &f);
		assert_ok(buf_add_u8(&f.text, 0));
		if (rows[i].want == NULL ? err != YB_SYNTAX
					 : err != YB_OK ||
				strcmp((char *)f.text.p, rows[i].want) != 0)
			fail_msg("%s: %s, %s", rows[i].list, err_name(err),
				 f.text.p);
		buf_done(&f.text);
	}
}

static void test_limits(void **state)
{
	char text[600];
	struct found f = { 0 };

	(void)state;
	buf_init(&f.text, 4096);
	memset(text, 'a', sizeof text);
	assert_int_equal(recipients_parse(span_of(text, 255), on_address, &f),
			 YB_TOO_BIG);
	assert_ok(recipients_parse(span_of(text, 254), on_address, &f));
	assert_int_equal(f.n, 1);
	/* A long name in front is no address. */
	memcpy(text + 500, "<a@b.c>", 7);
	assert_ok(recipients_parse(span_of(text, 507), on_address, &f));
	assert_int_equal(f.n, 2);
	text[0] = '<';
	assert_int_equal(recipients_parse(span_of(text, 300), on_address, &f),
			 YB_SYNTAX);
	f.stop_after = 3;
	assert_int_equal(recipients_parse(SPAN_LIT("a@b.c,b@b.c"), on_address,
					  &f), YB_TOO_BIG);
	assert_int_equal(f.n, 3);
	buf_done(&f.text);
}

static void test_header(void **state)
{
	static const char header[] = "Received: to: x@y.z; bcc: x\n"
				     "TO: a@b.c,\n"
				     "  b@b.c\n"
				     "bcc : c@b.c,\r\n"
				     "\td@b.c\r\n"
				     "Subject: Bcc: e@b.c\n"
				     "Bcc:\n"
				     "Cc:f@b.c\n"
				     "To-Do: g@b.c";
	struct found f = { 0 };
	struct buf out;

	(void)state;
	buf_init(&f.text, 4096);
	buf_init(&out, 4096);
	assert_ok(recipients_of_header(span_str(header), on_address, &f, &out));
	assert_ok(buf_add_u8(&f.text, 0));
	assert_string_equal((char *)f.text.p,
			    "a@b.c b@b.c c@b.c d@b.c f@b.c ");
	assert_ok(buf_add_u8(&out, 0));
	/* Bcc is gone with its folded lines, the rest is octet for octet. */
	assert_string_equal((char *)out.p, "Received: to: x@y.z; bcc: x\n"
					   "TO: a@b.c,\n"
					   "  b@b.c\n"
					   "Subject: Bcc: e@b.c\n"
					   "Cc:f@b.c\n"
					   "To-Do: g@b.c");
	buf_clear(&out);
	assert_ok(recipients_of_header(SPAN_NONE, on_address, &f, &out));
	assert_int_equal(recipients_of_header(SPAN_LIT("To: <a\nCc: b@b.c\n"),
					      on_address, &f, &out),
			 YB_SYNTAX);
	buf_done(&out);
	buf_init(&out, 3);
	assert_int_equal(recipients_of_header(SPAN_LIT("A: b\n"), on_address,
					      &f, &out), YB_TOO_BIG);
	buf_done(&out);
	buf_done(&f.text);
}

static void test_garbage(void **state)
{
	static const char letters[] = "a@,;:<>()[]\"\\ \r\n\t.B";

	(void)state;
	srand(2);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % 24;
		char *text = malloc(n + 1);
		struct found f = { 0 };
		struct buf out;

		for (size_t i = 0; i < n; i++)
			text[i] = letters[(size_t)rand() %
					  (sizeof letters - 1)];
		buf_init(&f.text, 4096);
		buf_init(&out, 4096);
		(void)!recipients_parse(span_of(text, n), on_address, &f);
		(void)!recipients_of_header(span_of(text, n), on_address, &f,
					    &out);
		assert_true(out.n <= n);
		buf_done(&f.text);
		buf_done(&out);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
