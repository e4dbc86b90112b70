/*
 * Exchanges, RFC 4616 (PLAIN) and LOGIN, from the response to the grant.
 */
#include "unit/auth/auth_test.h"

#include "sasl/scram.h"

static struct auth_sasl *start(struct office *o, unsigned peer,
			       struct span mechanism, struct span response,
			       bool has_response, struct outcome *got)
{
	struct auth_peer p = peer_number(peer);

	*got = (struct outcome){ .calls = 0 };
	return auth_sasl_start(o->auth, &p, &(struct sasl_channel){ 0 },
			       mechanism, response, has_response, o->now, note,
			       got);
}

struct row {
	struct span response;
	enum yb_err err;
};

static void test_plain(void **state)
{
	static const struct row rows[] = {
		{ SPAN_LIT("\0alice\0secret"), YB_OK },
		{ SPAN_LIT("\0alice@example.org\0secret"), YB_OK },
		{ SPAN_LIT("alice\0alice\0secret"), YB_OK },
		{ SPAN_LIT("alice@example.org\0ALICE\0secret"), YB_OK },
		{ SPAN_LIT("bob\0alice\0secret"), YB_DENIED },
		{ SPAN_LIT("a/b\0alice\0secret"), YB_DENIED },
		{ SPAN_LIT("\0alice\0wrong"), YB_DENIED },
		{ SPAN_LIT("\0bob\0secret"), YB_DENIED },
		{ SPAN_LIT("alice\0secret"), YB_SYNTAX },
		{ SPAN_LIT(""), YB_SYNTAX },
		{ SPAN_LIT("\0\0"), YB_SYNTAX },
		{ SPAN_LIT("\0alice\0sec\0ret"), YB_SYNTAX },
	};
	struct office *o = *state;

	add_account(o, "alice@example.org", "secret");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct outcome got;
		struct auth_sasl *x =
			start(o, 100 + (unsigned)i, SPAN_LIT("PLAIN"),
			      rows[i].response, true, &got);

		assert_int_equal(got.calls, 1);
		assert_int_equal(got.err, rows[i].err);
		/* "NULL, with `done` called, if that failed at once" */
		assert_int_equal(x == NULL, rows[i].err != YB_OK);
		auth_sasl_free(&x);
		assert_null(x);

		/* RFC 5034: without an initial response, by a challenge. */
		x = start(o, 200 + (unsigned)i, SPAN_LIT("plain"), SPAN_NONE,
			  false, &got);
		assert_non_null(x);
		assert_int_equal(got.calls, 1);
		assert_int_equal(got.err, YB_AGAIN);
		assert_string_equal(got.challenge, "");
		auth_sasl_step(x, rows[i].response, o->now);
		assert_int_equal(got.calls, 2);
		assert_int_equal(got.err, rows[i].err);
		auth_sasl_step(x, rows[i].response, o->now); /* no more */
		assert_int_equal(got.calls, 2);
		auth_sasl_free(&x);
	}
}

static void test_login(void **state)
{
	struct office *o = *state;
	struct outcome got;
	struct auth_sasl *x;

	add_account(o, "alice@example.org", "secret");
	x = start(o, 1, SPAN_LIT("LOGIN"), SPAN_NONE, false, &got);
	assert_int_equal(got.err, YB_AGAIN);
	auth_sasl_step(x, SPAN_LIT("alice"), o->now);
	assert_int_equal(got.calls, 2);
	assert_int_equal(got.err, YB_AGAIN);
	auth_sasl_step(x, SPAN_LIT("secret"), o->now);
	assert_int_equal(got.calls, 3);
	assert_ok(got.err);
	assert_string_equal(got.address, "alice@example.org");
	auth_sasl_free(&x);

	x = start(o, 1, SPAN_LIT("LOGIN"), SPAN_LIT("alice"), true, &got);
	assert_int_equal(got.err, YB_AGAIN);
	auth_sasl_step(x, SPAN_LIT("secre"), o->now);
	assert_int_equal(got.err, YB_DENIED);
	auth_sasl_free(&x);
}

