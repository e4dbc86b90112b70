/*
 * Logins: who gets in, at what cost, and when the answer comes.
 */
#include "unit/auth/auth_test.h"

static void test_right_and_wrong(void **state)
{
	struct office *o = *state;
	struct outcome got;

	add_account(o, "alice@example.org", "correct horse");
	login_from(o, 1, "alice@example.org", "correct horse", &got);
	assert_int_equal(got.calls, 1);
	assert_ok(got.err);
	assert_int_equal(got.identity.device, 0);
	assert_int_equal(got.identity.mailbox, 1);
	assert_string_equal(got.address, "alice@example.org");

	/* By the part before the @, in any case. */
	assert_ok(login(o, "alice", "correct horse"));
	assert_ok(login(o, "ALICE@Example.Org", "correct horse"));
	login_from(o, 2, "Alice", "correct horse", &got);
	assert_string_equal(got.address, "alice@example.org");

	assert_int_equal(login(o, "alice", "correct hors"), YB_DENIED);
	assert_int_equal(login(o, "alice", "correct horsee"), YB_DENIED);
	assert_int_equal(login(o, "alice", "Correct horse"), YB_DENIED);
	assert_int_equal(login(o, "alice", ""), YB_DENIED);
	assert_int_equal(login(o, "bob", "correct horse"), YB_DENIED);
	assert_int_equal(login(o, "alice@example.com", "correct horse"),
			 YB_DENIED);
	assert_int_equal(login(o, "", ""), YB_DENIED);
	assert_int_equal(login(o, "", "correct horse"), YB_DENIED);
}

/* RFC 4013: what looks the same is the same, when set and when checked. */
static void test_saslprep(void **state)
{
	struct office *o = *state;

	add_account(o, "a@example.org", "gr\xc3\xbc\xc3\x9f gott \xe2\x85\xa8");
	assert_ok(login(o, "a", "gr\xc3\xbc\xc3\x9f gott IX"));
	assert_ok(login(o, "a", "gru\xcc\x88\xc3\x9f gott IX"));
	assert_ok(login(o, "a", "gr\xc3\xbc\xc3\x9f\xc2\xa0gott IX"));
	assert_int_equal(login(o, "a", "gr\xc3\xbcss gott IX"), YB_DENIED);
	/* Not UTF-8, or prohibited: denied like any wrong one. */
	assert_int_equal(login(o, "a", "gr\xfc\xdf gott IX"), YB_DENIED);
	assert_int_equal(login(o, "a", "a\x07z"), YB_DENIED);
}

/* Threat 13, through the whole way. */
static void test_hostile_names(void **state)
{
	static const char *const names[] = {
		"../a", "a/b", "%u", ".", "a'--", "a\" OR 1", "\xff", "a\nb",
		"a@b@example.org", "@", "?", "*",
	};
	struct office *o = *state;
	struct auth_peer peer = peer_number(1);
	struct outcome got = { .calls = 0 };

	add_account(o, "a@example.org", "pw");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(login(o, names[i], "pw"), YB_DENIED);
	auth_login(o->auth, &peer, SPAN_LIT("a\0"), SPAN_LIT("pw"), o->now,
		   note, &got);
	assert_int_equal(got.err, YB_DENIED);
	peer = peer_number(2);
	auth_login(o->auth, &peer, SPAN_LIT("a"), SPAN_LIT("pw\0"), o->now,
		   note, &got);
	assert_int_equal(got.err, YB_DENIED);
	assert_ok(login(o, "a", "pw"));
}

static void test_long_input(void **state)
{
	struct office *o = *state;
	char text[5000];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	add_account(o, "a@example.org", "pw");
	assert_int_equal(login(o, text, "pw"), YB_DENIED);
	assert_int_equal(login(o, "a", text), YB_DENIED);
	text[AUTH_PASSWORD_MAX + 1] = 0;
	assert_int_equal(login(o, "a", text), YB_DENIED);
	text[AUTH_PASSWORD_MAX] = 0;
	assert_int_equal(login(o, "a", text), YB_DENIED);
	add_account(o, "b@example.org", text);
	assert_ok(login(o, "b", text));
}

/* Threat 8: unknown, malformed and hopeless claims cost what a wrong password
 * costs: one hash of the same count, each time. */
