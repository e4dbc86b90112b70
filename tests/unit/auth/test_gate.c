#include "sasl/scram.h"
#include "unit/auth/auth_test.h"

/* Somebody outside: keeps the tickets, and is answered for by the tests. */
struct outside {
	void *tickets[2048];
	size_t n;
	char account[64], mechanism[32], outcome[16], reason[32], device[64];
	enum yb_err err;
};

static enum yb_err ask(void *ctx, const struct policy_login *login,
		       void *ticket)
{
	struct outside *x = ctx;

	snprintf(x->account, sizeof x->account, "%s", login->account);
	snprintf(x->mechanism, sizeof x->mechanism, "%s", login->mechanism);
	if (x->err == YB_OK)
		x->tickets[x->n++] = ticket;
	return x->err;
}

static void tell(void *ctx, const struct policy_login *login,
		 const struct policy_outcome *outcome)
{
	struct outside *x = ctx;

	(void)login;
	snprintf(x->outcome, sizeof x->outcome, "%s", outcome->outcome);
	snprintf(x->reason, sizeof x->reason, "%s", outcome->reason);
	snprintf(x->device, sizeof x->device, "%s", outcome->device);
}

static void be_asked(struct office *o, struct outside *x, bool on_failure)
{
	const struct auth_policy policy = {
		.ctx = x, .ask = ask, .tell = tell, .on_failure = on_failure
	};

	memset(x, 0, sizeof *x);
	auth_set_policy(o->auth, &policy);
}

static void try_as(struct office *o, unsigned peer, const char *user,
		   const char *password, struct outcome *out)
{
	struct auth_peer from = peer_number(peer);

	memset(out, 0, sizeof *out);
	auth_login(o->auth, &from, span_str(user), span_str(password), o->now,
		   note, out);
}

static void answer(struct office *o, struct outside *x, bool may,
		   uint32_t delay_ms, uint32_t cache_s)
{
	const struct policy_answer answer = { may, delay_ms, cache_s };

	auth_policy_answered(o->auth, x->tickets[--x->n], YB_OK, &answer,
			     o->now);
}

static void test_allow(void **state)
{
	struct office *o = *state;
	struct outside x;
	struct outcome out;

	add_account(o, "alice@example.org", "secret");
	be_asked(o, &x, false);
	for (int i = 0; i < 2; i++) { /* hashed, then remembered */
		try_as(o, 1, "ALICE", "secret", &out);
		assert_int_equal(out.calls, 0);
		assert_string_equal(x.account, "alice@example.org");
		assert_string_equal(x.mechanism, "PASS");
		answer(o, &x, true, 0, 0);
		assert_int_equal(out.calls, 1);
		assert_ok(out.err);
		assert_string_equal(x.outcome, "ok");
		assert_string_equal(x.device, "main");
	}
	try_as(o, 1, "alice", "wrong", &out);
	answer(o, &x, true, 0, 0);
	assert_int_equal(out.err, YB_DENIED);
	assert_string_equal(x.outcome, "denied");
	assert_string_equal(x.reason, "wrong_password");
}

/* It costs a hash and the time of a wrong password, remembered or not. */
static void test_deny(void **state)
{
	struct office *o = *state;
	struct outside x;
	struct outcome out;
	uint64_t hashes;

	add_account(o, "alice@example.org", "secret");
	try_as(o, 1, "alice", "secret", &out);
	assert_ok(out.err);
	be_asked(o, &x, true);
	hashes = auth_counters(o->auth).hashes;
	try_as(o, 1, "alice", "secret", &out);
	answer(o, &x, false, 0, 0);
	o->now += 1000;
	auth_run(o->auth, o->now);
	assert_int_equal(out.calls, 1);
	assert_int_equal(out.err, YB_DENIED);
	assert_int_equal(auth_counters(o->auth).hashes, hashes + 1);
	assert_string_equal(x.reason, "policy");
}

static void test_delay(void **state)
{
	struct office *o = *state;
	struct outside x;
	struct outcome slow, quick;

	add_account(o, "alice@example.org", "secret");
	add_account(o, "bob@example.org", "secret");
	be_asked(o, &x, false);
	try_as(o, 1, "alice", "secret", &slow);
	answer(o, &x, true, UINT32_MAX, 0);
	assert_int_equal(slow.calls, 0);
	assert_int_equal(auth_deadline(o->auth), o->now + POLICY_DELAY_MAX_MS);
	try_as(o, 2, "bob", "secret", &quick);
	answer(o, &x, true, 0, 0);
	assert_int_equal(quick.calls, 1);
	o->now += POLICY_DELAY_MAX_MS - 1;
	auth_run(o->auth, o->now);
	assert_int_equal(slow.calls, 0);
	o->now++;
	auth_run(o->auth, o->now);
	assert_int_equal(slow.calls, 1);
	assert_ok(slow.err);
}