static void test_unknown_mechanism(void **state)
{
	static const char *const names[] = { "",         "SCRAM-SHA-256-PLUS",
					     "EXTERNAL", "PLAIN ",
					     "PLAI",     "DIGEST-MD5" };
	struct office *o = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct outcome got;

		assert_null(start(o, 1, span_str(names[i]), SPAN_NONE, false,
				  &got));
		assert_int_equal(got.calls, 1);
		assert_int_equal(got.err, YB_UNSUPPORTED);
	}
}

/* RFC 4422 appendix A: who it is follows from the certificate alone. */
static void test_external(void **state)
{
	static const struct row rows[] = {
		{ SPAN_LIT(""), YB_OK },
		{ SPAN_LIT("alice"), YB_OK },
		{ SPAN_LIT("ALICE@example.org"), YB_OK },
		{ SPAN_LIT("bob@example.org"), YB_DENIED },
		{ SPAN_LIT("nobody"), YB_DENIED },
		{ SPAN_LIT("a b"), YB_DENIED },
		{ SPAN_LIT("a\0b"), YB_SYNTAX },
		{ SPAN_LIT("\xff"), YB_SYNTAX },
	};
	struct sasl_channel channel = { .has_certificate = true };
	const struct auth_device device = { .name = "laptop",
					    .kind = AUTH_DEVICE_CERTIFICATE,
					    .networks = "" };
	const struct span print =
		span_of(channel.certificate, sizeof channel.certificate);
	char name[AUTH_DEVICE_NAME_MAX + 1];
	struct office *o = *state;
	struct auth_peer p;
	struct outcome got;
	struct auth_sasl *x;

	add_account(o, "alice@example.org", "secret");
	add_account(o, "bob@example.org", "secret");
	memset(channel.certificate, 7, sizeof channel.certificate);
	assert_ok(auth_device_add(o->auth, SPAN_LIT("alice"), &device, print,
				  name, &why));
	/* It names one account, and has one form. */
	assert_int_equal(auth_device_add(o->auth, SPAN_LIT("bob"), &device,
					 print, name, &why),
			 YB_INVALID);
	assert_int_equal(auth_device_add(o->auth, SPAN_LIT("bob"), &device,
					 span_head(print, 31), name, &why),
			 YB_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int initial = 0; initial < 2; initial++) {
			p = peer_number(600 + 2 * (unsigned)i +
					(unsigned)initial);
			got = (struct outcome){ .calls = 0 };
			x = auth_sasl_start(
				o->auth, &p, &channel, SPAN_LIT("EXTERNAL"),
				initial ? rows[i].response : SPAN_NONE, initial,
				o->now, note, &got);
			if (!initial) {
				assert_int_equal(got.err, YB_AGAIN);
				assert_string_equal(got.challenge, "");
				auth_sasl_step(x, rows[i].response, o->now);
			}
			for (int t = 0; got.err == YB_AGAIN && t < 60; t++)
				pass(o, 1000);
			assert_int_equal(got.err, rows[i].err);
			if (got.err == YB_OK)
				assert_string_equal(got.address,
						    "alice@example.org");
			auth_sasl_free(&x);
		}
	}
	/* Another certificate, none, and one that came without TLS. */
	p = peer_number(700);
	channel.certificate[0] ^= 1;
	got = (struct outcome){ .calls = 0 };
	x = auth_sasl_start(o->auth, &p, &channel, SPAN_LIT("EXTERNAL"),
			    SPAN_NONE, true, o->now, note, &got);
	assert_int_equal(got.err, YB_DENIED);
	assert_string_equal(auth_denied_name(o->auth), "?");
	auth_sasl_free(&x);
	channel.certificate[0] ^= 1;
	p.tls = false;
	assert_null(auth_sasl_start(o->auth, &p, &channel, SPAN_LIT("EXTERNAL"),
				    SPAN_NONE, true, o->now, note, &got));
	assert_int_equal(got.err, YB_UNSUPPORTED);
	p.tls = true;
	channel.has_certificate = false;
	assert_null(auth_sasl_start(o->auth, &p, &channel, SPAN_LIT("EXTERNAL"),
				    SPAN_NONE, true, o->now, note, &got));
	assert_int_equal(got.err, YB_UNSUPPORTED);
}

