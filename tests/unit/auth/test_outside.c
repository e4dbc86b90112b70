#include "auth/outside.h"

#include "sasl/scram.h"
#include "unit/auth/auth_test.h"

/* Somebody outside; the tests answer for him. */
struct others {
	void *tickets[64], *passwords[64];
	size_t n, passwords_n;
	char address[64], password[64];
	unsigned ended;
	uint64_t devices;
	enum yb_err err;
};

static enum yb_err ask_account(void *ctx, struct span address, void *ticket)
{
	struct others *x = ctx;

	assert_true(span_to_str(address, x->address, sizeof x->address));
	if (x->err == YB_OK)
		x->tickets[x->n++] = ticket;
	return x->err;
}

static enum yb_err ask_password(void *ctx, struct span address,
				struct span password, void *ticket)
{
	struct others *x = ctx;

	(void)address;
	assert_true(span_to_str(password, x->password, sizeof x->password));
	x->passwords[x->passwords_n++] = ticket;
	return YB_OK;
}

static void on_ended(void *ctx, const uint8_t account[16], uint64_t devices)
{
	struct others *x = ctx;

	(void)account;
	x->ended++;
	x->devices = devices;
}

static void open_outside(struct office *o, struct others *x, bool check)
{
	const struct auth_outside outside = {
		.ctx = x,
		.ask_account = ask_account,
		.ask_password = check ? ask_password : NULL,
		.cache_s = 10,
		.cache_unknown_s = 5,
	};

	memset(x, 0, sizeof *x);
	assert_ok(directory_domain_add(o->directory, SPAN_LIT("example.org"),
				       SPAN_NONE, 1));
	assert_ok(auth_set_outside(o->auth, &outside));
	o->auth->ended = on_ended;
	o->auth->ended_ctx = x;
}

/* {SHA256-CRYPT} of "secret". */
static const char secret[] = "$5$rounds=1000$saltsalt$"
			     "SlXBjrVoKqDwCs9IEMJ1TKrY/qRCaNxhk71BRIUfQ73";

static void answer(struct office *o, struct others *x, bool found,
		   const char *hash)
{
	struct outside_account a = { .found = found };

	if (hash != NULL) {
		a.main.kind = DIRECTORY_CRYPT;
		a.main.hash = hash;
	}
	auth_account_answered(o->auth, x->tickets[--x->n], YB_OK, &a, o->now);
}

static void no_answer(struct office *o, struct others *x, enum yb_err err)
{
	auth_account_answered(o->auth, x->tickets[--x->n], err, NULL, o->now);
}

static void try_as(struct office *o, const char *user, const char *password,
		   struct outcome *out)
{
	struct auth_peer from = peer_number(1);

	memset(out, 0, sizeof *out);
	auth_login(o->auth, &from, span_str(user), span_str(password), o->now,
		   note, out);
}

static void wait_out(struct office *o)
{
	o->now += 20000;
	auth_run(o->auth, o->now);
}

static void test_comes_and_goes(void **state)
{
	struct office *o = *state;
	struct others x;
	struct outcome out;
	uint8_t id[16];

	open_outside(o, &x, false);
	try_as(o, "Alice", "secret", &out);
	assert_string_equal(x.address, "alice@example.org");
	assert_int_equal(out.calls, 0);
	answer(o, &x, true, NULL); /* without a password there is no login */
	wait_out(o);
	assert_int_equal(out.err, YB_DENIED);
	try_as(o, "alice", "secret", &out);
	answer(o, &x, false, NULL);
	wait_out(o);
	assert_int_equal(out.err, YB_DENIED);
	assert_int_equal(x.ended, 1);
	assert_true(x.devices == UINT64_MAX);
	/* The row stays, and with it the mail. */
	struct directory_account *row = NULL;
	assert_ok(directory_account_find(o->directory,
					 SPAN_LIT("alice@example.org"), &row));
	memcpy(id, row->id, sizeof id);
	directory_account_free(&row);
	try_as(o, "alice", "secret", &out);
	answer(o, &x, true, NULL);
	wait_out(o);
	assert_ok(directory_account_find(o->directory,
					 SPAN_LIT("alice@example.org"), &row));
	assert_memory_equal(id, row->id, sizeof id);
	directory_account_free(&row);
}

