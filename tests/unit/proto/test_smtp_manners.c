/*
 * Clients that do not listen (threat 37) and clients that take their time:
 * RFC 5321 section 4.5.3.2, RFC 2920 section 3.1.
 */
#include "unit/unit.h"

#include "unit/proto/smtp_drive.h"

#define MAIL "MAIL FROM:<a@b.c>\r\n"
#define RCPT "RCPT TO:<alice@example.org>\r\n"
#define RATE 256 /* octets a second, behind the first ten minutes */

static struct smtp_drive drive;

/* At time 1000, with the session of `config`. */
static struct smtp_drive *begin(struct smtp_server_config config)
{
	struct smtp_drive *d = &drive;

	smtp_drive_init(d, 0, 0);
	smtp_server_free(&d->s);
	config.hostname = "mail.example.org";
	config.idle_ms = 300000;
	d->s = smtp_server_new(&config, 1000);
	assert_non_null(d->s);
	return d;
}

static void assert_got(struct smtp_drive *d, const char *in, const char *want)
{
	buf_clear(&d->got);
	(void)smtp_drive_feed(d, span_str(in));
	if (!span_starts(buf_span(&d->got), span_str(want)) ||
	    (*want == 0 && d->got.n > 0))
		fail_msg("%s: got %.*s", in, (int)d->got.n,
			 (const char *)d->got.p);
}

static void assert_over(struct smtp_drive *d, const char *reason)
{
	assert_true(smtp_server_is_over(d->s));
	assert_string_equal(smtp_server_end_reason(d->s), reason);
}

static void test_early(void **state)
{
	struct smtp_drive *d =
		begin((struct smtp_server_config){ .flags = SMTP_SPOKE_EARLY });

	(void)state;
	assert_got(d, "", "554 5.5.1 wait for our greeting\r\n");
	assert_over(d, "spoke before the greeting");
	smtp_drive_done(d);
}

static void test_greeting_is_held_back(void **state)
{
	struct smtp_drive *d =
		begin((struct smtp_server_config){ .greeting_ms = 2000 });

	(void)state;
	assert_got(d, "", "");
	assert_int_equal(smtp_server_deadline(d->s), 3000);
	smtp_server_tick(d->s, 2999, false);
	assert_got(d, "", "");
	smtp_server_tick(d->s, 3000, false);
	assert_got(d, "", "220 mail.example.org ESMTP");
	assert_int_equal(smtp_server_deadline(d->s), 303000);
	assert_got(d, "EHLO x\r\n", "250-");
	smtp_drive_done(d);
	d = begin((struct smtp_server_config){ .greeting_ms = 2000 });
	assert_got(d, "E", "554 5.5.1 wait for our greeting\r\n");
	assert_over(d, "spoke before the greeting");
	smtp_drive_done(d);
	d = begin((struct smtp_server_config){ .greeting_ms = 2000 });
	smtp_server_shutdown(d->s, "421 4.3.2 going down");
	assert_got(d, "", "421 4.3.2 going down\r\n");
	smtp_drive_done(d);
}

/* "EHLO ... can only appear as the last command in a group": whatever comes
 * with the first is not run. LMTP has neighbours that were seen to do it. */
static void test_nothing_behind_the_first_hello(void **state)
{
	static const char *const hellos[] = { "EHLO x\r\n", "HELO x\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char in[64];
		struct smtp_drive *d = begin((struct smtp_server_config){ 0 });

		(void)snprintf(in, sizeof in, "%s" MAIL, hellos[i]);
		assert_got(d, "", "220 ");
		assert_got(d, in, "554 5.5.1 wait for the reply");
		assert_over(d, "did not wait for the hello");
		smtp_drive_done(d);
		d = begin((struct smtp_server_config){ 0 });
		assert_got(d, hellos[i], "220 ");
		/* From the reply on it may. */
		assert_got(d, "EHLO y\r\n" MAIL RCPT "DATA\r\n", "250");
		assert_false(smtp_server_is_over(d->s));
		smtp_drive_done(d);
	}
	begin((struct smtp_server_config){ .flags = SMTP_LMTP });
	assert_got(&drive, "LHLO x\r\n" MAIL, "220 ");
	assert_false(smtp_server_is_over(drive.s));
	smtp_drive_done(&drive);
}

/* Threat 27: an octet every second is no command. */
static void test_dripping_command(void **state)
{
	struct smtp_drive *d = begin((struct smtp_server_config){ 0 });
	uint64_t now = 1000;

	(void)state;
	assert_got(d, "", "220 ");
	for (; now < 300000; now += 1000) {
		smtp_server_tick(d->s, now, true);
		assert_got(d, "N", "");
	}
	smtp_server_tick(d->s, 301000, true);
	assert_got(d, "", "421 4.4.2 idle for too long");
	assert_over(d, "idle");
	smtp_drive_done(d);
	/* Whole commands are. */
	d = begin((struct smtp_server_config){ 0 });
	assert_got(d, "EHLO x\r\n", "220 ");
	for (now = 200000; now < 3000000; now += 200000) {
		smtp_server_tick(d->s, now, true);
		assert_got(d, "NOOP\r\n", "250 ");
	}
	smtp_drive_done(d);
}

/* The same for a message, by DATA, by BDAT, and by a BDAT that is dropped. */
static void test_dripping_message(void **state)
{
	static const char *const ways[] = { MAIL RCPT "DATA\r\n",
					    MAIL RCPT "BDAT 1000000 LAST\r\n",
					    "BDAT 1000000 LAST\r\n" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct smtp_drive *d = begin((struct smtp_server_config){ 0 });
		uint64_t now = 1000, end;

		(void)smtp_drive_feed(d, SPAN_LIT("EHLO x\r\n"));
		(void)smtp_drive_feed(d, span_str(ways[i]));
		for (int k = 0; !smtp_server_is_over(d->s); k++) {
			assert_true(k < 1000);
			now += 10000;
			smtp_server_tick(d->s, now, true);
			buf_clear(&d->got);
			(void)smtp_drive_feed(d, SPAN_LIT("x"));
		}
		end = 1000 + 600000;
		assert_true(now >= end && now < end + 20000);
		assert_over(d, "idle");
		assert_int_equal(d->messages, 0);
		assert_int_equal(d->aborts, i < 2);
		smtp_drive_done(d);
	}
}

/* A slow line is not dripping: 1,000 octets a second for an hour. */
static void test_slow_message(void **state)
{
	struct smtp_drive *d = begin((struct smtp_server_config){ 0 });
	uint8_t second[1000];

	(void)state;
	memset(second, 'x', sizeof second);
	(void)smtp_drive_feed(d, SPAN_LIT("EHLO x\r\n"));
	(void)smtp_drive_feed(d, SPAN_LIT(MAIL RCPT "DATA\r\n"));
	for (uint64_t s = 0; s < 3600; s++) {
		smtp_server_tick(d->s, 1000 + s * 1000, true);
		(void)smtp_drive_feed(d, span_of(second, sizeof second));
	}
	assert_true(sizeof second > RATE);
	assert_got(d, "\r\n.\r\n", "250 2.0.0");
	smtp_drive_done(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_greeting_is_held_back),
		cmocka_unit_test(test_nothing_behind_the_first_hello),
		cmocka_unit_test(test_dripping_command),
		cmocka_unit_test(test_dripping_message),
		cmocka_unit_test(test_slow_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
