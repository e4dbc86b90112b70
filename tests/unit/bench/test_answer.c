#include "unit/unit.h"

#include "bench/answer.h"

/* ---- lines ---- */

/* Feeds `s` cut at `cut`; collects what comes as "line|line|". */
static void collect(struct answer_line *l, struct span s, char *to)
{
	struct span line;
	enum answer_step step;

	while ((step = answer_line_take(l, &s, &line)) != ANSWER_MORE) {
		(void)strncat(to, (const char *)line.p, line.n);
		(void)strcat(to, step == ANSWER_DONE ? "|" : "!");
		if (step == ANSWER_WRONG)
			return;
	}
	assert_int_equal(s.n, 0);
}

static void expect_lines(const char *text, const char *want)
{
	struct span s = span_str(text);

	for (size_t cut = 0; cut <= s.n; cut++) {
		struct answer_line l;
		char got[256] = "";

		answer_line_init(&l);
		collect(&l, span_head(s, cut), got);
		if (strchr(got, '!') == NULL)
			collect(&l, span_skip(s, cut), got);
		assert_string_equal(got, want);
	}
}

static void test_lines_under_every_split(void **state)
{
	(void)state;
	expect_lines("+OK\r\n", "+OK|");
	expect_lines("+OK ready\r\n-ERR no\r\n.\r\n", "+OK ready|-ERR no|.|");
	expect_lines("\r\n\r\n", "||");
	expect_lines("a\rb\r\n", "a\rb|");
	expect_lines("no end", "");
	/* A bare LF ends no line of ours. */
	expect_lines("bare\n+OK\r\n", "bare!");
	expect_lines("\n", "!");
}

static void test_lines_one_octet_at_a_time(void **state)
{
	struct answer_line l;
	char got[64] = "";
	struct span s = SPAN_LIT("250-one\r\n250 two\r\n");

	(void)state;
	answer_line_init(&l);
	for (; s.n > 0; s = span_skip(s, 1))
		collect(&l, span_head(s, 1), got);
	assert_string_equal(got, "250-one|250 two|");
}

static void test_longest_line(void **state)
{
	static char text[ANSWER_LINE_MAX + 2];

	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t cut = 0; cut <= ANSWER_LINE_MAX; cut += 97)
		for (size_t over = 0; over < 2; over++) {
			size_t n = ANSWER_LINE_MAX + over;
			struct answer_line l;
			struct span in, line;
			enum answer_step step;

			text[n - 2] = '\r', text[n - 1] = '\n';
			answer_line_init(&l);
			in = span_of(text, cut);
			assert_int_equal(answer_line_take(&l, &in, &line),
					 ANSWER_MORE);
			in = span_of(text + cut, n - cut);
			step = answer_line_take(&l, &in, &line);
			assert_int_equal(step,
					 over ? ANSWER_WRONG : ANSWER_DONE);
			text[n - 2] = text[n - 1] = 'x';
		}
}

/* No line end ever: it stops at the limit, and takes no more. */
static void test_endless_line(void **state)
{
	static char text[ANSWER_LINE_MAX * 2];
	struct span in = span_of(text, sizeof text), line;
	struct answer_line l;

	(void)state;
	memset(text, 'x', sizeof text);
	answer_line_init(&l);
	assert_int_equal(answer_line_take(&l, &in, &line), ANSWER_WRONG);
	assert_int_equal(line.n, ANSWER_LINE_MAX);
}

/* ---- what lines say ---- */

static void test_ok(void **state)
{
	(void)state;
	assert_true(answer_is_ok(SPAN_LIT("+OK")));
	assert_true(answer_is_ok(SPAN_LIT("+OK ")));
	assert_true(answer_is_ok(SPAN_LIT("+OK 2 320")));
	/* RFC 1939 section 3: they MUST be sent in upper case. */
	assert_false(answer_is_ok(SPAN_LIT("+ok")));
	assert_false(answer_is_ok(SPAN_LIT("-ERR")));
	assert_false(answer_is_ok(SPAN_LIT("+OKAY")));
	assert_false(answer_is_ok(SPAN_LIT("+O")));
	assert_false(answer_is_ok(SPAN_NONE));
}

