/*
 * BDAT (RFC 3030) where dialogues cannot reach: errors of the driver, what it
 * is told when, sizes to the octet, every way to cut a text into chunks, and
 * a million tiny ones (threat 36).
 */
#include "unit/unit.h"

#include <stdlib.h>

#include "mime/wire.h"
#include "unit/proto/smtp_drive.h"

#include "proto/smtp_private.h"

#define HELLO "EHLO client\r\n"
#define MAIL  "MAIL FROM:<a@b.c>\r\n"
#define RCPT  "RCPT TO:<alice@example.org>\r\n"

static struct smtp_drive drive;

static struct smtp_drive *begin(unsigned flags, uint64_t size_max)
{
	smtp_drive_init(&drive, flags, size_max);
	(void)smtp_drive_feed(&drive, (flags & SMTP_LMTP) != 0
					      ? SPAN_LIT("LHLO x\r\n")
					      : SPAN_LIT(HELLO));
	(void)smtp_drive_feed(&drive, SPAN_LIT(MAIL RCPT));
	buf_clear(&drive.got);
	return &drive;
}

static void say(struct smtp_drive *d, const char *in, const char *want)
{
	buf_clear(&d->got);
	assert_int_equal(smtp_drive_feed(d, span_str(in)), 0);
	if (!span_starts(buf_span(&d->got), span_str(want)))
		fail_msg("%s: got %.*s", in, (int)d->got.n,
			 (const char *)d->got.p);
	assert_true(*want != 0 || d->got.n == 0);
}

/* "the receiver-SMTP MUST accept and discard the associated message data
 * before sending the appropriate 5XX or 4XX code" */
static void test_driver_has_no_room(void **state)
{
	struct smtp_drive *d = begin(0, 0);

	(void)state;
	d->data_err = YB_OVERLOAD;
	say(d, "BDAT 6\r\nNO", "");
	say(d, "OP\r", "");
	say(d, "\n", "451 4.3.2 ");
	say(d, "BDAT 6\r\nNOOP\r\n", "451 4.3.2 ");
	say(d, "DATA\r\n", "503 5.5.1 ");
	say(d, "BDAT 6 LAST\r\nNOOP\r\n", "451 4.3.2 ");
	say(d, "BDAT 0 LAST\r\n", "503 5.5.1 send MAIL first");
	assert_int_equal(d->datas, 1);
	assert_int_equal(d->bodies + d->messages + d->aborts, 0);
	d->data_err = YB_OK;
	say(d, MAIL, "250 ");
	say(d, RCPT, "250 ");
	say(d, "BDAT 2 LAST\r\nxy", "250 2.0.0 ");
	assert_int_equal(d->messages, 1);
	smtp_drive_done(d);
}

/* Refused while it comes: not one octet more, not one event more. */
static void test_driver_refuses(void **state)
{
	(void)state;
	for (int last = 0; last < 2; last++) {
		struct smtp_drive *d = begin(0, 0);

		d->refuse_at = 3;
		say(d, last ? "BDAT 9 LAST\r\nab" : "BDAT 9\r\nab", "");
		say(d, "c", "");
		assert_int_equal(d->bodies, 2);
		say(d, "NOOP\r\n", "452 4.3.1 ");
		if (!last)
			say(d, "BDAT 0 LAST\r\n", "452 4.3.1 ");
		assert_int_equal(d->bodies, 2);
		assert_int_equal(d->messages + d->aborts, 0);
		say(d, "DATA\r\n", "503 5.5.1 send MAIL first");
		smtp_drive_done(d);
	}
}

static void test_store_fails(void **state)
{
	struct smtp_drive *d = begin(0, 0);

	(void)state;
	d->message_err = YB_FULL;
	say(d, "BDAT 2\r\nxy", "250 ");
	say(d, "BDAT 2 LAST\r\n\r\n", "452 4.3.1 ");
	say(d, "BDAT 0 LAST\r\n", "503 5.5.1 send MAIL first");
	smtp_drive_done(d);
}

/* Whatever ends a transaction between chunks tells the driver so, at once:
 * it holds what came (threat 35). */
static void test_ways_out(void **state)
{
	static const char *const ways[] = { "RSET\r\n",
					    HELLO,
					    "HELO x\r\n",
					    "QUIT\r\n",
					    "BDAT x\r\n",
					    "BDAT 0 FIRST\r\n",
					    "BDAT 99999999999999999999\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct smtp_drive *d = begin(SMTP_TLS_POSSIBLE, 0);

		say(d, "BDAT 4\r\nlost", "250 ");
		assert_true(d->begun);
		(void)smtp_drive_feed(d, span_str(ways[i]));
		assert_false(d->begun);
		assert_int_equal(d->aborts, 1);
		if (!smtp_server_is_over(d->s)) {
			say(d, "RSET\r\n" MAIL, "250 ");
			say(d, RCPT, "250 ");
			say(d, "BDAT 4 LAST\r\nkept", "250 ");
			assert_int_equal(d->aborts, 1);
			assert_true(span_eq(buf_span(&d->kept),
					    SPAN_LIT("kept\r\n.\r\n")));
		}
		smtp_drive_done(d);
	}
}

/* The mistake that ends the session gives the message up as well. */
static void test_the_last_mistake(void **state)
{
	static const char *const last[] = { "BDAT x\r\n", "BDAT 0 FIRST\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
		struct smtp_drive *d = begin(0, 0);

		say(d, "BDAT 4\r\nlost", "250 ");
		for (int n = 1; n < SMTP_BAD_COMMANDS_MAX; n++)
			say(d, "DATA\r\n", "503 ");
		assert_true(d->begun);
		(void)smtp_drive_feed(d, span_str(last[i]));
		assert_true(smtp_server_is_over(d->s));
		assert_false(d->begun);
		assert_int_equal(d->aborts, 1);
		smtp_drive_done(d);
	}
}

