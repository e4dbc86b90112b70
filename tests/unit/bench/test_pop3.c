#include "unit/bench/talk.h"

enum { PIECE_MAX = 40 };

#define LOGIN                                                  \
	{ "", "+OK ready\r\n" }, { "USER u1\r\n", "+OK\r\n" }, \
	{                                                      \
		"PASS pass word\r\n", "+OK 2 320\r\n"          \
	}

static const struct talk_row empty_session[] = {
	LOGIN,
	{ "STAT\r\n", "+OK 2 320\r\n" },
	{ "UIDL\r\n", "+OK\r\n1 aa\r\n2 bb\r\n.\r\n" },
	{ "QUIT\r\n", "+OK bye\r\n" },
	{ "", "" },
};

static void test_empty_session(void **state)
{
	struct talk t = { 0 };

	(void)state;
	for (size_t piece = 1; piece < PIECE_MAX; piece++) {
		talk_begin(&t, "pop3-empty");
		assert_false(talk_is_over(&t));
		assert_true(talk_play(&t, empty_session,
				      ARRAY_LEN(empty_session), piece));
		assert_true(talk_is_over(&t));
		/* The session itself is the operation. */
		assert_true(t.plan.what->kind->counts_sessions);
		assert_int_equal(t.timed + t.counted + t.began, 0);
	}
	talk_done(&t);
}

static void test_empty_pipelined(void **state)
{
	static const struct talk_row rows[] = {
		{ "", "+OK ready\r\n" },
		{ "USER u1\r\nPASS pass word\r\nSTAT\r\nUIDL\r\nQUIT\r\n",
		  "+OK\r\n+OK\r\n+OK 1 3\r\n+OK\r\n1 x\r\n.\r\n+OK\r\n" },
		{ "", "" },
	};
	struct talk t = { .plan.pipelined = true };

	(void)state;
	for (size_t piece = 1; piece < 2 * PIECE_MAX; piece++) {
		talk_begin(&t, "pop3-empty");
		assert_true(talk_play(&t, rows, ARRAY_LEN(rows), piece));
		assert_true(talk_is_over(&t));
	}
	talk_done(&t);
}

static void test_quit_alone(void **state)
{
	static const struct talk_row rows[] = {
		{ "", "+OK ready\r\n" },
		{ "USER u1\r\nPASS pass word\r\nSTAT\r\nUIDL\r\n",
		  "+OK\r\n+OK\r\n+OK 0 0\r\n+OK\r\n.\r\n" },
		{ "QUIT\r\n", "+OK\r\n" },
	};
	struct talk t = { .plan.pipelined = true, .plan.quit_alone = true };

	(void)state;
	talk_begin(&t, "pop3-empty");
	assert_true(talk_play(&t, rows, ARRAY_LEN(rows), PIECE_MAX));
	assert_true(talk_is_over(&t));
	talk_done(&t);
}

static void test_login(void **state)
{
	static const struct talk_row one_by_one[] = {
		LOGIN,
		{ "QUIT\r\n", "+OK\r\n" },
		{ "", "" },
	};
	static const struct talk_row pipelined[] = {
		{ "", "+OK ready\r\n" },
		{ "USER u1\r\nPASS pass word\r\nQUIT\r\n",
		  "+OK\r\n+OK\r\n+OK\r\n" },
		{ "", "" },
	};
	struct talk t = { 0 };

	(void)state;
	talk_begin(&t, "pop3-login");
	assert_true(talk_play(&t, one_by_one, ARRAY_LEN(one_by_one), 1));
	assert_true(talk_is_over(&t));
	t.plan.pipelined = true;
	talk_begin(&t, "pop3-login");
	assert_true(talk_play(&t, pipelined, ARRAY_LEN(pipelined), 3));
	assert_true(talk_is_over(&t));
	talk_done(&t);
}