static void test_stat(void **state)
{
	static const char *const bad[] = {
		"+OK",
		"+OK ",
		"+OK 2",
		"+OK 2 ",
		"+OK  2 320",
		"+OK 2  320",
		"+OK -1 0",
		"+OK 02 320",
		"+OK 2 320x",
		"-ERR 2 320",
		"+OK 18446744073709551616 0",
	};
	uint64_t n = 99, octets = 99;

	(void)state;
	assert_true(answer_stat(SPAN_LIT("+OK 2 320"), &n, &octets));
	assert_true(n == 2 && octets == 320);
	assert_true(answer_stat(SPAN_LIT("+OK 0 0 empty"), &n, &octets));
	assert_true(n == 0 && octets == 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (answer_stat(span_str(bad[i]), &n, &octets))
			fail_msg("\"%s\" was taken", bad[i]);
}

static void test_scan_line(void **state)
{
	uint64_t n, octets;

	(void)state;
	assert_true(answer_scan_line(SPAN_LIT("1 120"), &n, &octets));
	assert_true(n == 1 && octets == 120);
	assert_true(answer_scan_line(SPAN_LIT("3 4294967297 x"), &n, &octets));
	assert_true(n == 3 && octets == 4294967297);
	assert_false(answer_scan_line(SPAN_LIT("1"), &n, &octets));
	assert_false(answer_scan_line(SPAN_LIT("1  120"), &n, &octets));
	assert_false(answer_scan_line(SPAN_LIT("one 120"), &n, &octets));
	assert_false(answer_scan_line(SPAN_LIT(""), &n, &octets));
}

static void test_uidl_line(void **state)
{
	char line[80] = "7 ";
	uint64_t n;

	(void)state;
	assert_true(
		answer_uidl_line(SPAN_LIT("1 whqtswO00WBw418f9t5JxYwZ"), &n));
	assert_int_equal(n, 1);
	/* RFC 1939 section 7: one to 70 characters, 0x21 to 0x7E. */
	memset(line + 2, '~', 70);
	assert_true(answer_uidl_line(span_str(line), &n));
	line[72] = '~';
	assert_false(answer_uidl_line(span_str(line), &n));
	assert_false(answer_uidl_line(SPAN_LIT("1 "), &n));
	assert_false(answer_uidl_line(SPAN_LIT("1"), &n));
	assert_false(answer_uidl_line(SPAN_LIT("1 a b"), &n));
	assert_false(answer_uidl_line(SPAN_LIT("1 a\x7f"), &n));
	assert_false(answer_uidl_line(SPAN_LIT("1 \xc3\xa4"), &n));
	assert_false(answer_uidl_line(SPAN_LIT("x a"), &n));
}

static void test_reply(void **state)
{
	static const char *const bad[] = { "",      "25",    "2500 x",
					   "250_x", "150 x", "600 x",
					   "abc x", "-50 x", "+OK" };
	struct span text;
	unsigned code;
	bool last;

	(void)state;
	assert_true(answer_reply(SPAN_LIT("250-SIZE 1"), &code, &last, &text));
	assert_int_equal(code, 250);
	assert_false(last);
	assert_true(span_eq(text, SPAN_LIT("SIZE 1")));
	assert_true(answer_reply(SPAN_LIT("354 go"), &code, &last, &text));
	assert_true(last && code == 354);
	/* RFC 5321 section 4.2: a client SHOULD take a bare code. */
	assert_true(answer_reply(SPAN_LIT("250"), &code, &last, &text));
	assert_true(last && text.n == 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (answer_reply(span_str(bad[i]), &code, &last, &text))
			fail_msg("\"%s\" was taken", bad[i]);
}

/* ---- bodies ---- */

struct body_row {
	const char *wire; /* with what follows its end */
	enum answer_step want;
	uint64_t octets;  /* after DONE */
	const char *left; /* after DONE */
};

static const struct body_row bodies[] = {
	{ ".\r\n", ANSWER_DONE, 0, "" },
	{ "\r\n.\r\n", ANSWER_DONE, 2, "" },
	{ "a\r\n.\r\n+OK\r\n", ANSWER_DONE, 3, "+OK\r\n" },
	{ "..\r\n.\r\n", ANSWER_DONE, 3, "" },
	{ "...\r\n.\r\n", ANSWER_DONE, 4, "" },
	{ "..a\r\n..b\r\nc\r\n.\r\n", ANSWER_DONE, 11, "" },
	{ "a.\r\n.\r\n", ANSWER_DONE, 4, "" },
	{ "a.b.c.\r\nx\r\n.\r\n", ANSWER_DONE, 11, "" },
	/* Only behind CRLF is a dot at the start of a line. */
	{ "a\n.b\r\n.\r\n", ANSWER_DONE, 6, "" },
	{ "a\r.b\r\n.\r\n", ANSWER_DONE, 6, "" },
	{ "a\r\r\n.\r\n", ANSWER_DONE, 4, "" },
	{ "\n.\r\n.\r\n", ANSWER_DONE, 4, "" },
	{ "a\n\r\n.\r\n", ANSWER_DONE, 4, "" },
	{ ".\r\n.\r\n", ANSWER_DONE, 0, ".\r\n" },
	{ ".a\r\n.\r\n", ANSWER_WRONG, 0, NULL },
	{ "x\r\n.a\r\n.\r\n", ANSWER_WRONG, 0, NULL },
	{ ".\n", ANSWER_WRONG, 0, NULL },
	{ ".\r.", ANSWER_WRONG, 0, NULL },
	{ ".\r\r\n", ANSWER_WRONG, 0, NULL },
	{ "a\r\n", ANSWER_MORE, 0, NULL },
	{ "a\r\n.\r", ANSWER_MORE, 0, NULL },
	{ "a.\r\n", ANSWER_MORE, 0, NULL },
	{ "a\n.\r\n", ANSWER_MORE, 0, NULL },
};

static void check_body(const struct body_row *row, size_t cut, size_t cut2)
{
	struct span s = span_str(row->wire);
	size_t cuts[] = { cut, cut2, s.n };
	enum answer_step step = ANSWER_MORE;
	struct answer_body b;
	struct span in = SPAN_NONE;
	size_t from = 0;

	answer_body_init(&b);
	for (size_t i = 0; i < 3 && step == ANSWER_MORE; i++) {
		in = span_of(s.p + from, cuts[i] - from);
		from = cuts[i];
		step = answer_body_take(&b, &in);
	}
	if (step != row->want)
		fail_msg("\"%s\" cut at %zu, %zu: %d", row->wire, cut, cut2,
			 (int)step);
	if (step != ANSWER_DONE)
		return;
	assert_int_equal(answer_body_octets(&b), row->octets);
	assert_int_equal(b.size, s.n - strlen(row->left));
	assert_int_equal(in.n + (s.n - from), strlen(row->left));
}

static void test_bodies_under_every_two_splits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		size_t n = strlen(bodies[i].wire);

		for (size_t cut = 0; cut <= n; cut++)
			for (size_t cut2 = cut; cut2 <= n; cut2++)
				check_body(&bodies[i], cut, cut2);
	}
}

