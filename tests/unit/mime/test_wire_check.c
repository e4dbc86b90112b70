/*
 * The checker against a model that goes line by line, for every short string
 * over the octets that matter, across block borders, under every split; and
 * TOP against the same lines.
 */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "mime/wire.h"

enum { TEXT_MAX = 1024 };

struct model {
	enum yb_err err;
	uint64_t dots, header_size;
	unsigned flags;
};

static bool has_bare(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			return true;
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			return true;
	}
	return false;
}

static void model_octets(struct model *m, struct span line, bool header)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] >= 0x80)
			m->flags |= header ? WIRE_8BIT_HEADER : WIRE_8BIT_BODY;
		if (line.p[i] == 0)
			m->flags |= WIRE_NUL;
	}
}

static struct model model(struct span s)
{
	struct model m = { .err = YB_INVALID };
	struct span rest = s;
	bool header = true;

	if (has_bare(s)) {
		m.err = YB_BARE_LINE_END;
		return m;
	}
	while (span_find(rest, '\n') < rest.n) {
		struct span line = span_cut(&rest, '\n');

		if (span_eq(line, SPAN_LIT(".\r"))) {
			m.err = rest.n == 0 ? YB_OK : YB_INVALID;
			if (header)
				m.header_size = s.n - 3;
			return m;
		}
		if (line.p[0] == '.' && line.p[1] != '.')
			return m;
		m.dots += line.p[0] == '.';
		model_octets(&m, line, header);
		if (header && line.n == 1) {
			header = false;
			m.header_size = (uint64_t)(rest.p - s.p);
		}
	}
	return m;
}

static void check(struct span s, size_t split)
{
	struct model want = model(s);
	struct wire_check c;

	wire_check_init(&c);
	wire_check_feed(&c, span_head(s, split));
	wire_check_feed(&c, span_skip(s, split));
	assert_int_equal(wire_check_finish(&c), want.err);
	if (want.err != YB_OK)
		return;
	assert_int_equal(c.size, s.n);
	assert_int_equal(c.dots, want.dots);
	assert_int_equal(c.header_size, want.header_size);
	assert_int_equal(c.flags, want.flags);
}

/* `n` letters chosen by `k`, behind `before` octets, and `end` behind. */
static void check_string(const char *letters, size_t before, size_t n,
			 size_t k, struct span end)
{
	uint8_t text[TEXT_MAX];
	size_t size = before + n + end.n;

	memset(text, 'x', before);
	if (before > 2)
		memcpy(text + before - 2, "\r\n", 2);
	for (size_t i = 0; i < n; i++)
		text[before + i] = (uint8_t)letters[k >> 2 * i & 3];
	memcpy(text + before + n, end.p, end.n);
	for (size_t at = before; at <= size; at++)
		check(span_of(text, size), at);
}

static void check_all(const char *letters, size_t length, struct span end)
{
	static const size_t prefixes[] = { 0, 61, 62, 63 };

	for (size_t p = 0; p < ARRAY_LEN(prefixes); p++)
		for (size_t n = 0; n <= length; n++)
			for (size_t k = 0; k < (size_t)1 << 2 * n; k++)
				check_string(letters, prefixes[p], n, k, end);
}

static void test_every_string(void **state)
{
	(void)state;
	check_all("\r\n.a", 6, SPAN_LIT(""));
	check_all("\r\n.a", 5, SPAN_LIT("\r\n.\r\n"));
}

/* Flags: the same, with NUL and 8-bit octets in front and behind the header. */
static void test_flags(void **state)
{
	static const char *const parts[] = { "a\r\n", "\r\n", "\xff\r\n",
					     "\0b\r\n" };
	static const size_t sizes[] = { 3, 2, 3, 4 };
	uint8_t text[TEXT_MAX];

	(void)state;
	for (size_t k = 0; k < 256; k++) {
		size_t n = 0;

		for (size_t i = 0; i < 4; i++) {
			size_t part = k >> 2 * i & 3;

			memcpy(text + n, parts[part], sizes[part]);
			n += sizes[part];
		}
		memcpy(text + n, ".\r\n", 3);
		for (size_t at = 0; at <= n + 3; at++)
			check(span_of(text, n + 3), at);
	}
}

