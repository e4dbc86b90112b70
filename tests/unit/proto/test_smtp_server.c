/*
 * What dialogues cannot say: errors of the driver, refusals in the middle of
 * a message, time, many recipients, ends from outside; and random sequences
 * against a small model (threat 35). RFC 5321, 2033, 1870, 2034, 3207.
 */
#include "unit/unit.h"

#include "unit/proto/smtp_drive.h"

#define EHLO "EHLO client\r\n"
#define MAIL "MAIL FROM:<a@b.c>\r\n"
#define RCPT "RCPT TO:<alice@example.org>\r\n"

/* In static memory: it holds a thousand recipients. */
static struct smtp_drive drive;

static struct smtp_drive *begin(unsigned flags)
{
	smtp_drive_init(&drive, flags, 1000000);
	assert_int_equal(smtp_drive_feed(&drive, SPAN_NONE), 0);
	(void)smtp_drive_feed(&drive, (flags & SMTP_LMTP) != 0
					      ? SPAN_LIT("LHLO client\r\n")
					      : SPAN_LIT(EHLO));
	buf_clear(&drive.got);
	return &drive;
}

static struct smtp_drive *begin_data(unsigned flags)
{
	struct smtp_drive *d = begin(flags);

	(void)smtp_drive_feed(d, SPAN_LIT(MAIL RCPT "DATA\r\n"));
	buf_clear(&d->got);
	return d;
}

static void say(struct smtp_drive *d, const char *in, const char *want)
{
	buf_clear(&d->got);
	assert_int_equal(smtp_drive_feed(d, span_str(in)), 0);
	if (!span_eq(buf_span(&d->got), span_str(want)))
		fail_msg("%s: got %.*s", in, (int)d->got.n,
			 (const char *)d->got.p);
}

static void assert_over(struct smtp_drive *d, const char *reason)
{
	assert_true(smtp_server_is_over(d->s));
	assert_string_equal(smtp_server_end_reason(d->s), reason);
	assert_int_equal(smtp_server_feed(d->s, SPAN_LIT("NOOP\r\n")), 0);
	assert_true(smtp_server_deadline(d->s) == UINT64_MAX);
}

struct failure {
	enum yb_err err;
	const char *code;
};

static const struct failure failures[] = {
	{ YB_QUOTA, "452 4.2.2 " },     { YB_FULL, "452 4.3.1 " },
	{ YB_OVERLOAD, "451 4.3.2 " },  { YB_TIMEOUT, "451 4.3.0 " },
	{ YB_IO, "451 4.3.0 " },        { YB_CORRUPT, "451 4.3.0 " },
	{ YB_NO_ACCOUNT, "550 5.1.1 " }, { YB_DENIED, "550 5.7.1 " },
	{ YB_TOO_BIG, "552 5.3.4 " },   { YB_INVALID, "554 5.3.0 " },
	{ YB_BARE_LINE_END, "550 5.6.0 " },
};

static void assert_starts(const struct smtp_drive *d, const char *with)
{
	if (!span_starts(buf_span(&d->got), span_str(with)))
		fail_msg("want %s got %.*s", with, (int)d->got.n,
			 (const char *)d->got.p);
}

static void test_rcpt_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		struct smtp_drive *d = begin(0);

		(void)smtp_drive_feed(d, SPAN_LIT(MAIL));
		d->rcpt_err = failures[i].err;
		buf_clear(&d->got);
		(void)smtp_drive_feed(d, SPAN_LIT(RCPT));
		assert_starts(d, failures[i].code);
		assert_int_equal(smtp_server_accepted(d->s), 0);
		smtp_drive_done(d);
	}
}

static void test_data_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		struct smtp_drive *d = begin(0);

		(void)smtp_drive_feed(d, SPAN_LIT(MAIL RCPT));
		d->data_err = failures[i].err;
		buf_clear(&d->got);
		(void)smtp_drive_feed(d, SPAN_LIT("DATA\r\n"));
		assert_starts(d, failures[i].code);
		/* The transaction is over, the session is not. */
		say(d, "DATA\r\n", "503 5.5.1 send MAIL first\r\n");
		assert_int_equal(d->aborts, 0);
		smtp_drive_done(d);
	}
}