static void test_equal_cost(void **state)
{
	static const struct {
		const char *user;
		const char *password;
	} claims[] = {
		{ "alice", "wrong" },
		{ "nobody", "wrong" },
		{ "alice@elsewhere.example", "wrong" },
		{ "../etc", "wrong" },
		{ "alice", "" },
		{ "nobody", "" },
		{ "alice", "not\xffutf8" },
		{ "nobody", "not\xffutf8" },
	};
	struct office *o = *state;

	add_account(o, "alice@example.org", "right");
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
			uint64_t before = o->auth->guess_number;

			assert_int_equal(login(o, claims[i].user,
					       claims[i].password),
					 YB_DENIED);
			assert_int_equal(o->auth->guess_number, before + 1);
		}
	}
}

/* An unknown name has a salt like any other: 16 octets, always the same, not
 * that of another name, and not told by the name alone. */
static void test_fake_accounts(void **state)
{
	struct office *o = *state;
	struct cache *c = &o->auth->cache;
	struct cached *at = NULL;
	uint8_t salt[2][DIRECTORY_SALT_LEN];

	assert_ok(cache_find(c, SPAN_LIT("no@example.org"), o->now, &at));
	assert_false(at->real);
	assert_int_equal(at->account->iterations, DIRECTORY_ITERATIONS_MIN);
	assert_int_equal(at->account->credentials_n, 1);
	memcpy(salt[0], at->account->salt, sizeof salt[0]);
	assert_ok(cache_find(c, SPAN_LIT("na@example.org"), o->now, &at));
	assert_memory_not_equal(at->account->salt, salt[0], sizeof salt[0]);

	/* Over its life in the cache, and over a restart. */
	assert_ok(cache_find(c, SPAN_LIT("no@example.org"),
			     o->now + CACHE_UNKNOWN_MS, &at));
	assert_memory_equal(at->account->salt, salt[0], sizeof salt[0]);
	office_shut(o);
	office_open(o, 0);
	assert_ok(cache_find(&o->auth->cache, SPAN_LIT("no@example.org"),
			     o->now, &at));
	assert_memory_equal(at->account->salt, salt[0], sizeof salt[0]);

	/* Another directory draws others. */
	memset(o->directory->secret, 1, sizeof o->directory->secret);
	cache_close(&o->auth->cache);
	assert_ok(cache_open(&o->auth->cache, o->directory,
			     DIRECTORY_ITERATIONS_MIN));
	assert_ok(cache_find(&o->auth->cache, SPAN_LIT("no@example.org"),
			     o->now, &at));
	assert_memory_equal(at->account->address, "no@example.org", 14);
	memcpy(salt[1], at->account->salt, sizeof salt[1]);
	assert_memory_not_equal(salt[0], salt[1], sizeof salt[0]);
}

/* Whether an account is real is asked at the end: no proof opens a fake. */
static void test_fake_never_opens(void **state)
{
	struct office *o = *state;
	struct cached *at = NULL;
	struct directory_credential *c;
	uint8_t salted[SCRAM_KEY_LEN], digest[HMAC_LEN];
	struct scram_verifier keys;

	assert_ok(cache_find(&o->auth->cache, SPAN_LIT("no@example.org"),
			     o->now, &at));
	assert_ok(scram_salted_password(SPAN_LIT("pw"),
					span_of(at->account->salt,
						sizeof at->account->salt),
					at->account->iterations, salted));
	assert_ok(scram_verifier_of(salted, &keys));
	c = &at->account->credentials[0];
	memcpy(c->stored_key, keys.stored_key, sizeof c->stored_key);
	assert_int_equal(login(o, "no", "pw"), YB_DENIED);
	/* Nor would a success that was remembered for it. */
	assert_ok(cache_find(&o->auth->cache, SPAN_LIT("no@example.org"),
			     o->now, &at));
	assert_ok(cache_digest(&o->auth->cache, at, SPAN_LIT("pw"), digest));
	cache_remember(at, 0, digest, o->now);
	assert_int_equal(login(o, "no", "pw"), YB_DENIED);
}

/* Polling does not pay the hash again, for an hour. */
static void test_success_is_remembered(void **state)
{
	struct office *o = *state;
	uint64_t before;

	add_account(o, "alice@example.org", "right");
	before = o->auth->guess_number;
	assert_ok(login(o, "alice", "right"));
	assert_int_equal(o->auth->guess_number, before + 1);
	for (int i = 0; i < 50; i++)
		assert_ok(login(o, "alice", "right"));
	pass(o, CACHE_SUCCESS_MS - 1);
	assert_ok(login(o, "alice", "right"));
	assert_int_equal(o->auth->guess_number, before + 1);
	pass(o, 1);
	assert_ok(login(o, "alice", "right"));
	assert_int_equal(o->auth->guess_number, before + 2);
}

