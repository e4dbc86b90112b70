/*
 * Dovecot's authentication protocol: each dialogue under every split of its
 * octets. The password of alice@example.org is "secret".
 */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "proto/dovecot_server.h"
#include "sasl/server.h"

#define GREETING                                                          \
	"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\n" \
	"SPID\t7\nCUID\t9\nCOOKIE\t00000000000000000000000000000000\nDONE\n"
#define HELLO "VERSION\t1\t1\nCPID\t5\n"
/* \0alice@example.org\0secret, and with "wrong". */
#define GOOD "AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA=="
#define BAD  "AGFsaWNlQGV4YW1wbGUub3JnAHdyb25n"

struct row {
	const char *in, *out;
	const char *end; /* why it is over; NULL: it is not */
};

static const struct row rows[] = {
	{ HELLO "AUTH\t1\tPLAIN\tservice=smtp\tresp=" GOOD "\n",
	  "OK\t1\tuser=alice@example.org\n", NULL },
	{ HELLO "AUTH\t1\tPLAIN\tservice=smtp\tresp=" BAD "\n", "FAIL\t1\n",
	  NULL },
	/* Several behind each other, each with a number of its own. */
	{ HELLO "AUTH\t4294967295\tPLAIN\tservice=smtp\tresp=" BAD "\n"
		"AUTH\t2\tplain\tservice=smtp\tsecured\tresp=" GOOD "\n",
	  "FAIL\t4294967295\nOK\t2\tuser=alice@example.org\n", NULL },
	{ HELLO "AUTH\t1\tPLAIN\tservice=smtp\nCONT\t1\t" GOOD "\n",
	  "CONT\t1\t\nOK\t1\tuser=alice@example.org\n", NULL },
	{ HELLO "AUTH\t1\tLOGIN\tservice=smtp\n"
		"CONT\t1\tYWxpY2VAZXhhbXBsZS5vcmc=\nCONT\t1\tc2VjcmV0\n",
	  "CONT\t1\tVXNlcm5hbWU6\nCONT\t1\tUGFzc3dvcmQ6\n"
	  "OK\t1\tuser=alice@example.org\n",
	  NULL },
	{ HELLO "AUTH\t1\tLOGIN\tservice=smtp\nCANCEL\t1\n"
		"AUTH\t2\tPLAIN\tservice=smtp\tresp=" GOOD "\n",
	  "CONT\t1\tVXNlcm5hbWU6\nOK\t2\tuser=alice@example.org\n", NULL },
	/* One at a time. */
	{ HELLO "AUTH\t1\tLOGIN\tservice=smtp\nAUTH\t2\tLOGIN\n",
	  "CONT\t1\tVXNlcm5hbWU6\n"
	  "FAIL\t2\ttemp\treason=one login at a time\n",
	  NULL },
	{ HELLO "AUTH\t1\tLOGIN\tservice=smtp\nCONT\t1\t!\n",
	  "CONT\t1\tVXNlcm5hbWU6\nFAIL\t1\treason=Invalid base64 data\n",
	  NULL },
	{ HELLO "AUTH\t1\tPLAIN\tresp=a\n",
	  "FAIL\t1\treason=Invalid base64 data\n", NULL },
	{ HELLO "AUTH\t1\tNTLM\tservice=smtp\n",
	  "FAIL\t1\treason=Unsupported authentication mechanism\n", NULL },
	/* What is not known is passed over; a CANCEL of nothing too. */
	{ HELLO "FUTURE\tx\nCANCEL\t3\nAUTH\t1\tPLAIN\tx=y\tresp=" GOOD "\n",
	  "OK\t1\tuser=alice@example.org\n", NULL },
	{ "AUTH\t1\tPLAIN\n", "", "no VERSION" },
	{ "VERSION\t2\t0\n", "", "another version of the protocol" },
	{ HELLO "AUTH\n", "", "AUTH without a number" },
	{ HELLO "AUTH\t4294967296\tPLAIN\n", "", "AUTH without a number" },
	{ HELLO "CONT\t1\tAAAA\n", "", "CONT for nothing" },
	{ HELLO "AUTH\t1\tLOGIN\nCONT\t2\tAAAA\n", "CONT\t1\tVXNlcm5hbWU6\n",
	  "CONT for nothing" },
	{ HELLO "CANCEL\tx\n", "", "CANCEL without a number" },
};