static void test_message_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		struct smtp_drive *d = begin_data(0);

		d->message_err = failures[i].err;
		(void)smtp_drive_feed(d, SPAN_LIT("x\r\n.\r\n"));
		assert_starts(d, failures[i].code);
		assert_int_equal(d->messages, 1);
		assert_int_equal(smtp_server_counters(d->s)->accepted, 0);
		say(d, RCPT, "503 5.5.1 send MAIL first\r\n");
		smtp_drive_done(d);
	}
}

/* I10: SMTP says 250 only if all recipients are served. */
static void test_one_of_several_fails(void **state)
{
	static const enum yb_err errs[] = { YB_OK, YB_QUOTA, YB_OK };

	(void)state;
	for (int lmtp = 0; lmtp < 2; lmtp++) {
		struct smtp_drive *d = begin(lmtp ? SMTP_LMTP : 0);

		(void)smtp_drive_feed(d, SPAN_LIT(MAIL RCPT RCPT RCPT
						  "DATA\r\n"));
		d->hold_answers = true;
		(void)smtp_drive_feed(d, SPAN_LIT("x\r\n.\r\n"));
		d->hold_answers = false;
		/* The first event that was held is the body. */
		assert_int_equal(d->last, SMTP_EV_MESSAGE);
		buf_clear(&d->got);
		smtp_server_message_done(d->s, errs, 3);
		say(d, "", lmtp ? "250 2.0.0 accepted\r\n"
				  "452 4.2.2 mailbox is full\r\n"
				  "250 2.0.0 accepted\r\n"
				: "452 4.2.2 mailbox is full\r\n");
		assert_int_equal(smtp_server_counters(d->s)->accepted, 2);
		smtp_drive_done(d);
	}
}

/* The driver refuses in the middle: the rest is dropped, replies at the end. */
static void test_driver_refuses(void **state)
{
	struct span in = SPAN_LIT("line\r\nline\r\n..\r\nline\r\n.\r\n"
				  "NOOP\r\n");

	(void)state;
	for (size_t at = 0; at <= in.n; at++) {
		for (size_t refuse = 1; refuse <= 25; refuse += 3) {
			struct smtp_drive *d = begin_data(0);

			d->refuse_at = refuse;
			(void)smtp_drive_feed(d, span_head(in, at));
			(void)smtp_drive_feed(d, span_skip(in, at));
			assert_int_equal(d->messages, 0);
			assert_int_equal(d->aborts, 0);
			assert_true(span_eq(
				buf_span(&d->got),
				SPAN_LIT("452 4.3.1 no space here at "
					 "present\r\n250 2.0.0 ok\r\n")));
			smtp_drive_done(d);
		}
	}
}

/* Bare line ends: the driver is told at once, and the session goes on. */
static void test_bare_line_end_aborts(void **state)
{
	(void)state;
	for (int part = 0; part < 2; part++) {
		struct smtp_drive *d = begin_data(0);

		(void)smtp_drive_feed(d, SPAN_LIT("a\r\nb\nc"));
		assert_int_equal(d->aborts, 1);
		assert_int_equal(d->got.n, 0);
		say(d, "\r\n.\r\n",
		    "550 5.6.0 message contains a bare CR or LF\r\n");
		assert_int_equal(d->messages, 0);
		assert_int_equal(d->wire.n, 4);
		smtp_drive_done(d);
	}
}

/* RFC 1870 section 6: octets without doubled dots and the end; exactly. */
static void test_size_to_the_octet(void **state)
{
	struct span in = SPAN_LIT("..2345\r\n\r\n.\r\n"); /* nine octets */

	(void)state;
	for (uint64_t max = 8; max <= 10; max++) {
		for (size_t at = 0; at <= in.n; at++) {
			smtp_drive_init(&drive, 0, max);
			(void)smtp_drive_feed(&drive, SPAN_LIT(EHLO));
			(void)smtp_drive_feed(&drive,
					      SPAN_LIT(MAIL RCPT "DATA\r\n"));
			buf_clear(&drive.got);
			(void)smtp_drive_feed(&drive, span_head(in, at));
			(void)smtp_drive_feed(&drive, span_skip(in, at));
			assert_starts(&drive, max < 9 ? "552 5.3.4 "
						      : "250 2.0.0 ");
			assert_int_equal(drive.aborts, max < 9);
			smtp_drive_done(&drive);
		}
	}
}