/* Threat 11: key covers account and password; cold and warm. */
static void test_cross_matrix(void **state)
{
	enum { N = 7 };
	struct office *o = *state;
	char user[N][32], password[N][32];

	for (int i = 0; i < N; i++) {
		snprintf(user[i], sizeof user[i], "u%d@example.org", i);
		snprintf(password[i], sizeof password[i], "secret %d", i);
		add_account(o, user[i], password[i]);
	}
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < N; i++)
			for (int k = 0; k < N; k++)
				assert_int_equal(
					login_late(o, user[i], password[k]),
					i == k ? YB_OK : YB_DENIED);
}

/* A wrong password leaves nothing in memory that a second try would find. */
static void test_wrong_is_not_remembered(void **state)
{
	struct office *o = *state;
	struct cached *at = NULL;
	uint64_t before;

	add_account(o, "a@example.org", "right");
	assert_int_equal(login(o, "a", "wrong"), YB_DENIED);
	before = o->auth->guess_number;
	assert_int_equal(login(o, "a", "wrong"), YB_DENIED);
	assert_int_equal(o->auth->guess_number, before + 1);
	assert_ok(cache_find(&o->auth->cache, SPAN_LIT("a@example.org"),
			     o->now, &at));
	assert_int_equal(at->success[0].until_ms, 0);
}

static void test_each_device_is_named(void **state)
{
	struct office *o = *state;
	struct directory_account *account = NULL;
	struct directory_verifier v = { .kind = DIRECTORY_SCRAM_SHA_256, .device = 7, .name = "phone" };
	struct scram_verifier keys;
	uint8_t salted[SCRAM_KEY_LEN];
	struct outcome got;

	add_account(o, "a@example.org", "main one");
	assert_ok(directory_account_find(o->directory,
					 SPAN_LIT("a@example.org"), &account));
	memcpy(v.salt, account->salt, sizeof v.salt);
	v.iterations = account->iterations;
	directory_account_free(&account);
	assert_ok(scram_salted_password(SPAN_LIT("phone one"),
					span_of(v.salt, sizeof v.salt),
					v.iterations, salted));
	assert_ok(scram_verifier_of(salted, &keys));
	memcpy(v.stored_key, keys.stored_key, sizeof v.stored_key);
	memcpy(v.server_key, keys.server_key, sizeof v.server_key);
	assert_ok(directory_credential_put(o->directory,
					   SPAN_LIT("a@example.org"), &v, 1));
	for (unsigned round = 0; round < 2; round++) {
		uint64_t before = o->auth->guess_number;

		login_from(o, 50, "a", "phone one", &got);
		assert_ok(got.err);
		assert_int_equal(got.identity.device, 7);
		login_from(o, 50, "a", "main one", &got);
		assert_ok(got.err);
		assert_int_equal(got.identity.device, 0);
		assert_int_equal(login(o, "a", "other one"), YB_DENIED);
		/* One hash each, whatever the number of devices. */
		assert_int_equal(o->auth->guess_number,
				 before + (round == 0 ? 3 : 1));
	}
}

/* ---- delays ---- */

/* From one address, one after the other: 0, 1, 2, 4, 8, 15, 15 s. */
static void test_growing_delay(void **state)
{
	static const uint64_t want[] = { 0, 1000, 2000, 4000, 8000, 15000,
					 15000 };
	struct office *o = *state;
	struct outcome got;

	add_account(o, "a@example.org", "right");
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		login_from(o, 1, "a", i % 2 == 0 ? "wrong" : "worse", &got);
		assert_int_equal(got.calls, want[i] == 0);
		if (want[i] > 0) {
			assert_int_equal(attempts_deadline(o->auth),
					 o->now + want[i]);
			pass(o, want[i] - 1);
			assert_int_equal(got.calls, 0);
			pass(o, 1);
		}
		assert_int_equal(got.calls, 1);
		assert_int_equal(got.err, YB_DENIED);
	}
	/* Right passwords are not held back; others are not touched. */
	login_from(o, 1, "a", "right", &got);
	assert_int_equal(got.calls, 1);
	assert_ok(got.err);
	assert_int_equal(login(o, "a", "wrong"), YB_DENIED);
}

