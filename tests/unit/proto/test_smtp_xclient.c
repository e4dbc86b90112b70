/* XCLIENT (Postfix's XCLIENT_README). */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "unit/proto/smtp_drive.h"

#define MAIL "MAIL FROM:<a@b.c>\r\n"

static struct smtp_drive drive;

static struct smtp_drive *begin(unsigned flags)
{
	smtp_drive_init(&drive, flags, 0);
	(void)smtp_drive_feed(&drive, (flags & SMTP_LMTP) != 0
					      ? SPAN_LIT("LHLO x\r\n")
					      : SPAN_LIT("EHLO x\r\n"));
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
}

static void test_not_for_everybody(void **state)
{
	struct smtp_drive *d = begin(0);

	(void)state;
	say(d, "XCLIENT ADDR=192.0.2.1\r\n", "550 5.7.0 ");
	say(d, "HELP XCLIENT\r\n", "504 ");
	say(d, "EHLO x\r\n", "250-");
	assert_null(memmem(d->got.p, d->got.n, "XCLIENT", 7));
	assert_string_equal(d->told, "");
	smtp_drive_done(d);
}

static void test_begins_anew(void **state)
{
	struct span offer = SPAN_LIT("250-XCLIENT NAME ADDR PORT PROTO HELO "
				     "LOGIN DESTADDR DESTPORT\r\n");

	(void)state;
	for (unsigned lmtp = 0; lmtp < 2; lmtp++) {
		struct smtp_drive *d =
			begin(SMTP_XCLIENT_ALLOWED | (lmtp ? SMTP_LMTP : 0));

		say(d, lmtp ? "LHLO x\r\n" : "EHLO x\r\n", "250-");
		assert_non_null(memmem(d->got.p, d->got.n, offer.p, offer.n));
		say(d,
		    "xclient NAME=a.example addr=192.0.2.1 PORT=4711 "
		    "PROTO=ESMTP HELO=told.example LOGIN=a+20b "
		    "DESTADDR=198.51.100.1 DESTPORT=25\r\n",
		    "220 mail.example.org ");
		assert_string_equal(d->told, "192.0.2.1 port 4711");
		assert_true(span_eq(smtp_server_helo(d->s),
				    SPAN_LIT("told.example")));
		/* "resets state to the initial SMTP greeting" */
		say(d, MAIL, "503 5.5.1 ");
		say(d, lmtp ? "LHLO y\r\n" : "EHLO y\r\n", "250-");
		assert_true(span_eq(smtp_server_helo(d->s), SPAN_LIT("y")));
		say(d, MAIL, "250 ");
		say(d, "XCLIENT ADDR=192.0.2.2\r\n", "503 5.5.1 ");
		say(d, "RSET\r\n", "250 ");
		say(d, "XCLIENT ADDR=IPV6:2001:db8::1\r\n", "220 ");
		assert_string_equal(d->told, "IPV6:2001:db8::1 port 0");
		smtp_drive_done(d);
	}
}

static void test_unknown(void **state)
{
	struct smtp_drive *d = begin(SMTP_XCLIENT_ALLOWED);

	(void)state;
	say(d,
	    "XCLIENT NAME=[UNAVAILABLE] ADDR=[TEMPUNAVAIL] "
	    "PORT=[unavailable] PROTO=[UNAVAILABLE] HELO=[UNAVAILABLE] "
	    "LOGIN=[UNAVAILABLE] DESTADDR=[UNAVAILABLE] "
	    "DESTPORT=[UNAVAILABLE]\r\n",
	    "220 ");
	assert_string_equal(d->told, " port 0");
	assert_int_equal(smtp_server_helo(d->s).n, 0);
	smtp_drive_done(d);
}

static void test_wrong(void **state)
{
	static const char *const wrong[] = {
		"ADDR", "ADDR=", "=x", "FOO=x", "ADDR=a=b", "PORT=65536",
		"PORT=-1", "PORT=x", "PROTO=LMTP", "HELO=a b", "HELO=a(b)",
		"HELO=a+0Ab", "NAME=a+0D+0Ab", "NAME=a+00", "LOGIN=a+7F",
		"NAME=a+4", "NAME=a+aa", "DESTPORT=x", "NAME=\xc3\xa9",
	};
	char line[600];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct smtp_drive *d = begin(SMTP_XCLIENT_ALLOWED);

		(void)snprintf(line, sizeof line,
			       "XCLIENT ADDR=192.0.2.1 %s\r\n", wrong[i]);
		say(d, line, "501 5.5.4 ");
		assert_string_equal(d->told, "");
		/* Nothing has changed. */
		assert_true(span_eq(smtp_server_helo(d->s), SPAN_LIT("x")));
		say(d, MAIL, "250 ");
		smtp_drive_done(d);
	}
	for (int n = 255; n <= 256; n++) {
		struct smtp_drive *d = begin(SMTP_XCLIENT_ALLOWED);

		(void)snprintf(line, sizeof line, "XCLIENT NAME=%0*d\r\n", n,
			       0);
		say(d, line, n == 255 ? "220 " : "501 5.5.4 ");
		smtp_drive_done(d);
	}
}

static void test_driver_says_no(void **state)
{
	struct smtp_drive *d = begin(SMTP_XCLIENT_ALLOWED);

	(void)state;
	d->xclient_err = YB_INVALID;
	say(d, "XCLIENT ADDR=nonsense\r\n", "501 5.5.4 ");
	say(d, "EHLO x\r\n", "250-");
	d->xclient_err = YB_OVERLOAD;
	say(d, "XCLIENT ADDR=192.0.2.1\r\n", "421 4.7.0 ");
	assert_true(smtp_server_is_over(d->s));
	smtp_drive_done(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_for_everybody),
		cmocka_unit_test(test_begins_anew),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_driver_says_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