/* The body is the client's own octets, uncopied, in one piece. */
static void test_body_is_not_copied(void **state)
{
	struct span in = SPAN_LIT("Subject: x\r\n\r\n..\r\ntext\r\n.\r\n");
	struct smtp_drive *d = begin_data(0);
	struct smtp_event ev;

	(void)state;
	assert_int_equal(smtp_server_feed(d->s, in), in.n);
	assert_true(smtp_server_poll(d->s, &ev));
	assert_int_equal(ev.kind, SMTP_EV_BODY);
	assert_ptr_equal(ev.body.p, in.p);
	assert_int_equal(ev.body.n, in.n);
	assert_true(smtp_server_poll(d->s, &ev));
	assert_int_equal(ev.kind, SMTP_EV_MESSAGE);
	assert_int_equal(smtp_server_feed(d->s, SPAN_LIT("NOOP\r\n")), 0);
	smtp_drive_done(d);
}

/* RFC 5321 section 4.5.3.1.8, and LMTP's replies past the output's ceiling. */
static void test_many_recipients(void **state)
{
	struct span rest;
	size_t lines = 0;

	(void)state;
	for (int lmtp = 0; lmtp < 2; lmtp++) {
		struct smtp_drive *d = begin(lmtp ? SMTP_LMTP : 0);

		(void)smtp_drive_feed(d, SPAN_LIT(MAIL));
		for (int i = 0; i < SMTP_RECIPIENTS_MAX; i++)
			say(d, RCPT, "250 2.1.5 recipient ok\r\n");
		say(d, RCPT, "452 4.5.3 too many recipients\r\n");
		assert_int_equal(smtp_server_accepted(d->s),
				 SMTP_RECIPIENTS_MAX);
		say(d, "DATA\r\n", "354 end with CRLF . CRLF\r\n");
		d->sent_a_time = 100;
		buf_clear(&d->got);
		assert_int_equal(smtp_drive_feed(d, SPAN_LIT("x\r\n.\r\n"
							     "NOOP\r\n")),
				 0);
		rest = buf_span(&d->got);
		for (lines = 0; rest.n > 0; lines++)
			(void)span_cut(&rest, '\n');
		assert_int_equal(lines, lmtp ? SMTP_RECIPIENTS_MAX + 1 : 2);
		assert_int_equal(smtp_server_counters(d->s)->accepted,
				 SMTP_RECIPIENTS_MAX);
		assert_int_equal(smtp_server_counters(d->s)->messages, 1);
		smtp_drive_done(d);
	}
}

/* A list of guessed addresses ends an SMTP session, not an LMTP one. */
static void test_guessed_addresses(void **state)
{
	(void)state;
	for (int lmtp = 0; lmtp < 2; lmtp++) {
		struct smtp_drive *d = begin(lmtp ? SMTP_LMTP : 0);

		(void)smtp_drive_feed(d, SPAN_LIT(MAIL));
		for (int i = 0; i < 200; i++)
			(void)smtp_drive_feed(
				d, SPAN_LIT("RCPT TO:<x@example.org>\r\n"));
		assert_int_equal(smtp_server_is_over(d->s), !lmtp);
		smtp_drive_done(d);
	}
}

/* Threat 1, at every split: nothing behind STARTTLS runs, in either phase. */
static void test_starttls_injection(void **state)
{
	struct span in = SPAN_LIT("STARTTLS\r\n" EHLO MAIL RCPT);

	(void)state;
	for (size_t at = 0; at <= in.n; at++) {
		struct smtp_drive *d = begin(SMTP_TLS_POSSIBLE);

		(void)smtp_drive_feed(d, span_head(in, at));
		(void)smtp_drive_feed(d, span_skip(in, at));
		assert_over(d, "octets behind STARTTLS");
		assert_int_equal(span_find(buf_span(&d->got), '\n'),
				 d->got.n - 1);
		if (d->starttls)
			smtp_drive_tls(d);
		assert_over(d, "octets behind STARTTLS");
		smtp_drive_done(d);
	}
}