/* While one guess of a failing address is open, its next one waits. */
static void test_failing_address_waits_its_turn(void **state)
{
	struct office *o = *state;
	struct outcome got[6];
	uint64_t before;

	add_account(o, "a@example.org", "right");
	add_account(o, "b@example.org", "remembered");
	assert_ok(login(o, "b", "remembered"));
	login_from(o, 1, "a", "wrong 0", &got[0]); /* at once */
	login_from(o, 1, "a", "wrong 1", &got[1]); /* held back 1 s */
	before = o->auth->guess_number;
	login_from(o, 1, "a", "wrong 2", &got[2]);
	login_from(o, 1, "nobody", "wrong 3", &got[3]);
	login_from(o, 1, "a", "right", &got[4]);
	assert_int_equal(o->auth->guess_number, before);
	assert_int_equal(got[1].calls + got[2].calls + got[3].calls +
			 got[4].calls, 0);
	/* A remembered password from there needs no turn. */
	login_from(o, 1, "b", "remembered", &got[5]);
	assert_ok(got[5].err);

	pass(o, 1000);
	assert_int_equal(got[1].calls, 1);
	assert_int_equal(o->auth->guess_number, before + 1);
	pass(o, 2000);
	assert_int_equal(got[2].calls, 1);
	pass(o, 4000);
	assert_int_equal(got[3].calls, 1);
	assert_int_equal(got[4].calls, 1);
	assert_ok(got[4].err);
	assert_int_equal(auth_deadline(o->auth), o->auth->logins_due_ms >
			 o->now ? o->auth->logins_due_ms : o->now);
}

/* Lets the threads work without any time going by for the auth. */
static void hash_for_a_while(struct office *o)
{
	for (int i = 0; i < 30; i++) {
		auth_run(o->auth, o->now);
		usleep(1000);
	}
}

static unsigned answers(const struct outcome *got, size_t n)
{
	unsigned answered = 0;

	for (size_t i = 0; i < n; i++)
		answered += got[i].calls;
	return answered;
}

/* Parallel guesses are told no sooner than serial ones. */
static void test_parallel_is_not_faster(void **state)
{
	enum { N = 6 };
	static const uint64_t want[N] = { 0, 1000, 3000, 7000, 15000, 30000 };
	struct office *o = *state;
	struct outcome got[N];
	uint64_t start;

	office_shut(o);
	office_open(o, 2);
	add_account(o, "a@example.org", "right");
	start = o->now;
	for (int i = 0; i < N; i++) {
		char password[32];

		snprintf(password, sizeof password, "guess %d", i);
		login_from(o, 1, "a", password, &got[i]);
	}
	/* Just before the k-th answer is due at most k are out. */
	for (unsigned k = 1; k < N; k++) {
		o->now = start + want[k] - 1;
		hash_for_a_while(o);
		assert_true(answers(got, N) <= k);
	}
	/* And none is forgotten. */
	for (int i = 0; i < 200 && answers(got, N) < N; i++) {
		o->now += 1000;
		hash_for_a_while(o);
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(got[i].calls, 1);
		assert_int_equal(got[i].err, YB_DENIED);
	}
}

/* ---- the pool and its bounds ---- */

static void test_threads(void **state)
{
	enum { N = 24 };
	struct office *o = *state;
	struct outcome got[N];
	unsigned calls = 0;

	office_shut(o);
	office_open(o, 2);
	for (int i = 0; i < N; i++) {
		char user[32], password[32];

		snprintf(user, sizeof user, "u%d@example.org", i % 4);
		snprintf(password, sizeof password, "secret %d", i % 4);
		if (i < 4)
			add_account(o, user, password);
	}
	for (unsigned i = 0; i < N; i++) {
		char user[32], password[32];

		snprintf(user, sizeof user, "u%u", i % 4);
		snprintf(password, sizeof password, "secret %u",
			 i % 3 == 0 ? i % 4 : 9);
		login_from(o, i, user, password, &got[i]);
	}
	for (int wait = 0; wait < 3000 && calls < N; wait++) {
		calls = 0;
		for (int i = 0; i < N; i++)
			calls += got[i].calls;
		wait_for(o, &calls, calls);
		auth_run(o->auth, o->now);
		usleep(1000);
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(got[i].calls, 1);
		assert_int_equal(got[i].err, i % 3 == 0 ? YB_OK : YB_DENIED);
	}
	assert_int_equal(o->auth->waiting_n, 0);
	assert_int_equal(o->auth->guesses_n, 0);
}

