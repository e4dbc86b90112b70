/* Secrets for old programs: each opens one door, until its day. */
#include "unit/auth/auth_test.h"

#include "base/codec.h"
#include "crypto/legacy.h"
#include "sasl/scram.h"

static const char stamp[] = "<1896.697170952@dbc.mtview.ca.us>";

static enum yb_err allow(struct office *o, const char *user,
			 enum auth_legacy which, const char *secret,
			 int64_t expires_s)
{
	struct auth_device device = { .name = "",
				      .kind = AUTH_DEVICE_LEGACY,
				      .networks = "",
				      .protocols = AUTH_POP3,
				      .expires_s = expires_s,
				      .legacy = which };
	char name[AUTH_DEVICE_NAME_MAX + 1];

	return auth_device_add(o->auth, span_str(user), &device,
			       span_str(secret), name, &why);
}

static int64_t tomorrow(void)
{
	return clock_real_ns() / 1000000000 + 86400;
}

static void put_digest(const uint8_t sum[MD5_LEN], char *to)
{
	hex_put((uint8_t *)to, span_of(sum, MD5_LEN));
	to[2 * MD5_LEN] = 0;
}

static unsigned fresh = 5000;

/* What an address that nobody used gets; refusals may come late. */
static enum yb_err await(struct office *o, struct auth_sasl *x,
			 struct outcome *got)
{
	for (int i = 0; got->calls == 0 && i < 60; i++)
		pass(o, 1000);
	assert_int_equal(got->calls, 1);
	auth_sasl_free(&x);
	return got->err;
}

static enum yb_err apop(struct office *o, const char *user, const char *secret,
			struct outcome *got)
{
	struct auth_peer p = peer_number(fresh++);
	uint8_t sum[MD5_LEN];
	char text[512];
	size_t n = sizeof stamp;

	memcpy(text, stamp, n);
	n += (size_t)snprintf(text + n, sizeof text - n, "%s", user) + 1;
	assert_ok(legacy_md5(span_str(stamp), span_str(secret), sum));
	put_digest(sum, text + n);
	*got = (struct outcome){ .calls = 0 };
	return await(o,
		     auth_sasl_start(o->auth, &p, &(struct sasl_channel){ 0 },
				     SPAN_LIT("APOP"),
				     span_of(text, n + 2 * MD5_LEN), true,
				     o->now, note, got),
		     got);
}

static enum yb_err cram(struct office *o, const char *user, const char *secret,
			struct outcome *got)
{
	struct auth_peer p = peer_number(fresh++);
	uint8_t sum[MD5_LEN];
	char text[512];
	struct auth_sasl *x;
	int n = snprintf(text, sizeof text, "%s ", user);

	*got = (struct outcome){ .calls = 0 };
	x = auth_sasl_start(o->auth, &p, &(struct sasl_channel){ 0 },
			    SPAN_LIT("CRAM-MD5"), SPAN_NONE, false, o->now,
			    note, got);
	assert_int_equal(got->err, YB_AGAIN);
	assert_ok(legacy_hmac_md5(span_str(secret), span_str(got->challenge),
				  sum));
	put_digest(sum, text + n);
	*got = (struct outcome){ .calls = 0 };
	auth_sasl_step(x, span_str(text), o->now);
	return await(o, x, got);
}

/* USER and PASS on a listener that lets old programs in without TLS. */
static enum yb_err in_clear(struct office *o, const char *user,
			    const char *password, struct outcome *got)
{
	struct auth_peer p = peer_number(fresh++);

	p.tls = false;
	p.legacy = true;
	*got = (struct outcome){ .calls = 0 };
	auth_login(o->auth, &p, span_str(user), span_str(password), o->now,
		   note, got);
	return await(o, NULL, got);
}

static const char secrets[][AUTH_GENERATED_LEN + 1] = {
	[AUTH_LEGACY_APOP] = "aaaa-aaaa-aaaa-aaaa-aaaa",
	[AUTH_LEGACY_CRAM_MD5] = "bbbb-bbbb-bbbb-bbbb-bbbb",
	[AUTH_LEGACY_SCRAM_SHA_1] = "cccc-cccc-cccc-cccc-cccc",
	[AUTH_LEGACY_WITHOUT_TLS] = "dddd-dddd-dddd-dddd-dddd",
};

static void allow_all(struct office *o, const char *user)
{
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		assert_ok(allow(o, user, (enum auth_legacy)i, secrets[i],
				tomorrow()));
}