/* Logged in it waits, takes no word for an answer, and leaves when told. */
static void test_idle(void **state)
{
	static const struct talk_row rows[] = {
		LOGIN,
		{ "STAT\r\n", "+OK 2 320\r\n" },
		{ "", "" },
	};
	static const struct talk_row end[] = {
		{ "QUIT\r\n", "+OK\r\n" },
		{ "", "" },
	};
	static const struct talk_row tired[] = {
		{ "", "-ERR you are idle\r\n" },
	};
	struct talk t = { 0 };

	(void)state;
	for (size_t piece = 1; piece < PIECE_MAX; piece++) {
		talk_begin(&t, "pop3-idle");
		assert_true(talk_play(&t, rows, ARRAY_LEN(rows), piece));
		assert_int_equal(t.settled, 1);
		assert_false(talk_is_over(&t));
		t.d->kind->leave(t.d);
		assert_true(talk_play(&t, end, ARRAY_LEN(end), piece));
		assert_true(talk_is_over(&t));
	}
	talk_begin(&t, "pop3-idle");
	assert_true(talk_play(&t, rows, ARRAY_LEN(rows), PIECE_MAX));
	assert_false(talk_play(&t, tired, 1, PIECE_MAX));
	assert_non_null(strstr(t.d->wrong, "you are idle"));
	talk_done(&t);
}

/* In no order, but the same in every run, and every account is met. */
static void test_random_accounts(void **state)
{
	char name[PATTERN_NAME_MAX + 1], before[PATTERN_NAME_MAX + 1] = "";
	unsigned seen = 0, moved = 0;
	struct talk t = { .plan.random = true };

	(void)state;
	talk_begin(&t, "pop3-login");
	for (uint64_t i = 0; i < 100; i++) {
		dialog_user(t.d, i, name);
		seen |= 1u << (name[1] - '0');
		moved += strcmp(name, before) != 0;
		memcpy(before, name, sizeof name);
	}
	assert_int_equal(seen, 7);
	/* One in three is the one before; in turn, none would be. */
	assert_in_range(moved, 40, 90);
	talk_done(&t);
}

static void test_fetch_one_by_one(void **state)
{
	static const struct talk_row rows[] = {
		LOGIN,
		{ "LIST\r\n", "+OK\r\n1 3\r\n2 4\r\n3 0\r\n.\r\n" },
		{ "RETR 1\r\n", "+OK 3 octets\r\na\r\n.\r\n" },
		/* A doubled dot counts once: RFC 1939 section 11. */
		{ "RETR 2\r\n", "+OK\r\n..b\r\n.\r\n" },
		{ "RETR 3\r\n", "+OK\r\n.\r\n" },
		{ "QUIT\r\n", "+OK\r\n" },
		{ "", "" },
	};
	struct talk t = { 0 };

	(void)state;
	for (size_t piece = 1; piece < PIECE_MAX; piece++) {
		talk_begin(&t, "pop3-fetch");
		assert_true(talk_play(&t, rows, ARRAY_LEN(rows), piece));
		assert_true(talk_is_over(&t));
		assert_int_equal(t.began, 1);
		assert_int_equal(t.timed, 3);
		assert_int_equal(t.counted, 0);
	}
	talk_done(&t);
}

static void test_fetch_pipelined(void **state)
{
	static const struct talk_row rows[] = {
		{ "", "+OK ready\r\n" },
		{ "USER u1\r\nPASS pass word\r\nLIST\r\n",
		  "+OK\r\n+OK\r\n+OK\r\n1 3\r\n2 2\r\n.\r\n" },
		{ "RETR 1\r\nRETR 2\r\nQUIT\r\n",
		  "+OK\r\na\r\n.\r\n+OK\r\n\r\n.\r\n+OK bye\r\n" },
		{ "", "" },
	};
	struct talk t = { .plan.pipelined = true };

	(void)state;
	for (size_t piece = 1; piece < PIECE_MAX; piece++) {
		talk_begin(&t, "pop3-fetch");
		assert_true(talk_play(&t, rows, ARRAY_LEN(rows), piece));
		assert_true(talk_is_over(&t));
		assert_int_equal(t.counted, 2);
		assert_int_equal(t.timed, 0);
	}
	talk_done(&t);
}

static void test_fetch_of_nothing(void **state)
{
	static const struct talk_row rows[] = {
		LOGIN,
		{ "LIST\r\n", "+OK\r\n.\r\n" },
		{ "QUIT\r\n", "+OK\r\n" },
	};
	struct talk t = { 0 };

	(void)state;
	talk_begin(&t, "pop3-fetch");
	assert_true(talk_play(&t, rows, ARRAY_LEN(rows), PIECE_MAX));
	assert_true(talk_is_over(&t));
	talk_done(&t);
}