struct drive {
	struct dovecot_server *s;
	struct sasl_server sasl;
};

static void answer(struct drive *d, const struct dovecot_event *ev)
{
	static const struct sasl_channel none;
	struct sasl_result r = { .challenge = SPAN_NONE };
	enum sasl_mechanism m = SASL_PLAIN;
	enum sasl_outcome out;
	bool right;

	if (ev->kind == DOVECOT_EV_CANCEL)
		return;
	if (ev->mechanism.n > 0)
		assert_true(sasl_mechanism_find(ev->mechanism, &m));
	out = ev->mechanism.n > 0
		      ? sasl_server_start(&d->sasl, m, &none, ev->response,
					  ev->has_response, &r)
		      : sasl_server_step(&d->sasl, ev->response, &r);
	if (out == SASL_CHALLENGE) {
		dovecot_server_challenge(d->s, r.challenge);
		return;
	}
	right = out == SASL_CREDENTIALS &&
		span_eq(r.password, SPAN_LIT("secret"));
	dovecot_server_done(d->s, right ? YB_OK : YB_DENIED, r.user);
}

static void give(struct drive *d, struct span in)
{
	struct dovecot_event ev;
	size_t n;

	do {
		n = dovecot_server_feed(d->s, in);
		in = span_skip(in, n);
		while (dovecot_server_poll(d->s, &ev)) {
			answer(d, &ev);
			n++;
		}
	} while (n > 0);
}

static void check(const struct row *row, size_t at)
{
	const struct dovecot_server_config config = { .sasl = "PLAIN LOGIN",
						      .pid = 7,
						      .number = 9 };
	struct drive d = { .s = dovecot_server_new(&config) };
	struct span in = span_str(row->in);
	const char *reason;
	char got[2048], want[2048];
	size_t n = 0;

	assert_non_null(d.s);
	give(&d, span_head(in, at));
	give(&d, span_skip(in, at));
	reason = dovecot_server_end_reason(d.s);
	for (struct out_piece piece;
	     out_peek(dovecot_server_output(d.s), &piece, 1) == 1;) {
		memcpy(got + n, piece.p, piece.n);
		n += piece.n;
		out_sent(dovecot_server_output(d.s), piece.n);
	}
	got[n] = 0;
	snprintf(want, sizeof want, "%s%s", GREETING, row->out);
	assert_string_equal(got, want);
	if (row->end == NULL)
		assert_null(reason);
	else
		assert_string_equal(reason, row->end);
	dovecot_server_free(&d.s);
	assert_null(d.s);
}

static void test_dialogues(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t at = 0; at <= strlen(rows[i].in); at++)
			check(&rows[i], at);
}

/* What Postfix and Exim say of the client. */
static void test_words(void **state)
{
	const struct dovecot_server_config config = { .sasl = "PLAIN" };
	struct dovecot_server *s = dovecot_server_new(&config);
	struct dovecot_event ev;

	(void)state;
	(void)dovecot_server_feed(
		s, SPAN_LIT(HELLO "AUTH\t1\tPLAIN\tservice=smtp\tnologin\t"
				  "lip=::1\trip=192.0.2.7\tsecured\n"));
	assert_true(dovecot_server_poll(s, &ev));
	assert_true(span_eq(ev.service, SPAN_LIT("smtp")));
	assert_true(span_eq(ev.address, SPAN_LIT("192.0.2.7")));
	assert_true(span_eq(ev.mechanism, SPAN_LIT("PLAIN")));
	assert_true(ev.secured);
	assert_false(ev.has_response);
	dovecot_server_done(s, YB_BUSY, SPAN_NONE);
	(void)dovecot_server_feed(
		s, SPAN_LIT("AUTH\t2\tPLAIN\trip=nonsense\tresp=\n"));
	assert_true(dovecot_server_poll(s, &ev));
	assert_true(span_eq(ev.address, SPAN_LIT("nonsense")));
	assert_false(ev.secured);
	assert_true(ev.has_response);
	assert_int_equal(ev.response.n, 0);
	dovecot_server_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