/* Callers of one account never have more than two hashes under way, and the
 * same guess is hashed once for all. */
static void test_caps(void **state)
{
	enum { N = 10 };
	struct office *o = *state;
	struct outcome same[N], other[N];
	uint64_t before;

	office_shut(o);
	office_open(o, 4);
	add_account(o, "a@example.org", "right");
	o->auth->cache.iterations = 4096;
	before = o->auth->guess_number;
	for (unsigned i = 0; i < N; i++)
		login_from(o, 100 + i, "a", "right", &same[i]);
	assert_int_equal(o->auth->guess_number, before + 1);
	for (unsigned i = 0; i < N; i++) {
		char password[32];

		snprintf(password, sizeof password, "guess %u", i);
		login_from(o, 200 + i, "nobody", password, &other[i]);
	}
	/* Turns that took in a result may have begun another by now. */
	assert_true(o->auth->guesses_n <= 1 + AUTH_ACCOUNT_GUESSES);
	for (unsigned i = 0; i < N; i++) {
		wait_for(o, &same[i].calls, 1);
		assert_ok(same[i].err);
	}
	for (unsigned i = 0; i < N; i++) {
		wait_for(o, &other[i].calls, 1);
		assert_int_equal(other[i].err, YB_DENIED);
		assert_true(o->auth->guesses_n <= AUTH_ACCOUNT_GUESSES);
	}
	assert_int_equal(o->auth->guess_number, before + 1 + N);
}

/* So that nothing is hashed away meanwhile. */
static void stop_hashing(struct office *o)
{
	o->auth->guesses_max = 0;
}

static void test_overload(void **state)
{
	static struct outcome got[AUTH_WAITING_MAX + 2];
	struct office *o = *state;
	struct outcome one_too_many;
	unsigned i;

	add_account(o, "a@example.org", "right");
	add_account(o, "b@example.org", "remembered");
	assert_ok(login(o, "b", "remembered"));
	stop_hashing(o);
	/* One address: its own bound. */
	for (i = 0; i < PEER_WAITING_MAX; i++) {
		login_from(o, 1, "a", "right", &got[i]);
		assert_int_equal(got[i].calls, 0);
	}
	login_from(o, 1, "a", "right", &one_too_many);
	assert_int_equal(one_too_many.err, YB_OVERLOAD);
	/* Many addresses: the common one. */
	for (; i < AUTH_WAITING_MAX; i++) {
		login_from(o, 1000 + i, "a", "right", &got[i]);
		assert_int_equal(got[i].calls, 0);
	}
	login_from(o, 5000, "a", "right", &one_too_many);
	assert_int_equal(one_too_many.calls, 1);
	assert_int_equal(one_too_many.err, YB_OVERLOAD);
	/* Remembered passwords get in all the same. */
	assert_ok(login(o, "b", "remembered"));
	/* Nobody waits for ever. */
	assert_true(auth_deadline(o->auth) <= o->now + AUTH_WAIT_MS);
	pass(o, AUTH_WAIT_MS);
	for (i = 0; i < AUTH_WAITING_MAX; i++) {
		assert_int_equal(got[i].calls, 1);
		assert_int_equal(got[i].err, YB_TIMEOUT);
	}
	assert_int_equal(o->auth->waiting_n, 0);
	o->auth->guesses_max = 1;
	assert_ok(login(o, "a", "right"));
}

/* A queue full of guesses makes room for who did not fail (threat 9). */
static void test_guessers_make_room(void **state)
{
	static struct outcome got[AUTH_WAITING_MAX];
	struct office *o = *state;
	struct outcome clean;
	unsigned out = 0;
	char name[24];

	add_account(o, "a@example.org", "right");
	for (unsigned i = 0; i < AUTH_WAITING_MAX; i++) {
		snprintf(name, sizeof name, "nobody%u", i);
		login_from(o, i, name, name, &got[i]);
	}
	stop_hashing(o);
	for (unsigned i = 0; i < AUTH_WAITING_MAX; i++) {
		snprintf(name, sizeof name, "nobody%u", i);
		login_from(o, i, name, "wrong again", &got[i]);
	}
	assert_int_equal(o->auth->waiting_n, AUTH_WAITING_MAX);
	login_from(o, 9999, "a", "right", &clean);
	assert_int_equal(clean.calls, 0); /* taken in, ... */
	for (unsigned i = 0; i < AUTH_WAITING_MAX; i++)
		out += got[i].calls == 1 && got[i].err == YB_OVERLOAD;
	assert_int_equal(out, 1); /* ... at the cost of one guess */
	/* And it goes first. */
	o->auth->guesses_max = 1;
	auth_run(o->auth, o->now);
	assert_int_equal(clean.calls, 1);
	assert_ok(clean.err);
}