static void test_with(void **state)
{
	struct smtp_drive *d;

	(void)state;
	d = begin(SMTP_TLS_POSSIBLE);
	assert_string_equal(smtp_server_with(d->s), "ESMTP");
	assert_true(span_eq(smtp_server_helo(d->s), SPAN_LIT("client")));
	(void)smtp_drive_feed(d, SPAN_LIT("HELO other\r\n" MAIL));
	assert_string_equal(smtp_server_with(d->s), "SMTP");
	assert_true(span_eq(smtp_server_helo(d->s), SPAN_LIT("other")));
	assert_true(span_eq(smtp_server_sender(d->s), SPAN_LIT("a@b.c")));
	(void)smtp_drive_feed(d, SPAN_LIT("STARTTLS\r\n"));
	smtp_drive_tls(d);
	assert_int_equal(smtp_server_helo(d->s).n, 0);
	assert_int_equal(smtp_server_sender(d->s).n, 0);
	(void)smtp_drive_feed(d, SPAN_LIT(EHLO));
	assert_string_equal(smtp_server_with(d->s), "ESMTPS");
	smtp_drive_done(d);
	d = begin(SMTP_LMTP);
	assert_string_equal(smtp_server_with(d->s), "LMTP");
	smtp_drive_done(d);
	d = begin(SMTP_LMTP | SMTP_TLS_ACTIVE);
	assert_string_equal(smtp_server_with(d->s), "LMTPS");
	smtp_drive_done(d);
	/* RFC 6531 section 4.3: of that transaction alone. */
	for (unsigned flags = 0; flags < 4; flags++) {
		static const char *const with[] = { "UTF8SMTP", "UTF8LMTP",
						    "UTF8SMTPS", "UTF8LMTPS" };

		d = begin(flags & (SMTP_LMTP | SMTP_TLS_ACTIVE));
		(void)smtp_drive_feed(d, SPAN_LIT("MAIL FROM:<> SMTPUTF8\r\n"));
		assert_string_equal(smtp_server_with(d->s), with[flags]);
		(void)smtp_drive_feed(d, SPAN_LIT("RSET\r\n" MAIL));
		/* "ESMTP" has a letter more than "UTF8SMTP" without UTF8. */
		assert_non_null(strstr(smtp_server_with(d->s), with[flags] + 4));
		assert_null(strstr(smtp_server_with(d->s), "UTF8"));
		smtp_drive_done(d);
	}
}

/* ---- time, and ends from outside ---- */

static void test_idle(void **state)
{
	struct smtp_drive *d = begin_data(0);

	(void)state;
	smtp_server_tick(d->s, 2000, true);
	assert_int_equal(smtp_server_deadline(d->s), 302000);
	(void)smtp_drive_feed(d, SPAN_LIT("half a mess"));
	smtp_server_tick(d->s, 301999, false);
	assert_false(smtp_server_is_over(d->s));
	smtp_server_tick(d->s, 302000, false);
	/* The message that began is to be forgotten. */
	say(d, "", "421 4.4.2 idle for too long\r\n");
	assert_int_equal(d->aborts, 1);
	assert_over(d, "idle");
	smtp_drive_done(d);
}

static void test_no_time_runs_while_we_work(void **state)
{
	struct smtp_drive *d = begin_data(0);

	(void)state;
	d->hold_answers = true;
	(void)smtp_drive_feed(d, SPAN_LIT(".\r\n"));
	assert_int_equal(d->last, SMTP_EV_MESSAGE);
	assert_true(smtp_server_deadline(d->s) == UINT64_MAX);
	smtp_server_tick(d->s, 1000000000, false);
	assert_false(smtp_server_is_over(d->s));
	smtp_drive_done(d);
}

static void test_shutdown(void **state)
{
	struct smtp_drive *d = begin_data(0);

	(void)state;
	(void)smtp_drive_feed(d, SPAN_LIT("half a mess"));
	smtp_server_shutdown(d->s, "421 4.3.2 going down");
	say(d, "", "421 4.3.2 going down\r\n");
	assert_int_equal(d->aborts, 1);
	assert_over(d, "shutdown");
	smtp_server_shutdown(d->s, "421 4.3.2 again");
	say(d, "", "");
	smtp_drive_done(d);
}

