/*
 * What dialogues cannot say: errors of the driver, time, slow readers, events
 * that stay unanswered, ends from outside. RFC 1939, 2449, 2595, 3206, 5034.
 */
#include "unit/unit.h"

#include "unit/proto/pop3_drive.h"

#define LOGIN "USER alice\r\nPASS secret\r\n"

static struct maildrop drop; /* three messages of 10, 20 and 30 octets */

static int set_up(void **state)
{
	(void)state;
	maildrop_init(&drop);
	maildrop_add(&drop, SPAN_LIT("12345678\r\n"));
	maildrop_add(&drop, SPAN_LIT("123456789012345678\r\n"));
	maildrop_add(&drop, SPAN_LIT(".12345678901234567890123456\r\n"));
	maildrop_seal(&drop);
	assert_int_equal(drop.octets, 59);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	maildrop_done(&drop);
	return 0;
}

static void begin(struct pop3_drive *d)
{
	pop3_drive_init(d, &drop, POP3_LOGIN_IN_CLEAR | POP3_TLS_POSSIBLE);
	assert_int_equal(pop3_drive_feed(d, SPAN_NONE), 0);
	buf_clear(&d->got);
}

static void begin_logged_in(struct pop3_drive *d)
{
	begin(d);
	assert_int_equal(pop3_drive_feed(d, SPAN_LIT(LOGIN)), 0);
	buf_clear(&d->got);
}

/* Says `in`; `want` has to come back, all of it. */
static void say(struct pop3_drive *d, const char *in, const char *want)
{
	buf_clear(&d->got);
	assert_int_equal(pop3_drive_feed(d, span_str(in)), 0);
	if (!span_eq(buf_span(&d->got), span_str(want)))
		fail_msg("%s: got %.*s", in, (int)d->got.n,
			 (const char *)d->got.p);
}

static void assert_over(struct pop3_drive *d, const char *reason)
{
	assert_true(pop3_server_is_over(d->s));
	assert_string_equal(pop3_server_end_reason(d->s), reason);
	assert_int_equal(pop3_server_feed(d->s, SPAN_LIT("NOOP\r\n")), 0);
	assert_true(pop3_server_deadline(d->s) == UINT64_MAX);
}

/* RFC 1939 section 7: a greeting with <...> is an APOP challenge. */
static void test_greeting(void **state)
{
	struct pop3_drive d;

	(void)state;
	pop3_drive_init(&d, &drop, 0);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	assert_true(span_eq(buf_span(&d.got),
			    SPAN_LIT("+OK mail.example.org POP3 ready\r\n")));
	pop3_drive_done(&d);
}

/* RFC 1939 section 7, its example with another name: the digest is of
 * "<1896.697170952@dbc.mtview.ca.us>tanstaaf". */
static void test_apop(void **state)
{
	static const char right[] =
		"APOP alice c4c9334bac560ecc979e58001b3e22fb\r\n";
	struct pop3_drive d;

	(void)state;
	pop3_drive_init_legacy(&d, &drop, POP3_LOGIN_IN_CLEAR);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	assert_true(span_eq(buf_span(&d.got),
			    SPAN_LIT("+OK mail.example.org POP3 ready "
				     "<1896.697170952@dbc.mtview.ca.us>\r\n")));
	say(&d, "APOP\r\n", "-ERR wrong arguments\r\n");
	say(&d, "APOP alice\r\n", "-ERR wrong arguments\r\n");
	say(&d, "APOP alice x\r\n", "-ERR malformed response\r\n");
	say(&d, "APOP alice c4c9334bac560ecc979e58001b3e22fc\r\n",
	    "-ERR [AUTH] wrong name or password\r\n");
	say(&d, right, "+OK 3 messages (59 octets)\r\n");
	pop3_drive_done(&d);

	/* Threat 15: not in clear, unless the listener lets it. */
	pop3_drive_init_legacy(&d, &drop, POP3_TLS_POSSIBLE);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	say(&d, right, "-ERR use STLS first: no login in clear\r\n");
	assert_int_equal(d.events, 0);
	pop3_drive_done(&d);

	/* And where there is none, it is unknown. */
	begin(&d);
	say(&d, right, "-ERR unknown command\r\n");
	pop3_drive_done(&d);
}