static void test_without_an_answer(void **state)
{
	struct office *o = *state;
	struct outside x;
	struct outcome out;

	add_account(o, "alice@example.org", "secret");
	for (int later = 0; later < 2; later++) {
		for (int allow = 0; allow < 2; allow++) {
			be_asked(o, &x, allow);
			x.err = later ? YB_OK : YB_GONE;
			try_as(o, 1, "alice", "secret", &out);
			if (later)
				auth_policy_answered(o->auth, x.tickets[0],
						     YB_TIMEOUT, NULL, o->now);
			assert_int_equal(out.calls, 1);
			assert_int_equal(out.err, allow   ? YB_OK
						  : later ? YB_TIMEOUT
							  : YB_GONE);
		}
	}
	/* An error that sounds like a refusal is none. */
	be_asked(o, &x, false);
	try_as(o, 1, "alice", "secret", &out);
	auth_policy_answered(o->auth, x.tickets[0], YB_INVALID, NULL, o->now);
	assert_true(err_is_temp(out.err));
}

static void test_remembered(void **state)
{
	struct office *o = *state;
	struct outside x;
	struct outcome out;

	add_account(o, "alice@example.org", "secret");
	be_asked(o, &x, false);
	try_as(o, 1, "alice", "secret", &out);
	answer(o, &x, true, 0, 10);
	x.err = YB_GONE; /* whoever is asked now fails */
	o->now += 9999;
	try_as(o, 1, "alice", "secret", &out);
	assert_ok(out.err);
	/* Another address, mechanism or name is another question. */
	try_as(o, 2, "alice", "secret", &out);
	assert_int_equal(out.err, YB_GONE);
	try_as(o, 1, "alice@example.net", "secret", &out);
	assert_int_equal(out.err, YB_GONE);
	o->now += 1;
	try_as(o, 1, "alice", "secret", &out);
	assert_int_equal(out.err, YB_GONE);
}

static void test_memory_is_bounded(void **state)
{
	struct office *o = *state;
	struct outside x;
	struct outcome out;

	be_asked(o, &x, false);
	for (unsigned i = 0; i < POLICY_CACHED_MAX + 100; i++) {
		try_as(o, i, "nobody", "secret", &out);
		/* They wait till the end, so that no hash is spent. */
		answer(o, &x, true, 1, 10);
		o->auth->at_gate_n = 0;
	}
	assert_int_equal(o->auth->policy_answers_n, POLICY_CACHED_MAX);
}

static void test_too_many(void **state)
{
	struct office *o = *state;
	static struct outcome out[AUTH_WAITING_MAX + 1];
	struct outside *x = calloc(1, sizeof *x);

	assert_non_null(x);
	be_asked(o, x, false);
	for (unsigned i = 0; i < AUTH_WAITING_MAX + 1; i++)
		try_as(o, i, "nobody", "secret", &out[i]);
	assert_int_equal(x->n, AUTH_WAITING_MAX);
	assert_int_equal(out[AUTH_WAITING_MAX].err, YB_OVERLOAD);
	while (x->n > 0)
		auth_policy_answered(o->auth, x->tickets[--x->n], YB_GONE, NULL,
				     o->now);
	for (unsigned i = 0; i < AUTH_WAITING_MAX; i++)
		assert_int_equal(out[i].calls, 1);
	assert_int_equal(o->auth->at_gate_n, 0);
	free(x);
}

/* Whoever gave up is not called, and the answer does no harm. */
static void test_given_up(void **state)
{
	struct office *o = *state;
	struct auth_peer from = peer_number(1);
	struct sasl_channel none = { .exporter_n = 0 };
	struct outside x;
	struct outcome out;
	struct auth_sasl *s;

	add_account(o, "alice@example.org", "secret");
	be_asked(o, &x, false);
	memset(&out, 0, sizeof out);
	s = auth_sasl_start(o->auth, &from, &none, SPAN_LIT("PLAIN"),
			    SPAN_LIT("\0alice\0secret"), true, o->now, note,
			    &out);
	assert_string_equal(x.mechanism, "PLAIN");
	auth_sasl_free(&s);
	answer(o, &x, true, 0, 0);
	assert_int_equal(out.calls, 0);
	/* Switched off while somebody waits: he goes on. */
	try_as(o, 1, "alice", "secret", &out);
	auth_set_policy(o->auth, NULL);
	auth_policy_answered(o->auth, x.tickets[0], YB_GONE, NULL, o->now);
	assert_ok(out.err);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, office_make, office_remove)
	const struct CMUnitTest tests[] = {
		TEST(test_allow),      TEST(test_deny),
		TEST(test_delay),      TEST(test_without_an_answer),
		TEST(test_remembered), TEST(test_memory_is_bounded),
		TEST(test_too_many),   TEST(test_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