/* Nothing acknowledged is lost, and what is stored is acknowledged. */
static void test_shutdown_lets_message_through(void **state)
{
	static const enum yb_err ok = YB_OK;
	struct smtp_drive *d = begin_data(0);

	(void)state;
	d->hold_answers = true;
	(void)smtp_drive_feed(d, SPAN_LIT(".\r\n"));
	smtp_server_shutdown(d->s, "421 4.3.2 going down");
	assert_false(smtp_server_is_over(d->s));
	smtp_server_message_done(d->s, &ok, 1);
	say(d, "", "250 2.0.0 accepted\r\n421 4.3.2 going down\r\n");
	assert_over(d, "shutdown");
	smtp_drive_done(d);
}

static void test_answers_after_the_end(void **state)
{
	static const enum yb_err ok = YB_OK;
	struct smtp_drive *d = begin(0);

	(void)state;
	(void)smtp_drive_feed(d, SPAN_LIT(MAIL));
	d->hold_answers = true;
	(void)smtp_drive_feed(d, SPAN_LIT(RCPT));
	smtp_server_shutdown(d->s, "421 4.3.2 going down");
	smtp_server_rcpt_done(d->s, YB_OK);
	smtp_server_data_ready(d->s, YB_OK);
	smtp_server_refuse(d->s, YB_IO);
	smtp_server_message_done(d->s, &ok, 1);
	say(d, "", "421 4.3.2 going down\r\n");
	assert_over(d, "shutdown");
	smtp_drive_done(d);
}

static void test_release(void **state)
{
	struct smtp_drive *d = begin(0);

	(void)state;
	say(d, MAIL RCPT,
	    "250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n");
	smtp_server_release(d->s);
	assert_null(smtp_server_output(d->s)->text.p);
	say(d, "DATA\r\n", "354 end with CRLF . CRLF\r\n");
	say(d, ".\r\n", "250 2.0.0 accepted\r\n");
	smtp_server_release(d->s);
	say(d, "NOOP\r\n", "250 2.0.0 ok\r\n");
	smtp_drive_done(d);
}

static void test_no_echo(void **state)
{
	static const char *const lines[] = {
		"QQQQ\r\n", "EHLO (QQQQ\r\n", "MAIL FROM:QQQQ\r\n",
		MAIL, "RCPT TO:QQQQ\r\n", "RCPT TO:<QQQQ@example.org>\r\n",
		"RCPT TO:<QQQQ@QQQQ>\r\n", "VRFY QQQQ\r\n", "EXPN QQQQ\r\n",
		"HELP QQQQ\r\n", "NOOP QQQQ\r\n", "DATA QQQQ\r\n",
		RCPT "DATA\r\nQQQQ\r\n.\r\n",
	};
	struct smtp_drive *d = begin(0);

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		buf_clear(&d->got);
		(void)smtp_drive_feed(d, span_str(lines[i]));
		assert_true(d->got.n > 0);
		/* "QUIT" and our own words have one Q at most. */
		for (size_t at = 0; at + 1 < d->got.n; at++)
			assert_false(d->got.p[at] == 'Q' &&
				     d->got.p[at + 1] == 'Q');
	}
	smtp_drive_done(d);
}

/* ---- threat 35: random sequences against a model ---- */

struct model {
	bool lmtp, hello, mail;
	size_t rcpts;
	unsigned messages;
};

enum move {
	M_HELLO, M_MAIL, M_BAD_MAIL, M_RCPT, M_BAD_RCPT, M_DATA, M_BARE_DATA,
	M_BIG_DATA, M_RSET, M_NOOP, M_JUNK, M_MOVES
};

static const char *move_text(const struct model *m, enum move move)
{
	switch (move) {
	case M_HELLO:
		return m->lmtp ? "LHLO x\r\n" : "EHLO x\r\n";
	case M_MAIL:
		return MAIL;
	case M_BAD_MAIL:
		return "MAIL FROM:<a@b> SIZE=9999999\r\n";
	case M_RCPT:
		return RCPT;
	case M_BAD_RCPT:
		return "RCPT TO:<a@elsewhere>\r\n";
	case M_DATA:
	case M_BARE_DATA:
	case M_BIG_DATA:
		return "DATA\r\n";
	case M_RSET:
		return "RSET\r\n";
	case M_NOOP:
		return "NOOP\r\n";
	case M_JUNK:
	case M_MOVES:
		break;
	}
	return "JUNK\r\n";
}