static void test_times(void **state)
{
	struct office *o = *state;
	struct others x;
	struct auth_places places;
	struct outside_wait w;

	open_outside(o, &x, false);
	auth_set_now(o->auth, o->now);
	w.done = NULL;
	assert_int_equal(
		auth_recipient(o->auth, SPAN_LIT("a@example.org"), &places),
		YB_AGAIN);
	assert_int_equal(x.n, 0); /* nobody is asked by looking */
	/* Not about what is not ours, nor what is no name. */
	assert_int_equal(
		auth_recipient(o->auth, SPAN_LIT("a@example.net"), &places),
		YB_DENIED);
	x.err = YB_GONE;
	assert_int_equal(
		auth_recipient(o->auth, SPAN_LIT("a@example.org"), &places),
		YB_AGAIN);
	assert_int_equal(auth_recipient_wait(o->auth, &w), YB_GONE);
}

static unsigned told;
static enum yb_err told_err;

static void tell(struct outside_wait *w, struct auth *a, enum yb_err err)
{
	(void)w, (void)a;
	told++;
	told_err = err;
}

/* Many wait for one question; it is asked again when its time is over. */
static void test_one_question_for_many(void **state)
{
	struct office *o = *state;
	const struct span alice = SPAN_LIT("alice@example.org");
	struct outside_wait w[3];
	struct others x;

	open_outside(o, &x, false);
	told = 0;
	auth_set_now(o->auth, o->now);
	for (int i = 0; i < 3; i++) {
		w[i].done = tell;
		assert_int_equal(outside_refresh(o->auth, alice, &w[i]),
				 YB_AGAIN);
	}
	assert_int_equal(x.n, 1);
	list_remove(&w[1].link); /* one gives up */
	answer(o, &x, true, secret);
	assert_int_equal(told, 2);
	assert_ok(told_err);
	auth_set_now(o->auth, o->now += 9999);
	assert_ok(outside_refresh(o->auth, alice, &w[0]));
	auth_set_now(o->auth, o->now += 1);
	assert_int_equal(outside_refresh(o->auth, alice, &w[0]), YB_AGAIN);
	/* No answer is no "no": temporary, whatever it was. */
	no_answer(o, &x, YB_INVALID);
	assert_int_equal(told, 3);
	assert_true(err_is_temp(told_err));
	assert_int_equal(outside_refresh(o->auth, alice, &w[0]), YB_AGAIN);
	answer(o, &x, false, NULL);
	auth_set_now(o->auth, o->now += 4999);
	assert_ok(outside_refresh(o->auth, alice, &w[0]));
	auth_set_now(o->auth, o->now += 1);
	assert_int_equal(outside_refresh(o->auth, alice, &w[0]), YB_AGAIN);
	no_answer(o, &x, YB_TIMEOUT);
	assert_int_equal(told_err, YB_TIMEOUT);
}

static void test_what_is_known_is_bounded(void **state)
{
	struct office *o = *state;
	struct outside_wait w = { .done = tell };
	struct cached *at = NULL;
	char address[64];
	struct others x;

	open_outside(o, &x, false);
	auth_set_now(o->auth, o->now);
	for (int i = 0; i < OUTSIDE_UNKNOWN_MAX + 50; i++) {
		snprintf(address, sizeof address, "u%d@example.org", i);
		assert_int_equal(
			outside_refresh(o->auth, span_str(address), &w),
			YB_AGAIN);
		answer(o, &x, false, NULL);
	}
	assert_int_equal(
		outside_refresh(o->auth, SPAN_LIT("u0@example.org"), NULL),
		YB_AGAIN);
	assert_ok(outside_refresh(o->auth, span_str(address), NULL));
	assert_ok(cache_find(&o->auth->cache, span_str(address), o->now, &at));
	assert_false(at->real);
}

