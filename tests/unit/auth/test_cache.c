/*
 * What is kept in memory about accounts, for how long, and under what key.
 */
#include "unit/auth/auth_test.h"

static struct cached *find(struct office *o, const char *address)
{
	struct cached *at = NULL;

	assert_ok(cache_find(&o->auth->cache, span_str(address), o->now, &at));
	assert_string_equal(at->account->address, address);
	return at;
}

static void digest_of(struct office *o, const struct cached *at,
		      const char *password, uint8_t digest[HMAC_LEN])
{
	assert_ok(cache_digest(&o->auth->cache, at, span_str(password),
			       digest));
}

/* Threat 11: account, generation and password, each of them whole. */
static void test_digest_covers_all(void **state)
{
	struct office *o = *state;
	uint8_t want[HMAC_LEN], got[HMAC_LEN];
	struct cached *at;

	add_account(o, "a@example.org", "pw");
	add_account(o, "b@example.org", "pw");
	at = find(o, "a@example.org");
	digest_of(o, at, "password", want);
	digest_of(o, at, "password", got);
	assert_memory_equal(want, got, HMAC_LEN);
	digest_of(o, at, "passwore", got);
	assert_memory_not_equal(want, got, HMAC_LEN);
	digest_of(o, at, "passwor", got);
	assert_memory_not_equal(want, got, HMAC_LEN);
	at->account->generation++;
	digest_of(o, at, "password", got);
	assert_memory_not_equal(want, got, HMAC_LEN);
	digest_of(o, find(o, "b@example.org"), "password", got);
	assert_memory_not_equal(want, got, HMAC_LEN);

	/* Keyed anew at every start. */
	office_shut(o);
	office_open(o, 0);
	digest_of(o, find(o, "a@example.org"), "password", got);
	assert_memory_not_equal(want, got, HMAC_LEN);
}

static void test_recall(void **state)
{
	struct office *o = *state;
	uint8_t digest[HMAC_LEN], other[HMAC_LEN];
	const uint8_t zeros[HMAC_LEN] = { 0 };
	struct cached *at;

	add_account(o, "a@example.org", "pw");
	at = find(o, "a@example.org");
	digest_of(o, at, "pw", digest);
	digest_of(o, at, "pv", other);
	assert_int_equal(cache_recall(at, digest, o->now), -1);
	assert_int_equal(cache_recall(at, zeros, 0), -1);
	cache_remember(at, 0, digest, o->now);
	assert_int_equal(cache_recall(at, digest, o->now), 0);
	assert_int_equal(cache_recall(at, other, o->now), -1);
	assert_int_equal(cache_recall(at, digest,
				      o->now + CACHE_SUCCESS_MS - 1), 0);
	assert_int_equal(cache_recall(at, digest, o->now + CACHE_SUCCESS_MS),
			 -1);
	cache_forget(&o->auth->cache, SPAN_LIT("a@example.org"));
	assert_int_equal(cache_recall(find(o, "a@example.org"), digest,
				      o->now), -1);
}

/* After the first time no statement runs: with SQLite told to fail, accounts
 * that are known still log in and get mail, and others are a TEMP error. */
static int refuse(void *ctx, int action, const char *a, const char *b,
		  const char *c, const char *d)
{
	(void)ctx, (void)action, (void)a, (void)b, (void)c, (void)d;
	return SQLITE_DENY;
}

static void test_no_database_after_the_first(void **state)
{
	struct office *o = *state;
	struct auth_places box;
	struct cached *at = NULL;

	add_account(o, "a@example.org", "pw");
	add_account(o, "b@example.org", "pw");
	assert_ok(login(o, "a", "pw"));
	assert_int_equal(sqlite3_set_authorizer(o->directory->db, refuse,
						NULL), SQLITE_OK);
	assert_ok(login(o, "a", "pw"));
	assert_ok(auth_recipient(o->auth, SPAN_LIT("a@example.org"), &box));
	assert_int_equal(cache_find(&o->auth->cache,
				    SPAN_LIT("b@example.org"), o->now, &at),
			 YB_ACCESS);
	assert_int_equal(login(o, "b", "pw"), YB_ACCESS);
	assert_int_equal(sqlite3_set_authorizer(o->directory->db, NULL, NULL),
			 SQLITE_OK);
	assert_ok(login(o, "b", "pw"));
}

static void test_unknown_is_asked_again(void **state)
{
	struct office *o = *state;
	struct directory_verifier v = { .kind = DIRECTORY_SCRAM_SHA_256, .name = "main",
					.iterations = 4096 };
	uint8_t id[DIRECTORY_ID_LEN];

	assert_false(find(o, "a@example.org")->real);
	assert_ok(directory_account_add(o->directory,
					SPAN_LIT("a@example.org"), &v, 1, id));
	assert_false(find(o, "a@example.org")->real);
	o->now += CACHE_UNKNOWN_MS - 1;
	assert_false(find(o, "a@example.org")->real);
	o->now += 1;
	assert_true(find(o, "a@example.org")->real);
}

/* The longest unused goes first; names that do not exist push out no real. */
static void test_least_used_goes(void **state)
{
	struct office *o = *state;
	struct cache *c = &o->auth->cache;
	char address[32];

	add_account(o, "real@example.org", "pw");
	assert_true(find(o, "real@example.org")->real);
	for (unsigned i = 0; i < CACHE_UNKNOWN_MAX; i++) {
		snprintf(address, sizeof address, "n%u@example.org", i);
		assert_false(find(o, address)->real);
	}
	assert_false(find(o, "n0@example.org")->real); /* used again */
	assert_false(find(o, "one-more@example.org")->real);
	assert_int_equal(c->unknown_n, CACHE_UNKNOWN_MAX);
	assert_non_null(map_get(&c->map, SPAN_LIT("n0@example.org")));
	assert_null(map_get(&c->map, SPAN_LIT("n1@example.org")));
	assert_non_null(map_get(&c->map, SPAN_LIT("real@example.org")));
	assert_int_equal(c->accounts_n, 1);
	assert_int_equal(c->map.count, 1 + CACHE_UNKNOWN_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OFFICE(test_digest_covers_all),
		IN_OFFICE(test_recall),
		IN_OFFICE(test_no_database_after_the_first),
		IN_OFFICE(test_unknown_is_asked_again),
		IN_OFFICE(test_least_used_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