/* No secret opens another door than its own, the main password none. */
static void test_one_door_each(void **state)
{
	struct office *o = *state;
	struct outcome got;

	add_account(o, "alice@example.org", "secret");
	allow_all(o, "alice@example.org");
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		const char *s = secrets[i];

		assert_int_equal(apop(o, "alice", s, &got),
				 i == AUTH_LEGACY_APOP ? YB_OK : YB_DENIED);
		assert_int_equal(cram(o, "alice", s, &got),
				 i == AUTH_LEGACY_CRAM_MD5 ? YB_OK : YB_DENIED);
		assert_int_equal(in_clear(o, "alice", s, &got),
				 i == AUTH_LEGACY_WITHOUT_TLS ? YB_OK
							      : YB_DENIED);
		assert_int_equal(login_late(o, "alice", s), YB_DENIED);
	}
	assert_int_equal(apop(o, "alice", "secret", &got), YB_DENIED);
	assert_int_equal(cram(o, "alice", "secret", &got), YB_DENIED);
	assert_int_equal(in_clear(o, "alice", "secret", &got), YB_DENIED);
	assert_ok(login(o, "alice", "secret"));
	/* Not even now that it is remembered. */
	assert_int_equal(in_clear(o, "alice", "secret", &got), YB_DENIED);
	assert_int_equal(in_clear(o, "alice", "", &got), YB_DENIED);
}

/* What it names; an old program has no more rights than it was given. */
static void test_identity(void **state)
{
	struct office *o = *state;
	struct outcome got;

	add_account(o, "alice@example.org", "secret");
	add_account(o, "bob@example.org", "secret");
	allow_all(o, "alice@example.org");
	assert_ok(
		apop(o, "ALICE@example.org", secrets[AUTH_LEGACY_APOP], &got));
	assert_string_equal(got.address, "alice@example.org");
	assert_int_not_equal(got.identity.device, DIRECTORY_MAIN);
	assert_int_equal(apop(o, "bob", secrets[AUTH_LEGACY_APOP], &got),
			 YB_DENIED);
	assert_int_equal(apop(o, "nobody", secrets[AUTH_LEGACY_APOP], &got),
			 YB_DENIED);
}

/* One SCRAM-SHA-1 exchange, to a proof that is wrong. */
static enum yb_err scram_sha_1(struct office *o, const char *user,
			       const char *secret, struct outcome *got)
{
	struct auth_peer p = peer_number(fresh++);
	char first[300], without[600], final[800];
	uint8_t salt[32], text[64];
	struct scram_sha_1_verifier keys;
	struct auth_sasl *x;
	struct span rest, salt_text;
	size_t salt_n = 0;
	unsigned n;

	*got = (struct outcome){ .calls = 0 };
	(void)snprintf(first, sizeof first, "n,,n=%s,r=abc", user);
	x = auth_sasl_start(o->auth, &p, &(struct sasl_channel){ 0 },
			    SPAN_LIT("SCRAM-SHA-1"), span_str(first), true,
			    o->now, note, got);
	assert_int_equal(got->err, YB_AGAIN);
	rest = span_str(got->challenge);
	(void)snprintf(without, sizeof without, "c=biws,%.*s",
		       (int)span_find(rest, ','), got->challenge);
	(void)span_cut(&rest, ',');
	salt_text = span_skip(span_cut(&rest, ','), 2);
	assert_true(base64_parse(salt_text, salt, &salt_n));
	assert_true(span_eq(rest, SPAN_LIT("i=4096")));
	assert_ok(scram_sha_1_verifier_of(span_str(secret),
					  span_of(salt, salt_n), 4096, &keys));
	/* Not the proof, but what looks like one. */
	n = (unsigned)base64_put(text, span_of(keys.server_key, 20));
	(void)snprintf(final, sizeof final, "%s,p=%.*s", without, (int)n,
		       (const char *)text);
	*got = (struct outcome){ .calls = 0 };
	auth_sasl_step(x, span_str(final), o->now);
	return await(o, x, got);
}

/* Salts: the same for ever, for those who are there and those who are not. */
static void test_scram_salts(void **state)
{
	struct office *o = *state;
	char before[2][512], after[512];
	struct outcome got;
	static const char *const names[] = { "n,,n=alice,r=abc",
					     "n,,n=nobody,r=abc" };

	add_account(o, "alice@example.org", "secret");
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2; i++) {
			struct auth_peer p = peer_number(fresh++);
			struct auth_sasl *x;
			const char *salt;

			got = (struct outcome){ .calls = 0 };
			x = auth_sasl_start(
				o->auth, &p, &(struct sasl_channel){ 0 },
				SPAN_LIT("SCRAM-SHA-1"), span_str(names[i]),
				true, o->now, note, &got);
			assert_int_equal(got.err, YB_AGAIN);
			salt = strchr(got.challenge, ',');
			assert_non_null(salt);
			assert_non_null(strstr(salt, ",i=4096"));
			strcpy(round == 0 ? before[i] : after, salt);
			if (round == 1)
				assert_string_equal(before[i], after);
			auth_sasl_free(&x);
		}
		allow_all(o, "alice@example.org");
	}
	assert_string_not_equal(before[0], before[1]);
	/* A proof that is none, of somebody and of nobody. */
	assert_int_equal(scram_sha_1(o, "alice", "cccc", &got), YB_DENIED);
	strcpy(after, got.challenge);
	assert_int_equal(scram_sha_1(o, "nobody", "cccc", &got), YB_DENIED);
	assert_string_equal(got.challenge, after);
}