/* RFC 1957: a space behind every +OK and -ERR. */
static void test_space_behind_status(void **state)
{
	static const char *const commands[] = {
		"NOOP\r\n", "STAT\r\n", "LIST\r\n",   "UIDL 1\r\n",
		"RSET\r\n", "CAPA\r\n", "DELE 1\r\n", "TOP 2 0\r\n",
		"X\r\n",    "RETR\r\n", "RETR 9\r\n", "QUIT\r\n",
	};
	struct pop3_drive d;

	(void)state;
	begin_logged_in(&d);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		buf_clear(&d.got);
		(void)pop3_drive_feed(&d, span_str(commands[i]));
		assert_true(span_starts(buf_span(&d.got), SPAN_LIT("+OK ")) ||
			    span_starts(buf_span(&d.got), SPAN_LIT("-ERR ")));
	}
	pop3_drive_done(&d);
}

/* ---- errors of the driver, as RFC 3206 has them ---- */

struct failure {
	enum yb_err err;
	const char *want;
};

static void test_login_failures(void **state)
{
	static const struct failure rows[] = {
		{ YB_DENIED, "+OK send PASS\r\n"
			     "-ERR [AUTH] wrong name or password\r\n" },
		{ YB_OVERLOAD, "+OK send PASS\r\n"
			       "-ERR [SYS/TEMP] too many requests "
			       "at once\r\n" },
		{ YB_CORRUPT, "+OK send PASS\r\n"
			      "-ERR [SYS/PERM] is damaged\r\n" },
		{ YB_SYNTAX, "+OK send PASS\r\n-ERR malformed response\r\n" },
		{ YB_UNSUPPORTED, "+OK send PASS\r\n"
				  "-ERR mechanism not offered\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pop3_drive d;

		begin(&d);
		d.login_err = rows[i].err;
		say(&d, LOGIN, rows[i].want);
		assert_false(pop3_server_is_over(d.s));
		d.login_err = YB_OK;
		say(&d, LOGIN,
		    "+OK send PASS\r\n+OK 3 messages (59 octets)\r\n");
		pop3_drive_done(&d);
	}
}

/* What is no fault of the client's does not end its session. */
static void test_temporary_failures_are_free(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin(&d);
	d.login_err = YB_TIMEOUT;
	for (int i = 0; i < 10; i++)
		(void)pop3_drive_feed(&d, SPAN_LIT(LOGIN));
	assert_false(pop3_server_is_over(d.s));
	d.login_err = YB_DENIED;
	(void)pop3_drive_feed(&d, SPAN_LIT(LOGIN LOGIN LOGIN LOGIN));
	assert_over(&d, "too many failed logins");
	pop3_drive_done(&d);
}

static void test_help_url(void **state)
{
	struct pop3_server_config config = pop3_drive_config(POP3_TLS_ACTIVE);
	struct pop3_drive d;

	(void)state;
	begin(&d);
	pop3_server_free(&d.s);
	config.help_url = "https://example.org/mail";
	d.s = pop3_server_new(&config, 0);
	assert_non_null(d.s);
	d.login_err = YB_DENIED;
	say(&d, LOGIN,
	    "+OK mail.example.org POP3 ready\r\n+OK send PASS\r\n"
	    "-ERR [AUTH] wrong name or password; "
	    "help: https://example.org/mail\r\n");
	pop3_drive_done(&d);
}

static void test_retr_failures(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin_logged_in(&d);
	d.retr_err = YB_SNAPSHOT_GONE;
	say(&d, "RETR 1\r\nTOP 1 0\r\nNOOP\r\n",
	    "-ERR [SYS/TEMP] the maildrop has to be opened again\r\n"
	    "-ERR [SYS/TEMP] the maildrop has to be opened again\r\n"
	    "+OK \r\n");
	d.retr_err = YB_CORRUPT;
	say(&d, "RETR 1\r\n", "-ERR [SYS/PERM] is damaged\r\n");
	assert_int_equal(pop3_server_counters(d.s)->retr, 0);
	pop3_drive_done(&d);
}

/* I3: QUIT answers -ERR if the deletes are not on the disk. */
static void test_quit_failure(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin_logged_in(&d);
	d.quit_err = YB_FULL;
	say(&d, "DELE 1\r\nQUIT\r\n",
	    "+OK deleted\r\n-ERR [SYS/TEMP] no space left on the disk\r\n");
	assert_over(&d, "quit failed");
	assert_int_equal(d.commits, 1);
	assert_int_equal(d.deleted, 0);
	pop3_drive_done(&d);
}

/* ---- events ---- */

/* While an event is unanswered nothing is eaten, and nothing is lost. */
static void test_one_event_at_a_time(void **state)
{
	struct span in = SPAN_LIT("RETR 1\r\nDELE 2\r\nSTAT\r\n");
	struct pop3_drive d;

	(void)state;
	for (size_t at = 0; at <= in.n; at++) {
		const struct pop3_event *ev;
		size_t left;

		begin_logged_in(&d);
		d.hold_answers = true;
		left = pop3_drive_feed(&d, span_head(in, at));
		assert_int_equal(left, at > 8 ? at - 8 : 0);
		assert_int_equal(d.events, at >= 8 ? 2 : 1);
		assert_false(pop3_server_poll(d.s, &ev));
		if (at >= 8)
			pop3_drive_answer(&d, &d.last);
		d.hold_answers = false;
		assert_int_equal(pop3_drive_feed(&d, span_skip(in, at - left)),
				 0);
		assert_true(span_eq(buf_span(&d.got),
				    SPAN_LIT("+OK 10 octets\r\n12345678\r\n"
					     ".\r\n+OK deleted\r\n"
					     "+OK 2 39\r\n")));
		pop3_drive_done(&d);
	}
}

/* The event's octets are there until it is answered, and wiped then. */
static void test_secret_is_wiped(void **state)
{
	char line[] = "USER alice\r\nPASS topsecret\r\n";
	struct pop3_drive d;
	const uint8_t *p;

	(void)state;
	begin(&d);
	d.hold_answers = true;
	(void)pop3_drive_feed(&d, span_str(line));
	memset(line, 0, sizeof line);
	assert_int_equal(d.last.kind, POP3_EV_LOGIN);
	assert_true(span_eq(d.last.user, SPAN_LIT("alice")));
	assert_true(span_eq(d.last.secret, SPAN_LIT("topsecret")));
	p = d.last.secret.p;
	pop3_server_login_done(d.s, YB_DENIED, NULL);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(p[i], 0);
	pop3_drive_done(&d);
}

static void test_sasl_events(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin(&d);
	d.hold_answers = true;
	(void)pop3_drive_feed(&d, SPAN_LIT("AUTH plain =\r\n"));
	assert_int_equal(d.last.kind, POP3_EV_SASL);
	assert_true(span_eq(d.last.mechanism, SPAN_LIT("PLAIN")));
	assert_true(d.last.has_response);
	assert_int_equal(d.last.response.n, 0);
	pop3_server_sasl_challenge(d.s, SPAN_LIT("x"));
	(void)pop3_drive_feed(&d, SPAN_LIT("AGEAYg==\r\n"));
	assert_int_equal(d.last.mechanism.n, 0);
	assert_true(span_eq(d.last.response, SPAN_LIT("\0a\0b")));
	pop3_server_login_done(d.s, YB_DENIED, NULL);
	(void)pop3_drive_feed(&d, SPAN_LIT("AUTH PLAIN\r\n"));
	assert_false(d.last.has_response);
	pop3_server_sasl_challenge(d.s, SPAN_NONE);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	buf_clear(&d.got);
	(void)pop3_drive_feed(&d, SPAN_LIT("*\r\nCAPA\r\n"));
	assert_int_equal(d.last.kind, POP3_EV_SASL_CANCEL);
	/* It needs no answer: CAPA ran. */
	assert_true(span_starts(buf_span(&d.got),
				SPAN_LIT("-ERR cancelled\r\n+OK cap")));
	pop3_drive_done(&d);
}

/* Threat 1, at every split: no command behind STLS runs, in either phase. */
static void test_stls_injection(void **state)
{
	struct span in = SPAN_LIT("STLS\r\n" LOGIN "STAT\r\n");
	struct pop3_drive d;

	(void)state;
	for (size_t at = 0; at <= in.n; at++) {
		begin(&d);
		(void)pop3_drive_feed(&d, span_head(in, at));
		(void)pop3_drive_feed(&d, span_skip(in, at));
		assert_over(&d, "octets behind STLS");
		assert_int_equal(d.events, at == 6);
		/* One line, either one, and no second. */
		assert_int_equal(span_find(buf_span(&d.got), '\n'),
				 d.got.n - 1);
		if (d.starttls)
			pop3_drive_tls(&d);
		assert_over(&d, "octets behind STLS");
		pop3_drive_done(&d);
	}
}

/* Threat 2: mistakes that somebody else may have made in clear, too. */
static void test_stls_forgets_mistakes(void **state)
{
	/* The third failure and the twentieth mistake end a session. */
	enum { FAILURES = 2, MISTAKES = 17 };
	struct pop3_drive d;

	(void)state;
	begin(&d);
	for (int turn = 0; turn < 2; turn++) {
		d.login_err = YB_DENIED;
		for (int i = 0; i < FAILURES; i++)
			(void)pop3_drive_feed(&d, SPAN_LIT(LOGIN));
		for (int i = 0; i < MISTAKES; i++)
			(void)pop3_drive_feed(&d, SPAN_LIT("NOPE\r\n"));
		assert_false(pop3_server_is_over(d.s));
		if (turn == 0) {
			(void)pop3_drive_feed(&d, SPAN_LIT("STLS\r\n"));
			pop3_drive_tls(&d);
		}
	}
	/* Within TLS they count. */
	(void)pop3_drive_feed(&d, SPAN_LIT(LOGIN));
	assert_true(pop3_server_is_over(d.s));
	pop3_drive_done(&d);
}

/* ---- time ---- */

/* RFC 1939 section 3: ten minutes, and no response when they are over. */
static void test_idle(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin_logged_in(&d);
	pop3_server_tick(d.s, 5000, true);
	assert_int_equal(pop3_server_deadline(d.s), 605000);
	pop3_server_tick(d.s, 604999, false);
	assert_false(pop3_server_is_over(d.s));
	(void)pop3_drive_feed(&d, SPAN_LIT("DELE 1\r\n"));
	assert_int_equal(pop3_server_deadline(d.s), 1204999);
	buf_clear(&d.got);
	/* Part of a command is none: octet by octet nobody stays for ever. */
	pop3_server_tick(d.s, 1204998, false);
	(void)pop3_drive_feed(&d, SPAN_LIT("NO"));
	pop3_server_tick(d.s, 1204999, false);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	assert_over(&d, "idle");
	assert_int_equal(d.got.n, 0);
	assert_int_equal(d.commits, 0);
	pop3_drive_done(&d);
}

/* Greeting to login is limited in total, however lively the client is. */
static void test_login_timeout(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin(&d);
	assert_int_equal(pop3_server_deadline(d.s), 61000);
	pop3_server_tick(d.s, 60999, true);
	assert_false(pop3_server_is_over(d.s));
	pop3_server_tick(d.s, 61000, true);
	assert_over(&d, "login timeout");
	pop3_drive_done(&d);
}

static void test_no_time_runs_while_we_work(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin_logged_in(&d);
	d.hold_answers = true;
	(void)pop3_drive_feed(&d, SPAN_LIT("QUIT\r\n"));
	assert_true(pop3_server_deadline(d.s) == UINT64_MAX);
	pop3_server_tick(d.s, 1000000000, false);
	assert_false(pop3_server_is_over(d.s));
	pop3_server_quit_done(d.s, YB_OK);
	assert_over(&d, "quit");
	pop3_drive_done(&d);
}

/* ---- ends from outside ---- */

static void test_shutdown(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin_logged_in(&d);
	buf_clear(&d.got);
	pop3_server_shutdown(d.s);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	assert_true(span_eq(
		buf_span(&d.got),
		SPAN_LIT("-ERR [SYS/TEMP] server is shutting down\r\n")));
	assert_over(&d, "shutdown");
	pop3_drive_done(&d);
}

/* What was asked before is answered too late: nothing happens. */
static void test_answers_after_the_end(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin(&d);
	d.hold_answers = true;
	(void)pop3_drive_feed(&d, SPAN_LIT(LOGIN));
	pop3_server_shutdown(d.s);
	pop3_server_login_done(d.s, YB_OK, &drop.listing);
	assert_over(&d, "shutdown");
	pop3_drive_done(&d);
	begin_logged_in(&d);
	d.hold_answers = true;
	(void)pop3_drive_feed(&d, SPAN_LIT("RETR 1\r\n"));
	pop3_server_shutdown(d.s);
	buf_clear(&d.got);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	pop3_server_answer_range(d.s, 0, 13, false);
	pop3_server_answer_error(d.s, YB_IO);
	pop3_server_quit_done(d.s, YB_OK);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	assert_true(span_eq(
		buf_span(&d.got),
		SPAN_LIT("-ERR [SYS/TEMP] server is shutting down\r\n")));
	pop3_drive_done(&d);
}

/* A commit on its way to the disk gets its answer. */
static void test_shutdown_lets_quit_through(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin_logged_in(&d);
	d.hold_answers = true;
	(void)pop3_drive_feed(&d, SPAN_LIT("DELE 1\r\nQUIT\r\n"));
	buf_clear(&d.got);
	pop3_server_shutdown(d.s);
	assert_false(pop3_server_is_over(d.s));
	pop3_server_quit_done(d.s, YB_OK);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	assert_true(span_eq(buf_span(&d.got), SPAN_LIT("+OK bye\r\n")));
	assert_over(&d, "quit");
	pop3_drive_done(&d);
}

/* ---- slow readers ---- */

/* Threat 19: who does not read is not listened to; memory has a ceiling. */
static void test_pipeline_without_reading(void **state)
{
	struct pop3_drive d;
	const struct pop3_event *ev;
	struct out_queue *q;
	unsigned answered = 0;

	(void)state;
	begin_logged_in(&d);
	q = pop3_server_output(d.s);
	while (pop3_server_feed(d.s, SPAN_LIT("RETR 1\r\n")) > 0) {
		assert_true(pop3_server_poll(d.s, &ev));
		pop3_server_answer_range(d.s, 0, 13, false);
		assert_true(++answered <= OUT_PIECES_MAX);
	}
	assert_true(answered > 100);
	assert_true(q->count <= OUT_PIECES_MAX);
	assert_true(q->text.cap <= OUT_TEXT_MAX);
	while (pop3_drive_send(&d))
		continue;
	assert_int_equal(pop3_server_feed(d.s, SPAN_LIT("NOOP\r\n")), 6);
	pop3_drive_done(&d);
}

static void make_many(struct maildrop *many, uint32_t count)
{
	maildrop_init(many);
	for (uint32_t i = 0; i < count; i++)
		maildrop_add(many, SPAN_LIT("x\r\n"));
	maildrop_seal(many);
}

/* What LIST and UIDL have to answer when every third message is deleted. */
static void expect_listing(const struct maildrop *many, bool uidl,
			   struct buf *want)
{
	uint32_t live = many->count - (many->count + 2) / 3;

	assert_ok(buf_addf(want, "+OK %u messages (%u octets)\r\n", live,
			   3 * live));
	for (uint32_t i = 0; i < many->count; i++) {
		if (i % 3 == 0)
			continue;
		if (uidl)
			assert_ok(
				buf_addf(want, "%u uidl-%u\r\n", i + 1, i + 1));
		else
			assert_ok(buf_addf(want, "%u 3\r\n", i + 1));
	}
	assert_ok(buf_addf(want, ".\r\n"));
}

#define ask_list SPAN_LIT("LIST\r\nNOOP\r\n")
#define ask_uidl SPAN_LIT("UIDL\r\nNOOP\r\n")

/* Habit 6: a long answer resumes as output drains, within its ceiling. */
static void test_cursor(void **state)
{
	struct maildrop many;

	(void)state;
	make_many(&many, 4000);
	for (int uidl = 0; uidl < 2; uidl++) {
		struct pop3_drive d;
		const struct pop3_event *ev;
		struct buf want;

		buf_init(&want, MAILDROP_LOG_MAX);
		expect_listing(&many, uidl, &want);
		assert_ok(buf_addf(&want, "+OK \r\n"));
		pop3_drive_init(&d, &many, POP3_TLS_ACTIVE);
		(void)pop3_drive_feed(&d, SPAN_LIT(LOGIN));
		for (uint32_t i = 0; i < many.count; i += 3) {
			char line[32];

			(void)snprintf(line, sizeof line, "DELE %u\r\n", i + 1);
			(void)pop3_drive_feed(&d, span_str(line));
		}
		buf_clear(&d.got);
		assert_int_equal(
			pop3_server_feed(d.s, uidl ? ask_uidl : ask_list), 6);
		d.sent_a_time = 1000;
		while (pop3_drive_send(&d)) {
			assert_true(pop3_server_output(d.s)->text.cap <=
				    OUT_TEXT_MAX);
			assert_false(pop3_server_poll(d.s, &ev));
		}
		(void)pop3_drive_feed(&d, SPAN_LIT("NOOP\r\n"));
		assert_true(span_eq(buf_span(&d.got), buf_span(&want)));
		buf_done(&want);
		pop3_drive_done(&d);
	}
	maildrop_done(&many);
}

/* In the middle of a listing a last line would pass for part of it. */
static void test_shutdown_in_a_listing(void **state)
{
	struct maildrop many;
	struct pop3_drive d;

	(void)state;
	make_many(&many, 4000);
	pop3_drive_init(&d, &many, POP3_TLS_ACTIVE);
	(void)pop3_drive_feed(&d, SPAN_LIT(LOGIN "DELE 1\r\n"));
	(void)pop3_server_feed(d.s, SPAN_LIT("LIST\r\n"));
	pop3_server_shutdown(d.s);
	buf_clear(&d.got);
	while (pop3_drive_send(&d))
		continue;
	assert_true(pop3_server_is_over(d.s));
	assert_false(span_eq(
		span_skip(buf_span(&d.got), d.got.n - 10),
		SPAN_LIT("-ERR [SYS/TEMP] server is shutting down\r\n")));
	pop3_drive_done(&d);
	maildrop_done(&many);
}

/* Without deletes the ready text is sent as it lies. */
static void test_listing_is_borrowed(void **state)
{
	struct out_piece pieces[8];
	struct pop3_drive d;
	size_t n;

	(void)state;
	begin_logged_in(&d);
	(void)pop3_server_feed(d.s, SPAN_LIT("LIST\r\nUIDL\r\n"));
	n = out_peek(pop3_server_output(d.s), pieces, 8);
	assert_int_equal(n, 5);
	assert_ptr_equal(pieces[1].p, drop.listing.list.p);
	assert_ptr_equal(pieces[3].p, drop.listing.uidl.p);
	pop3_drive_done(&d);
}

/* ---- memory and counters ---- */

static void test_release(void **state)
{
	struct pop3_drive d;

	(void)state;
	begin_logged_in(&d);
	say(&d, "STAT\r\n", "+OK 3 59\r\n");
	pop3_server_release(d.s);
	assert_null(pop3_server_output(d.s)->text.p);
	say(&d, "STAT\r\n", "+OK 3 59\r\n");
	/* Half a line is kept. */
	say(&d, "ST", "");
	pop3_server_release(d.s);
	say(&d, "AT\r\n", "+OK 3 59\r\n");
	pop3_drive_done(&d);
}

static void test_counters(void **state)
{
	const struct pop3_server_counters *c;
	struct pop3_drive d;

	(void)state;
	begin_logged_in(&d);
	(void)pop3_drive_feed(&d, SPAN_LIT("RETR 1\r\nRETR 3\r\nTOP 1 0\r\n"
					   "DELE 2\r\nX\r\nDELE 2\r\n"));
	c = pop3_server_counters(d.s);
	assert_int_equal(c->commands, 8);
	assert_int_equal(c->errors, 2);
	assert_int_equal(c->retr, 2);
	assert_int_equal(c->top, 1);
	assert_int_equal(c->dele, 1);
	assert_int_equal(c->retr_octets, 39);
	assert_int_equal(pop3_server_deleted_count(d.s), 1);
	assert_true(pop3_server_is_deleted(d.s, 1));
	assert_false(pop3_server_is_deleted(d.s, 0));
	pop3_drive_done(&d);
}

/* Threat 4, 58: nothing that a client says comes back, at any place. */
static void test_no_echo(void **state)
{
	static const char *const lines[] = {
		"QQQQ\r\n",        "USER QQQQ\r\n",  "PASS QQQQ\r\n",
		"RETR QQQQ\r\n",   "TOP QQQQ 1\r\n", "AUTH QQQQ\r\n",
		"LIST QQQQ\r\n",   "CAPA QQQQ\r\n",  "AUTH PLAIN QQQQ\r\n",
		"DELE 1 QQQQ\r\n",
	};

	(void)state;
	for (int logged_in = 0; logged_in < 2; logged_in++) {
		struct pop3_drive d;

		if (logged_in)
			begin_logged_in(&d);
		else
			begin(&d);
		for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
			buf_clear(&d.got);
			(void)pop3_drive_feed(&d, span_str(lines[i]));
			assert_int_equal(span_find(buf_span(&d.got), 'Q'),
					 d.got.n);
		}
		pop3_drive_done(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greeting),
		cmocka_unit_test(test_apop),
		cmocka_unit_test(test_space_behind_status),
		cmocka_unit_test(test_login_failures),
		cmocka_unit_test(test_temporary_failures_are_free),
		cmocka_unit_test(test_help_url),
		cmocka_unit_test(test_retr_failures),
		cmocka_unit_test(test_quit_failure),
		cmocka_unit_test(test_one_event_at_a_time),
		cmocka_unit_test(test_secret_is_wiped),
		cmocka_unit_test(test_sasl_events),
		cmocka_unit_test(test_stls_injection),
		cmocka_unit_test(test_stls_forgets_mistakes),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_login_timeout),
		cmocka_unit_test(test_no_time_runs_while_we_work),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_answers_after_the_end),
		cmocka_unit_test(test_shutdown_lets_quit_through),
		cmocka_unit_test(test_pipeline_without_reading),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_shutdown_in_a_listing),
		cmocka_unit_test(test_listing_is_borrowed),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_no_echo),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