/* One octet at a time, which the plainest reading of the RFC does too. */
static enum answer_step plain(struct span s, uint64_t *ret_octets)
{
	uint64_t dots = 0;
	size_t line = 0;

	for (size_t i = 0; i < s.n; i++) {
		bool dot = i == line && s.p[i] == '.';

		if (dot && i + 1 == s.n)
			return ANSWER_MORE;
		if (dot && s.p[i + 1] == '.') {
			dots++;
			i++;
		} else if (dot) {
			if (s.p[i + 1] != '\r')
				return ANSWER_WRONG;
			if (i + 2 == s.n)
				return ANSWER_MORE;
			if (s.p[i + 2] != '\n')
				return ANSWER_WRONG;
			*ret_octets = i - dots;
			return ANSWER_DONE;
		}
		if (i > 0 && s.p[i] == '\n' && s.p[i - 1] == '\r')
			line = i + 1;
	}
	return ANSWER_MORE;
}

static void test_random_bodies_agree_with_plain_reading(void **state)
{
	static const char alphabet[] = "..\r\n\r\nab";
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char text[24];
		size_t n = (size_t)rand_r(&seed) % sizeof text;
		size_t cut = n > 0 ? (size_t)rand_r(&seed) % n : 0;
		uint64_t want = 0;
		enum answer_step expected, got;
		struct answer_body b;
		struct span in;

		for (size_t i = 0; i < n; i++)
			text[i] = alphabet[(size_t)rand_r(&seed) %
					   (sizeof alphabet - 1)];
		expected = plain(span_of(text, n), &want);
		answer_body_init(&b);
		in = span_of(text, cut);
		got = answer_body_take(&b, &in);
		in = span_of(text + cut, n - cut);
		if (got == ANSWER_MORE)
			got = answer_body_take(&b, &in);
		assert_int_equal(got, expected);
		if (got == ANSWER_DONE)
			assert_int_equal(answer_body_octets(&b), want);
	}
}

/* ---- showing ---- */

static void test_show(void **state)
{
	char got[16];

	(void)state;
	answer_show(SPAN_LIT("+OK"), got, sizeof got);
	assert_string_equal(got, "+OK");
	answer_show(SPAN_LIT("a\x1b[\\\xff"), got, sizeof got);
	assert_string_equal(got, "a\\x1b[\\x5c\\xff");
	answer_show(SPAN_LIT("123456789012345"), got, sizeof got);
	assert_string_equal(got, "123456789012345");
	answer_show(SPAN_LIT("1234567890123456"), got, sizeof got);
	assert_string_equal(got, "123456789012...");
	answer_show(SPAN_LIT("12345678901\x01\x02"), got, sizeof got);
	assert_string_equal(got, "12345678901...");
	answer_show(SPAN_NONE, got, sizeof got);
	assert_string_equal(got, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_under_every_split),
		cmocka_unit_test(test_lines_one_octet_at_a_time),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_ok),
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_scan_line),
		cmocka_unit_test(test_uidl_line),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_bodies_under_every_two_splits),
		cmocka_unit_test(test_random_bodies_agree_with_plain_reading),
		cmocka_unit_test(test_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