/* The model's first three digits, `n` lines of them; changes the model. */
static const char *model_move(struct model *m, enum move move)
{
	switch (move) {
	case M_HELLO:
		m->hello = true;
		m->mail = false;
		return "250";
	case M_MAIL:
	case M_BAD_MAIL:
		if (!m->hello || m->mail)
			return "503";
		if (move == M_BAD_MAIL)
			return "552";
		m->mail = true;
		m->rcpts = 0;
		return "250";
	case M_RCPT:
	case M_BAD_RCPT:
		if (!m->mail)
			return "503";
		m->rcpts += move == M_RCPT;
		return move == M_RCPT ? "250" : "550";
	case M_DATA:
	case M_BARE_DATA:
	case M_BIG_DATA:
		return m->mail && m->rcpts > 0 ? "354" : "503";
	case M_RSET:
		m->mail = false;
		return "250";
	case M_NOOP:
		return "250";
	case M_JUNK:
	case M_MOVES:
		break;
	}
	return "500";
}

/* What comes after 354, and what the model says to it. */
static const char *model_body(struct model *m, enum move move,
			      const char **ret_body)
{
	static char big[2100];

	m->mail = false;
	if (move == M_BIG_DATA) {
		memset(big, 'x', 2000);
		strcpy(big + 2000, "\r\n.\r\n");
		*ret_body = big;
		return "552";
	}
	*ret_body = move == M_DATA ? "x\r\n.\r\n" : "x\n.\ny\r\n.\r\n";
	if (move == M_BARE_DATA && !m->lmtp)
		return "550";
	m->messages++;
	return "250";
}

/* `n` replies, their last lines beginning with `code`, and no more. */
static void expect_replies(struct smtp_drive *d, const char *code, size_t n)
{
	struct span rest = buf_span(&d->got);

	while (rest.n > 0) {
		struct span line = span_cut(&rest, '\n');

		assert_true(line.n > 4);
		assert_memory_equal(line.p, code, 3);
		if (line.p[3] == ' ')
			n--;
	}
	assert_int_equal(n, 0);
	buf_clear(&d->got);
}

static void random_session(uint32_t seed, bool lmtp)
{
	struct model m = { .lmtp = lmtp };
	struct smtp_drive *d = &drive;

	smtp_drive_init(d, lmtp ? SMTP_LMTP : 0, 1000);
	(void)smtp_drive_feed(d, SPAN_NONE);
	buf_clear(&d->got);
	for (int i = 0; i < 60; i++) {
		const char *code, *body;
		enum move move;
		size_t rcpts;

		seed = seed * 1664525 + 1013904223;
		move = (enum move)((seed >> 16) % M_MOVES);
		(void)smtp_drive_feed(d, span_str(move_text(&m, move)));
		code = model_move(&m, move);
		if (smtp_server_is_over(d->s))
			break; /* too many bad commands */
		expect_replies(d, code, 1);
		if (strcmp(code, "354") == 0) {
			rcpts = m.rcpts;
			code = model_body(&m, move, &body);
			(void)smtp_drive_feed(d, span_str(body));
			expect_replies(d, code, lmtp ? rcpts : 1);
		}
		assert_int_equal(d->messages, m.messages);
		assert_int_equal(smtp_server_accepted(d->s),
				 m.mail ? m.rcpts : 0);
	}
	smtp_drive_done(d);
}

static void test_random_sequences(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 2000; seed++)
		random_session(seed * 2654435761u, seed % 2 != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rcpt_failures),
		cmocka_unit_test(test_data_failures),
		cmocka_unit_test(test_message_failures),
		cmocka_unit_test(test_one_of_several_fails),
		cmocka_unit_test(test_driver_refuses),
		cmocka_unit_test(test_bare_line_end_aborts),
		cmocka_unit_test(test_size_to_the_octet),
		cmocka_unit_test(test_body_is_not_copied),
		cmocka_unit_test(test_many_recipients),
		cmocka_unit_test(test_guessed_addresses),
		cmocka_unit_test(test_starttls_injection),
		cmocka_unit_test(test_with),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_no_time_runs_while_we_work),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_shutdown_lets_message_through),
		cmocka_unit_test(test_answers_after_the_end),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_no_echo),
		cmocka_unit_test(test_random_sequences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