/* A client that goes away in the middle: at each point, no word after. */
static void test_freed_under_way(void **state)
{
	struct office *o = *state;
	struct outcome got;
	struct auth_sasl *x;
	unsigned calls;

	office_shut(o);
	office_open(o, 1);
	add_account(o, "alice@example.org", "secret");
	x = start(o, 1, SPAN_LIT("LOGIN"), SPAN_NONE, false, &got);
	auth_sasl_free(&x);
	x = start(o, 1, SPAN_LIT("PLAIN"), SPAN_LIT("\0alice\0secret"), true,
		  &got);
	assert_non_null(x);
	calls = got.calls;
	auth_sasl_free(&x);
	for (int i = 0; i < 200; i++) {
		pass(o, 1);
		usleep(500);
	}
	assert_int_equal(got.calls, calls);
	assert_int_equal(o->auth->waiting_n, 0);

	/* While the refusal is held back. */
	for (int i = 0; i < 2; i++) {
		x = start(o, 2, SPAN_LIT("PLAIN"),
			  i == 0 ? SPAN_LIT("\0alice\0wrong")
				 : SPAN_LIT("\0alice\0worse"),
			  true, &got);
		for (int wait = 0; wait < 100; wait++) {
			auth_run(o->auth, o->now);
			usleep(500);
		}
		assert_int_equal(got.calls, i == 0);
		auth_sasl_free(&x);
	}
	assert_int_equal(o->auth->held_n, 1);
	got.calls = 0;
	pass(o, 60000);
	assert_int_equal(got.calls, 0);
	assert_int_equal(o->auth->held_n, 0);
}

static void free_it(void *ctx, enum yb_err err,
		    const struct auth_identity *identity, struct span challenge)
{
	struct auth_sasl **x = ctx;

	(void)identity, (void)challenge;
	if (err != YB_AGAIN)
		auth_sasl_free(x);
}

/* The owner may free the exchange in its last callback. */
static void test_freed_in_callback(void **state)
{
	static const struct span responses[] = {
		SPAN_LIT("\0alice\0secret"),
		SPAN_LIT("\0alice\0secret"),
		SPAN_LIT("\0alice\0wrong"),
		SPAN_LIT("rubbish"),
	};
	struct office *o = *state;

	add_account(o, "alice@example.org", "secret");
	for (size_t i = 0; i < ARRAY_LEN(responses); i++) {
		struct auth_peer p = peer_number(300 + (unsigned)i);
		struct auth_sasl *x = NULL;

		x = auth_sasl_start(o->auth, &p, &(struct sasl_channel){ 0 },
				    SPAN_LIT("PLAIN"), SPAN_NONE, false, o->now,
				    free_it, &x);
		assert_non_null(x);
		auth_sasl_step(x, responses[i], o->now);
		assert_null(x);
	}
}

/* Threat 10: aborted exchanges leave nothing behind. */
static void test_many_aborted(void **state)
{
	struct office *o = *state;
	struct outcome got;

	for (unsigned i = 0; i < 100000; i++) {
		struct auth_sasl *x = start(o, 1, SPAN_LIT("LOGIN"),
					    SPAN_LIT("alice"), true, &got);

		auth_sasl_free(&x);
	}
	assert_int_equal(o->auth->peers.map.count, 0);
	assert_int_equal(o->auth->waiting_n, 0);
	assert_int_equal(o->auth->guess_number, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OFFICE(test_plain),
		IN_OFFICE(test_login),
		IN_OFFICE(test_unknown_mechanism),
		IN_OFFICE(test_external),
		IN_OFFICE(test_freed_under_way),
		IN_OFFICE(test_freed_in_callback),
		IN_OFFICE(test_many_aborted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