/* Time, and an end from outside, in a chunk and between two. */
static void test_ends(void **state)
{
	static const char *const at[] = { "BDAT 9\r\nhalf", "BDAT 4\r\nhalf",
					  "BDAT 9 LAST\r\nhalf" };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct smtp_drive *d = begin(0, 0);

		(void)smtp_drive_feed(d, span_str(at[i / 2]));
		buf_clear(&d->got);
		if (i % 2 != 0)
			smtp_server_shutdown(d->s, "421 4.3.2 going down");
		else
			smtp_server_tick(d->s, 400000, false);
		say(d, "", "421 4.");
		assert_int_equal(d->aborts, 1);
		assert_int_equal(d->messages, 0);
		smtp_drive_done(d);
	}
}

/* A line end that we add is not the sender's. */
static void test_size_to_the_octet(void **state)
{
	(void)state;
	for (size_t n = 8; n <= 10; n++) {
		char in[64];
		struct smtp_drive *d = begin(0, 9);

		(void)snprintf(in, sizeof in,
			       "BDAT 5\r\n..\r\n.BDAT %zu LAST\r\n", n - 5);
		(void)smtp_drive_feed(d, span_str(in));
		buf_clear(&d->got);
		(void)smtp_drive_feed(d, span_head(SPAN_LIT("xxxxx"), n - 5));
		assert_true(span_starts(buf_span(&d->got),
					n <= 9 ? SPAN_LIT("250 2.0.0")
					       : SPAN_LIT("552 5.3.4")));
		assert_int_equal(d->aborts, n > 9);
		smtp_drive_done(d);
	}
}

/* LMTP's repair may not be used to get past the limit. */
static void test_repair_counts(void **state)
{
	struct smtp_drive *d = begin(SMTP_LMTP, 10);

	(void)state;
	say(d, "BDAT 8\r\n\n\n\n\n\n\n\n\n", "552 5.3.4 ");
	assert_int_equal(d->aborts, 1);
	smtp_drive_done(d);
	d = begin(SMTP_LMTP, 10);
	say(d, "BDAT 10\r\n\r\r\r\r\r\r\r\r\r\r", "250 ");
	say(d, "BDAT 1 LAST\r\nx", "552 5.3.4 ");
	assert_int_equal(d->messages, 0);
	smtp_drive_done(d);
}

/*
 * Text in random chunks, cut at random once more by the network, against the
 * encoder at one go.
 */
static void test_any_chunks(void **state)
{
	static const char *const parts[] = { "\r\n",      ".",     "x",
					     "..",        "\r\n.", "BDAT 3\r\n",
					     "\r\n.\r\n", "\xff" };
	struct buf text, want, in;

	(void)state;
	srand(36);
	buf_init(&text, 4096);
	buf_init(&want, 8192);
	buf_init(&in, 65536);
	for (int round = 0; round < 3000; round++) {
		struct smtp_drive *d = begin(0, 0);
		struct span rest;

		buf_clear(&text), buf_clear(&want), buf_clear(&in);
		for (int i = rand() % 20; i > 0; i--)
			assert_ok(buf_add(&text, span_str(parts[rand() % 8])));
		assert_ok(wire_encode_all(buf_span(&text), &want));
		for (rest = buf_span(&text); rest.n > 0;) {
			struct span part =
				span_head(rest, (size_t)rand() % (rest.n + 1));

			rest = span_skip(rest, part.n);
			assert_ok(buf_addf(&in, "BDAT %zu%s\r\n", part.n,
					   rest.n == 0 ? " LAST" : ""));
			assert_ok(buf_add(&in, part));
		}
		if (text.n == 0)
			assert_ok(buf_addf(&in, "BDAT 0 LAST\r\n"));
		for (rest = buf_span(&in); rest.n > 0;) {
			size_t n = 1 + (size_t)rand() % rest.n;

			assert_int_equal(smtp_drive_feed(d, span_head(rest, n)),
					 0);
			rest = span_skip(rest, n);
		}
		assert_int_equal(d->messages, 1);
		assert_true(span_eq(buf_span(&d->kept), buf_span(&want)));
		smtp_drive_done(d);
	}
	buf_done(&text), buf_done(&want), buf_done(&in);
}

/* Threat 36: 1e6 x `BDAT 1`: nothing is kept for a chunk but its octet. */
static void test_a_million_tiny_chunks(void **state)
{
	struct smtp_drive *d = begin(0, 0);
	struct span chunk = SPAN_LIT("BDAT 1\r\nx");

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		buf_clear(&d->got);
		assert_int_equal(smtp_drive_feed(d, chunk), 0);
	}
	assert_true(smtp_server_output(d->s)->text.cap <= OUT_TEXT_MAX);
	assert_int_equal(d->bodies, 1000000);
	say(d, "BDAT 0 LAST\r\n", "250 2.0.0 accepted");
	assert_int_equal(d->kept.n, 1000000 + 5);
	smtp_drive_done(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_driver_has_no_room),
		cmocka_unit_test(test_driver_refuses),
		cmocka_unit_test(test_store_fails),
		cmocka_unit_test(test_ways_out),
		cmocka_unit_test(test_the_last_mistake),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_size_to_the_octet),
		cmocka_unit_test(test_repair_counts),
		cmocka_unit_test(test_any_chunks),
		cmocka_unit_test(test_a_million_tiny_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