struct row {
	const char *text;
	enum yb_err err;
	uint64_t dots, header_size;
};

static const struct row rows[] = {
	{ ".\r\n", YB_OK, 0, 0 },
	{ "\r\n.\r\n", YB_OK, 0, 2 },
	{ "a\r\n.\r\n", YB_OK, 0, 3 },
	{ "a\r\n\r\nb\r\n.\r\n", YB_OK, 0, 5 },
	{ "a\r\n\r\n..\r\n...\r\n.\r\n", YB_OK, 2, 5 },
	{ "..\r\n.\r\n", YB_OK, 1, 4 },
	{ "", YB_INVALID, 0, 0 },
	{ "a\r\n", YB_INVALID, 0, 0 },
	{ "a.\r\n", YB_INVALID, 0, 0 },
	{ ".\r\n.\r\n", YB_INVALID, 0, 0 },
	{ "a\r\n.\r\nb\r\n.\r\n", YB_INVALID, 0, 0 },
	{ "a\r\n.b\r\n.\r\n", YB_INVALID, 0, 0 },
	{ "a\r\n.\r\n ", YB_INVALID, 0, 0 },
	{ "a\r\n.", YB_INVALID, 0, 0 },
	{ "a\n.\r\n", YB_BARE_LINE_END, 0, 0 },
	{ "a\r\n.\r", YB_BARE_LINE_END, 0, 0 },
	{ "a\rb\r\n.\r\n", YB_BARE_LINE_END, 0, 0 },
	{ "a\r\r\n.\r\n", YB_BARE_LINE_END, 0, 0 },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span s = span_str(rows[i].text);

		for (size_t at = 0; at <= s.n; at++) {
			struct wire_check c;

			wire_check_init(&c);
			wire_check_feed(&c, span_head(s, at));
			wire_check_feed(&c, span_skip(s, at));
			assert_int_equal(wire_check_finish(&c), rows[i].err);
			if (rows[i].err != YB_OK)
				continue;
			assert_int_equal(c.dots, rows[i].dots);
			assert_int_equal(c.header_size, rows[i].header_size);
		}
	}
}

/* ---- TOP ---- */

static void check_top(struct span wire, uint64_t header_size, uint64_t lines,
		      uint64_t want)
{
	for (size_t chunk = 1; chunk <= wire.n; chunk++) {
		struct wire_top t;

		wire_top_init(&t, header_size, wire.n, lines);
		while (!wire_top_is_done(&t))
			(void)wire_top_feed(&t,
					    span_head(span_skip(wire, t.at),
						      chunk));
		assert_int_equal(t.at, want);
	}
}

static void test_top(void **state)
{
	struct span wire = SPAN_LIT("H: 1\r\n\r\none\r\n..\r\nthree\r\n.\r\n");

	(void)state;
	check_top(wire, 8, 0, 8);
	check_top(wire, 8, 1, 13);
	check_top(wire, 8, 2, 17);
	check_top(wire, 8, 3, 24);
	/* RFC 1939 section 7: fewer lines are "the entire message". */
	check_top(wire, 8, 4, 24);
	check_top(wire, 8, UINT64_MAX, 24);
	/* No empty line: all of it is header. */
	check_top(SPAN_LIT("H: 1\r\n.\r\n"), 6, 5, 6);
	check_top(SPAN_LIT(".\r\n"), 0, 5, 0);
	/* Numbers of a damaged index stay inside the message. */
	check_top(SPAN_LIT(".\r\n"), 100, 5, 0);
}

static void test_top_across_blocks(void **state)
{
	uint8_t wire[400];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 30; i++) {
		memset(wire + n, 'a', i % 13);
		n += i % 13;
		memcpy(wire + n, "\r\n", 2);
		n += 2;
	}
	memcpy(wire + n, ".\r\n", 3);
	for (uint64_t lines = 1, at = 0; lines <= 30; lines++) {
		at += (lines - 1) % 13 + 2;
		check_top(span_of(wire, n + 3), 0, lines, at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_string),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_top_across_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