static void set_password(struct office *o, const char *password)
{
	const char *reason = NULL;

	assert_ok(auth_account_password(o->auth, SPAN_LIT("a@example.org"),
					span_str(password), true, &reason));
}

/* A login whose hash is still out; tried again if it was too quick. */
static void login_half(struct office *o, const char *password,
		       struct outcome *ret)
{
	static unsigned peer = 80000; /* each from an address of its own */

	for (int i = 0; i < 1000; i++) {
		set_password(o, "old password");
		login_from(o, peer++, "a", password, ret);
		if (ret->calls == 0)
			return;
	}
	fail_msg("no hash was slow enough to be overtaken");
}

/* A change while the old password is being hashed. */
static void test_change_during_hash(void **state)
{
	struct office *o = *state;
	struct outcome got;
	uint8_t id[16];

	office_shut(o);
	office_open(o, 1);
	o->auth->iterations = 20000;
	add_account(o, "a@example.org", "old password");
	login_half(o, "old password", &got);
	set_password(o, "new password");
	wait_for(o, &got.calls, 1);
	assert_int_equal(got.err, YB_DENIED);

	login_half(o, "new password", &got);
	set_password(o, "new password");
	wait_for(o, &got.calls, 1);
	assert_ok(got.err);

	login_half(o, "old password", &got);
	assert_ok(auth_account_remove(o->auth, SPAN_LIT("a@example.org"), id, &why));
	wait_for(o, &got.calls, 1);
	assert_int_equal(got.err, YB_DENIED);
}

static void test_close_under_way(void **state)
{
	struct office *o = *state;
	struct outcome got[20];

	office_shut(o);
	office_open(o, 2);
	add_account(o, "a@example.org", "right");
	for (unsigned i = 0; i < 20; i++) {
		char password[32];

		snprintf(password, sizeof password, "guess %u", i);
		login_from(o, i % 3, "a", password, &got[i]);
	}
	office_shut(o);
	office_open(o, 0);
	assert_ok(login(o, "a", "right"));
}

/* A callback may log in again; depth does not grow with the number. */
struct chain {
	struct office *office;
	unsigned left;
};

static void log_in_again(void *ctx, enum yb_err err,
			 const struct auth_identity *identity,
			 struct span challenge)
{
	struct chain *c = ctx;
	struct auth_peer peer = peer_number(70000 + c->left);
	char name[24];

	(void)identity, (void)challenge;
	assert_int_equal(err, YB_DENIED);
	if (c->left == 0)
		return;
	c->left--;
	snprintf(name, sizeof name, "a%u", c->left);
	auth_login(c->office->auth, &peer, span_str(name), span_str(name),
		   c->office->now, log_in_again, c);
}

static void test_login_from_callback(void **state)
{
	struct office *o = *state;
	struct chain c = { .office = o, .left = 60 };
	struct auth_peer peer = peer_number(69999);

	auth_login(o->auth, &peer, SPAN_LIT("a"), SPAN_LIT("wrong"), o->now,
		   log_in_again, &c);
	assert_int_equal(c.left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OFFICE(test_right_and_wrong),
		IN_OFFICE(test_saslprep),
		IN_OFFICE(test_hostile_names),
		IN_OFFICE(test_long_input),
		IN_OFFICE(test_equal_cost),
		IN_OFFICE(test_fake_accounts),
		IN_OFFICE(test_fake_never_opens),
		IN_OFFICE(test_success_is_remembered),
		IN_OFFICE(test_cross_matrix),
		IN_OFFICE(test_wrong_is_not_remembered),
		IN_OFFICE(test_each_device_is_named),
		IN_OFFICE(test_growing_delay),
		IN_OFFICE(test_failing_address_waits_its_turn),
		IN_OFFICE(test_parallel_is_not_faster),
		IN_OFFICE(test_threads),
		IN_OFFICE(test_caps),
		IN_OFFICE(test_overload),
		IN_OFFICE(test_guessers_make_room),
		IN_OFFICE(test_change_during_hash),
		IN_OFFICE(test_close_under_way),
		IN_OFFICE(test_login_from_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