/* No more RETRs are on their way than the window allows; each comes once. */
static void test_window(void **state)
{
	enum { MESSAGES = 5000 };
	struct talk t = { .plan.pipelined = true };
	unsigned asked = 0, got = 0;

	(void)state;
	talk_begin(&t, "pop3-fetch");
	assert_true(talk_feed(&t, SPAN_LIT("+OK\r\n+OK\r\n+OK\r\n+OK\r\n")));
	for (unsigned i = 1; i <= MESSAGES; i++) {
		char line[32];

		(void)snprintf(line, sizeof line, "%u 3\r\n", i);
		assert_true(talk_feed(&t, span_str(line)));
	}
	buf_clear(&t.d->out);
	assert_true(talk_feed(&t, SPAN_LIT(".\r\n")));
	for (; got < MESSAGES; got++) {
		struct span out = buf_span(&t.d->out);

		while (out.n > 0) {
			struct span line = span_cut(&out, '\n');
			char want[32];

			(void)snprintf(want, sizeof want, "RETR %u\r",
				       asked + 1);
			if (asked == MESSAGES) {
				assert_true(span_eq(line, SPAN_LIT("QUIT\r")));
				break;
			}
			assert_true(span_eq(line, span_str(want)));
			asked++;
		}
		buf_clear(&t.d->out);
		assert_in_range(asked, got + 1, got + 1000);
		assert_true(talk_feed(&t, SPAN_LIT("+OK\r\na\r\n.\r\n")));
	}
	assert_true(talk_feed(&t, SPAN_LIT("+OK\r\n")));
	assert_true(talk_is_over(&t));
	assert_int_equal(t.counted, MESSAGES);
	talk_done(&t);
}

static void test_stls(void **state)
{
	static const struct talk_row rows[] = {
		{ "", "+OK ready\r\n" },
		{ "STLS\r\n", "+OK begin\r\n" },
		{ "USER u1\r\n", "+OK\r\n" },
		{ "PASS pass word\r\n", "+OK\r\n" },
		{ "STAT\r\n", "+OK 0 0\r\n" },
		{ "UIDL\r\n", "+OK\r\n.\r\n" },
		{ "QUIT\r\n", "+OK\r\n" },
	};
	struct talk t = { .plan.tls = BENCH_STARTTLS };

	(void)state;
	talk_begin(&t, "pop3-empty");
	assert_true(talk_play(&t, rows, ARRAY_LEN(rows), PIECE_MAX));
	assert_true(talk_is_over(&t));
	assert_int_equal(t.secured, 1);
	talk_done(&t);
}

/* Implicit TLS: the handshake is over before the greeting. */
static void test_tls_begins_before_the_greeting(void **state)
{
	struct talk t = { .plan.tls = BENCH_TLS };

	(void)state;
	talk_begin(&t, "pop3-empty");
	t.d->secure = true;
	t.d->kind->secured(t.d);
	assert_true(talk_play(&t, empty_session, ARRAY_LEN(empty_session), 7));
	assert_true(talk_is_over(&t));
	talk_done(&t);
}

