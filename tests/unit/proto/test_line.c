#include "unit/unit.h"

#include "proto/line.h"

/* What a session sees of its input: "line|", "!" too long, "#" endless. */
static void take_all(struct line_reader *r, struct span in, size_t max,
		     char *got)
{
	while (in.n > 0) {
		enum line_got what;
		struct span line;
		size_t n = line_take(r, in, max, &what, &line);
		size_t at = strlen(got);

		assert_true(n > 0 && n <= in.n);
		in = span_skip(in, n);
		switch (what) {
		case LINE_PART:
			break;
		case LINE_WHOLE:
			memcpy(got + at, line.p, line.n);
			memcpy(got + at + line.n, "|", 2);
			line_done(r);
			break;
		case LINE_TOO_LONG:
			strcat(got, "!");
			break;
		case LINE_ENDLESS:
			strcat(got, "#");
			return;
		case LINE_NOMEM:
			fail();
		}
	}
}

struct row {
	const char *in, *want;
};

/* With lines of at most ten octets. */
static const struct row rows[] = {
	{ "a\nbc\n", "a\n|bc\n|" },
	{ "\n\n", "\n|\n|" },
	{ "123456789\n", "123456789\n|" },
	{ "1234567890\nok\n", "!ok\n|" },
	{ "12345678901\nok\n", "!ok\n|" },
	{ "123456789012345\n\n", "!\n|" },
	{ "12345678\r\n1234567890\r\n1\r\n", "12345678\r\n|!1\r\n|" },
	{ "part", "" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct span in = span_str(rows[i].in);

		for (size_t a = 0; a <= in.n; a++) {
			for (size_t b = a; b <= in.n; b++) {
				struct line_reader r;
				char got[256] = "";

				line_init(&r);
				take_all(&r, span_head(in, a), 10, got);
				take_all(&r,
					 span_head(span_skip(in, a), b - a),
					 10, got);
				take_all(&r, span_skip(in, b), 10, got);
				assert_string_equal(got, rows[i].want);
				line_release(&r);
				line_free(&r);
			}
		}
	}
}

/* Threat 16: one answer, then a bound. */
static void test_endless(void **state)
{
	static uint8_t many[LINE_DISCARD_MAX + 64];

	(void)state;
	memset(many, 'x', sizeof many);
	for (size_t piece = 1; piece <= sizeof many; piece = piece * 7 + 1) {
		struct line_reader r;
		char got[256] = "";
		size_t fed = 0;

		line_init(&r);
		while (strchr(got, '#') == NULL) {
			assert_true(fed < sizeof many + piece);
			take_all(&r, span_head(span_of(many, sizeof many),
					       piece),
				 10, got);
			fed += piece;
		}
		assert_string_equal(got, "!#");
		/* Nothing of it was held. */
		assert_true(r.held.cap <= LINE_HOLD_FIRST);
		line_free(&r);
	}
}

/* A line that is whole is not copied; one in parts is wiped behind. */
static void test_copies(void **state)
{
	struct span in = SPAN_LIT("PASS secret\n");
	enum line_got what;
	struct span line;
	struct line_reader r;

	(void)state;
	line_init(&r);
	assert_int_equal(line_take(&r, in, 255, &what, &line), in.n);
	assert_int_equal(what, LINE_WHOLE);
	assert_ptr_equal(line.p, in.p);
	assert_null(r.held.p);
	line_done(&r);
	assert_int_equal(line_take(&r, span_head(in, 9), 255, &what, &line),
			 9);
	assert_int_equal(what, LINE_PART);
	assert_int_equal(line_take(&r, span_skip(in, 9), 255, &what, &line),
			 3);
	assert_int_equal(what, LINE_WHOLE);
	assert_true(span_eq(line, in));
	line_done(&r);
	for (size_t i = 0; i < in.n; i++)
		assert_int_equal(r.held.p[i], 0);
	line_release(&r);
	assert_null(r.held.p);
	line_free(&r);
}

/* Long lines in parts of one octet: the buffer grows to its ceiling. */
static void test_growth(void **state)
{
	enum line_got what;
	struct span line;
	struct line_reader r;

	(void)state;
	line_init(&r);
	for (size_t i = 1; i < LINE_HOLD_MAX; i++) {
		assert_int_equal(line_take(&r, SPAN_LIT("x"), LINE_HOLD_MAX,
					   &what, &line),
				 1);
		assert_int_equal(what, LINE_PART);
	}
	assert_int_equal(line_take(&r, SPAN_LIT("\n"), LINE_HOLD_MAX, &what,
				   &line),
			 1);
	assert_int_equal(what, LINE_WHOLE);
	assert_int_equal(line.n, LINE_HOLD_MAX);
	line_free(&r);
}

static void test_starts(void **state)
{
	struct span in = SPAN_LIT("auth plain");
	enum line_got what;
	struct span line;

	(void)state;
	for (size_t at = 0; at <= in.n; at++) {
		struct line_reader r;

		line_init(&r);
		if (at > 0)
			(void)line_take(&r, span_head(in, at), 255, &what,
					&line);
		assert_true(line_starts(&r, span_skip(in, at),
					SPAN_LIT("AUTH ")));
		assert_false(line_starts(&r, span_skip(in, at),
					 SPAN_LIT("AUTHX")));
		assert_int_equal(line_starts(&r, SPAN_NONE, SPAN_LIT("AUTH ")),
				 at >= 5);
		line_free(&r);
	}
}

static void test_http(void **state)
{
	(void)state;
	assert_true(line_is_http(SPAN_LIT("GET / HTTP/1.1")));
	assert_true(line_is_http(SPAN_LIT("post /x")));
	assert_true(line_is_http(SPAN_LIT("OPTIONS *")));
	assert_false(line_is_http(SPAN_LIT("GET")));
	assert_false(line_is_http(SPAN_LIT("NOOP")));
	assert_false(line_is_http(SPAN_LIT("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_starts),
		cmocka_unit_test(test_http),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
