#include "cli/logline.h"

#include "unit/unit.h"

static const char line[] =
	"ts=2026-11-21T13:50:19.123Z level=warn proc=worker-0 event=session "
	"session=w0.1f.3 peer=192.0.2.1 account=\"al\\\"i\\\\ce@example.org\" "
	"helo=\"x y\\x0a\" empty=\"\" n=5";

static void fields_in_order(void **state)
{
	static const char *const want[][2] = {
		{ "ts", "2026-11-21T13:50:19.123Z" },
		{ "level", "warn" },
		{ "proc", "worker-0" },
		{ "event", "session" },
		{ "session", "w0.1f.3" },
		{ "peer", "192.0.2.1" },
		{ "account", "al\"i\\ce@example.org" },
		{ "helo", "x y\\x0a" },
		{ "empty", "" },
		{ "n", "5" },
	};
	struct span rest = span_str(line), key;
	char value[LOGLINE_VALUE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		assert_true(logline_next(&rest, &key, value));
		assert_true(span_eq(key, span_str(want[i][0])));
		assert_string_equal(value, want[i][1]);
	}
	assert_false(logline_next(&rest, &key, value));
}

/* Whatever stands in a file, nothing is read outside of the line. */
static void no_logfmt(void **state)
{
	static const char *const lines[] = {
		"", " ", "=", "x", "x y=z", "a=\"", "a=\"\\", "a=\"\\\"", "=a",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		/* Behind it lies what the sanitizer guards. */
		size_t n = strlen(lines[i]);
		char *copy = malloc(n + (n == 0));
		struct span rest = span_of(copy, n), key;
		char value[LOGLINE_VALUE_MAX];

		memcpy(copy, lines[i], n);
		assert_false(logline_next(&rest, &key, value));
		free(copy);
	}
}

static void filters(void **state)
{
	struct logline_filter f = { 0 };
	const struct span s = span_str(line);

	(void)state;
	assert_true(logline_matches(s, &f));
	f.level = logline_level(SPAN_LIT("warn"));
	assert_true(logline_matches(s, &f));
	f.level = logline_level(SPAN_LIT("error"));
	assert_false(logline_matches(s, &f));
	f = (struct logline_filter){ .account = "AL\"i\\ce@EXAMPLE.org" };
	assert_true(logline_matches(s, &f));
	f.account = "ice@example.org";
	assert_false(logline_matches(s, &f));
	f = (struct logline_filter){ .session = "w0.1f.3",
				     .peer = "192.0.2.1" };
	assert_true(logline_matches(s, &f));
	f.peer = "192.0.2.10";
	assert_false(logline_matches(s, &f));
	f = (struct logline_filter){ .since = "2026-11-21T13:50:19" };
	assert_true(logline_matches(s, &f));
	f = (struct logline_filter){ .since = "2026-11-21T13:50:20" };
	assert_false(logline_matches(s, &f));
}

static void points_of_time(void **state)
{
	static const struct {
		const char *text, *stamp;
	} rows[] = {
		{ "10s", "2026-11-21T13:50:09" },
		{ "10m", "2026-11-21T13:40:19" },
		{ "2h", "2026-11-21T11:50:19" },
		{ "3d", "2026-11-18T13:50:19" },
		{ "2026-11-20", "2026-11-20T00:00:00" },
		{ "2026-11-20 01:02", "2026-11-20T01:02:00" },
		{ "2026-11-20T01:02:03Z", "2026-11-20T01:02:03" },
		{ "", NULL },
		{ "10", NULL },
		{ "10x", NULL },
		{ "-1m", NULL },
		{ "99999999999999999999d", NULL },
		{ "yesterday", NULL },
		{ "2026-11-20 01:02 or so", NULL },
	};
	const int64_t now = 1795269019;

	(void)state;
	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char stamp[LOGLINE_STAMP_MAX] = "";
		int64_t at;
		bool ok = logline_since(rows[i].text, now, stamp, &at);

		if (ok != (rows[i].stamp != NULL))
			fail_msg("%s", rows[i].text);
		if (ok)
			assert_string_equal(stamp, rows[i].stamp);
	}
}

static void printed(enum logline_form form, const char *text, char *ret,
		    size_t cap)
{
	FILE *to = fmemopen(ret, cap, "w");

	assert_non_null(to);
	logline_print(to, span_str(text), form);
	(void)fclose(to);
}

static void forms(void **state)
{
	char out[1024];

	(void)state;
	printed(LOGLINE_JSON, "level=info msg=\"a \\\"b\\\" \\x1b\"", out,
		sizeof out);
	assert_string_equal(
		out,
		"{\"level\": \"info\", \"msg\": \"a \\\"b\\\" \\\\x1b\"}\n");
	printed(LOGLINE_JSON, "not logfmt", out, sizeof out);
	assert_string_equal(out, "{\"text\": \"not logfmt\"}\n");
	printed(LOGLINE_PLAIN, "a=b \x1b[2J", out, sizeof out);
	assert_string_equal(out, "a=b \\x1b[2J\n");
	printed(LOGLINE_COLOUR, "level=error", out, sizeof out);
	assert_string_equal(out, "\033[31mlevel=error\033[0m\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_in_order),
		cmocka_unit_test(no_logfmt),
		cmocka_unit_test(filters),
		cmocka_unit_test(points_of_time),
		cmocka_unit_test(forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