static void test_password_is_checked_outside(void **state)
{
	struct office *o = *state;
	struct others x;
	struct outcome out, other;

	open_outside(o, &x, true);
	try_as(o, "alice", "secret", &out);
	answer(o, &x, true, NULL);
	assert_int_equal(out.calls, 0);
	assert_int_equal(x.passwords_n, 1);
	assert_string_equal(x.password, "secret");
	/* The same guess does not ask twice. */
	try_as(o, "alice", "secret", &other);
	assert_int_equal(x.passwords_n, 1);
	auth_password_answered(o->auth, x.passwords[--x.passwords_n], YB_OK,
			       true, o->now);
	assert_ok(out.err);
	assert_int_equal(out.calls, 1);
	assert_int_equal(other.calls, 1);
	/* Remembered, but no longer than the account itself. */
	o->now += 9999;
	try_as(o, "alice", "secret", &out);
	assert_ok(out.err);
	o->now += 1;
	try_as(o, "alice", "secret", &out);
	answer(o, &x, true, NULL);
	assert_int_equal(x.passwords_n, 1);
	auth_password_answered(o->auth, x.passwords[--x.passwords_n],
			       YB_INVALID, false, o->now);
	assert_int_equal(out.calls, 1);
	assert_true(err_is_temp(out.err));
}

/* Threat 8: a name that nobody has is asked about in the same way, and "right"
 * makes no account of it. */
static void test_nobody_is_checked_too(void **state)
{
	struct office *o = *state;
	struct others x;
	struct outcome out;

	open_outside(o, &x, true);
	try_as(o, "nobody", "secret", &out);
	answer(o, &x, false, NULL);
	assert_int_equal(x.passwords_n, 1);
	auth_password_answered(o->auth, x.passwords[--x.passwords_n], YB_OK,
			       true, o->now);
	wait_out(o);
	assert_int_equal(out.err, YB_DENIED);
	/* Nobody has the empty password. */
	try_as(o, "alice", "", &out);
	answer(o, &x, true, NULL);
	assert_int_equal(x.passwords_n, 0);
	wait_out(o);
	assert_int_equal(out.err, YB_DENIED);
}

static void test_scram_waits(void **state)
{
	struct office *o = *state;
	struct auth_peer from = peer_number(1);
	struct sasl_channel none = { .exporter_n = 0 };
	struct outcome out = { .calls = 0 };
	struct auth_sasl *s;
	struct others x;

	open_outside(o, &x, false);
	s = auth_sasl_start(o->auth, &from, &none, SPAN_LIT("SCRAM-SHA-256"),
			    SPAN_LIT("n,,n=alice,r=abcdefghijkl"), true, o->now,
			    note, &out);
	assert_non_null(s);
	assert_int_equal(out.calls, 0);
	/* What comes meanwhile is nobody's step. */
	auth_sasl_step(s, SPAN_LIT("c=biws,r=x,p=AAAA"), o->now);
	assert_int_equal(out.calls, 0);
	answer(o, &x, true, NULL);
	assert_int_equal(out.err, YB_AGAIN);
	assert_non_null(strstr(out.challenge, ",i=4096"));
	auth_sasl_free(&s);
	/* Who gives up is not called. */
	memset(&out, 0, sizeof out);
	s = auth_sasl_start(o->auth, &from, &none, SPAN_LIT("SCRAM-SHA-256"),
			    SPAN_LIT("n,,n=bob,r=abcdefghijkl"), true, o->now,
			    note, &out);
	auth_sasl_free(&s);
	no_answer(o, &x, YB_GONE);
	assert_int_equal(out.calls, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, office_make, office_remove)
	const struct CMUnitTest tests[] = {
		TEST(test_comes_and_goes),
		TEST(test_times),
		TEST(test_one_question_for_many),
		TEST(test_what_is_known_is_bounded),
		TEST(test_password_is_checked_outside),
		TEST(test_nobody_is_checked_too),
		TEST(test_scram_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