/* A server that is wrong at the end of these is noticed, and how. */
static const struct {
	const char *name;
	bool pipelined;
	const char *answers;
	const char *wrong;
} wrongs[] = {
	{ "pop3-empty", false, "-ERR full\r\n",
	  "answer to connecting: \"-ERR full\"" },
	{ "pop3-empty", false, "+OK\r\n-ERR\x1b[2J\r\n",
	  "answer to USER: \"-ERR\\x1b[2J\"" },
	{ "pop3-empty", false, "+OK\r\n+OK\r\n-ERR [AUTH] no\r\n",
	  "answer to PASS: \"-ERR [AUTH] no\"" },
	{ "pop3-empty", false, "+OK\r\n+OK\r\n+OK\r\n+OK two 3\r\n",
	  "answer to STAT: \"+OK two 3\"" },
	{ "pop3-empty", false, "+OK\r\n+OK\r\n+OK\r\n+OK 1 3\r\n+OK\r\n.\r\n",
	  "UIDL lists 0 messages, STAT 1" },
	{ "pop3-empty", false,
	  "+OK\r\n+OK\r\n+OK\r\n+OK 2 6\r\n+OK\r\n1 a\r\n3 b\r\n",
	  "answer to UIDL: \"3 b\"" },
	{ "pop3-empty", false,
	  "+OK\r\n+OK\r\n+OK\r\n+OK 1 6\r\n+OK\r\n1 a b\r\n",
	  "answer to UIDL: \"1 a b\"" },
	{ "pop3-empty", true,
	  "+OK\r\n+OK\r\n+OK\r\n+OK 0 0\r\n+OK\r\n.\r\n+OK\r\n+OK more\r\n",
	  "answer to nothing: \"+OK more\\x0d\\x0a\"" },
	{ "pop3-empty", false, "+OK bare\n",
	  "answer to connecting: \"+OK bare\"" },
	{ "pop3-fetch", false, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 x\r\n",
	  "answer to LIST: \"1 x\"" },
	{ "pop3-fetch", false, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n2 5\r\n",
	  "answer to LIST: \"2 5\"" },
	{ "pop3-fetch", false,
	  "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 5\r\n.\r\n-ERR gone\r\n",
	  "answer to RETR: \"-ERR gone\"" },
	{ "pop3-fetch", false,
	  "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 5\r\n.\r\n+OK\r\na\r\n.\r\n",
	  "RETR 1 gave 3 octets, LIST says 5" },
	{ "pop3-fetch", true,
	  "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 3\r\n2 3\r\n.\r\n+OK\r\na\r\n.\r\n"
	  "+OK\r\n..a\r\n.\r\n",
	  "RETR 2 gave 4 octets, LIST says 3" },
	{ "pop3-fetch", false,
	  "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 4\r\n.\r\n+OK\r\n.a\r\n.\r\n",
	  "RETR 1: octet 2 follows a dot at the start of a line that is not "
	  "doubled" },
};

static void test_wrong_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrongs); i++)
		for (size_t piece = 1; piece < PIECE_MAX; piece++) {
			struct talk_row row = { NULL, wrongs[i].answers };
			struct talk t = { .plan.pipelined =
						  wrongs[i].pipelined };

			talk_begin(&t, wrongs[i].name);
			assert_false(talk_play(&t, &row, 1, piece));
			/* What is shown of unasked octets depends on cuts. */
			if (strstr(wrongs[i].wrong, "nothing") == NULL)
				assert_string_equal(t.d->wrong,
						    wrongs[i].wrong);
			talk_done(&t);
		}
}

/* Cut off anywhere, the dialog says that more should have come. */
static void test_cut_off(void **state)
{
	static const char all[] = "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 3\r\n.\r\n"
				  "+OK\r\na\r\n.\r\n+OK\r\n";

	(void)state;
	for (size_t n = 0; n < sizeof all - 1; n++) {
		struct talk t = { .plan.pipelined = true };
		char name[DIALOG_NAME_MAX];

		talk_begin(&t, "pop3-fetch");
		assert_true(talk_feed(&t, span_of(all, n)));
		assert_true(t.d->kind->awaits(t.d, name));
		if (n == sizeof all - 8)
			assert_string_equal(name, "RETR 1");
		if (n == sizeof all - 2)
			assert_string_equal(name, "QUIT");
		talk_done(&t);
	}
}

/* A dialog that was given up in the midst begins anew as the first time. */
static void test_begins_anew(void **state)
{
	struct talk t = { 0 };

	(void)state;
	talk_begin(&t, "pop3-fetch");
	assert_true(talk_feed(&t, SPAN_LIT("+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 3\r\n"
					   ".\r\n+OK\r\na\r\n.")));
	talk_begin(&t, "pop3-fetch");
	assert_true(talk_feed(&t, SPAN_LIT("+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 2\r\n"
					   ".\r\n+OK\r\n\r\n.\r\n+OK\r\n")));
	assert_true(talk_is_over(&t));
	assert_int_equal(t.timed, 1);
	talk_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_session),
		cmocka_unit_test(test_empty_pipelined),
		cmocka_unit_test(test_quit_alone),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_random_accounts),
		cmocka_unit_test(test_fetch_one_by_one),
		cmocka_unit_test(test_fetch_pipelined),
		cmocka_unit_test(test_fetch_of_nothing),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_stls),
		cmocka_unit_test(test_tls_begins_before_the_greeting),
		cmocka_unit_test(test_wrong_answers),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