static void test_end(void **state)
{
	struct office *o = *state;
	int64_t now_s = clock_real_ns() / 1000000000;
	struct outcome got;
	struct cached *cached = NULL;

	add_account(o, "alice@example.org", "secret");
	/* It has to have an end, and one to come. */
	assert_int_equal(allow(o, "alice", AUTH_LEGACY_APOP, secrets[0], 0),
			 YB_INVALID);
	assert_int_equal(allow(o, "alice", AUTH_LEGACY_APOP, secrets[0], now_s),
			 YB_INVALID);
	allow_all(o, "alice");
	assert_ok(apop(o, "alice", secrets[AUTH_LEGACY_APOP], &got));
	/* The day has come. */
	assert_ok(cache_find(&o->auth->cache, SPAN_LIT("alice@example.org"),
			     o->now, &cached));
	for (uint32_t i = 0; i < cached->account->credentials_n; i++)
		if (cached->account->credentials[i].device != DIRECTORY_MAIN)
			cached->account->credentials[i].limits.expires_s =
				now_s;
	assert_int_equal(apop(o, "alice", secrets[AUTH_LEGACY_APOP], &got),
			 YB_DENIED);
	assert_int_equal(auth_denied_reason(o->auth), AUTH_NOT_ALLOWED);
	assert_int_equal(
		in_clear(o, "alice", secrets[AUTH_LEGACY_WITHOUT_TLS], &got),
		YB_DENIED);
	assert_ok(login(o, "alice", "secret"));
}

static unsigned ended;

static void note_ended(void *ctx, const uint8_t account[16], uint64_t devices)
{
	(void)ctx, (void)account;
	ended += devices != 0;
}

static void test_revoked(void **state)
{
	struct office *o = *state;
	char address[AUTH_ADDRESS_MAX + 1];
	int64_t at = 0;
	struct outcome got;

	add_account(o, "alice@example.org", "secret");
	add_account(o, "bob@example.org", "secret");
	o->auth->ended = note_ended;
	allow_all(o, "bob");
	assert_ok(auth_device_next(o->auth, AUTH_DEVICE_LEGACY, &at, address));
	assert_string_equal(address, "bob@example.org");
	assert_int_equal(
		auth_device_next(o->auth, AUTH_DEVICE_LEGACY, &at, address),
		YB_NO_ACCOUNT);
	assert_ok(apop(o, "bob", secrets[AUTH_LEGACY_APOP], &got));
	assert_ok(auth_device_revoke(o->auth, SPAN_LIT("bob"),
				     SPAN_LIT("apop-1")));
	assert_int_equal(ended, 1);
	assert_int_equal(apop(o, "bob", secrets[AUTH_LEGACY_APOP], &got),
			 YB_DENIED);
	assert_ok(cram(o, "bob", secrets[AUTH_LEGACY_CRAM_MD5], &got));
}

/* Threat 9: what is guessed here counts like every other guess. */
static void test_throttled(void **state)
{
	struct office *o = *state;
	struct auth_peer p = peer_number(4000);
	struct outcome got = { .calls = 0 };
	unsigned at_once = 0;

	add_account(o, "alice@example.org", "secret");
	p.tls = false;
	p.legacy = true;
	for (int i = 0; i < 20; i++) {
		char guess[32];

		got.calls = 0;
		(void)snprintf(guess, sizeof guess, "guess%d", i);
		auth_login(o->auth, &p, SPAN_LIT("alice"), span_str(guess),
			   o->now, note, &got);
		at_once += got.calls;
		if (got.calls == 0)
			break;
	}
	assert_true(at_once < 20);
	assert_true(auth_deadline(o->auth) > o->now);
	pass(o, 120000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OFFICE(test_one_door_each), IN_OFFICE(test_identity),
		IN_OFFICE(test_scram_salts),   IN_OFFICE(test_end),
		IN_OFFICE(test_revoked),       IN_OFFICE(test_throttled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
