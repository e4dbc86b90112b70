/*
 * Guessing from many addresses, at many accounts, over a restart: slowed down
 * each time, and nobody locked out.
 */
#include "unit/auth/auth_test.h"

/* 10.a.b.c; those with the same a and b are one network. */
static struct auth_peer in_network(unsigned network, unsigned host)
{
	struct auth_peer p = peer_number(network);

	p.address[15] = (uint8_t)host;
	return p;
}

static void guess(struct office *o, const struct auth_peer *from,
		  const char *user, const char *password, struct outcome *ret)
{
	*ret = (struct outcome){ .calls = 0 };
	auth_login(o->auth, from, span_str(user), span_str(password), o->now,
		   note, ret);
}

/* So many guesses, each from an address and a network of its own; how many
 * were hashed within `ms`. */
static uint64_t attack_account(struct office *o, const char *user, unsigned n,
			       uint64_t ms)
{
	static unsigned from = 5000;
	static struct outcome got[2000];
	uint64_t before = o->auth->guess_number;

	for (unsigned i = 0; i < n; i++) {
		char password[24];

		snprintf(password, sizeof password, "guess %u", from);
		login_from(o, from++, user, password, &got[i]);
	}
	for (uint64_t t = 0; t < ms; t += 100)
		pass(o, 100);
	return o->auth->guess_number - before;
}

static void test_account(void **state)
{
	struct office *o = *state;
	struct outcome got;
	uint64_t hashed;

	add_account(o, "a@example.org", "right");
	add_account(o, "b@example.org", "right b");
	/* Someone who is at home at this account. */
	login_from(o, 1, "a", "right", &got);
	assert_ok(got.err);
	cache_forget(&o->auth->cache, SPAN_LIT("a@example.org"));

	hashed = attack_account(o, "a", 300, 10000);
	/* 20 at once; then a tenth of a second apart, and growing. */
	assert_in_range(hashed, 25, 80);
	/* At once from a known address, also with a new password. */
	login_from(o, 1, "a", "right", &got);
	assert_int_equal(got.calls, 1);
	assert_ok(got.err);
	/* Others do not notice. */
	login_from(o, 2, "b", "right b", &got);
	assert_int_equal(got.calls, 1);
	assert_ok(got.err);
	/* From an address nobody knows: late, but it works. */
	pass(o, 61000); /* what waits is given up */
	hashed = attack_account(o, "a", 5, 0);
	login_from(o, 3, "a", "right", &got);
	for (int i = 0; i < 100 && got.calls == 0; i++)
		pass(o, 200);
	assert_int_equal(got.calls, 1);
	assert_ok(got.err);
}

/* An account that does not exist is treated alike (threat 8). */
static void test_unknown_account(void **state)
{
	struct office *o = *state;

	assert_in_range(attack_account(o, "nobody", 300, 10000), 25, 80);
}

/* Of IPv6 a /64 counts as an address, and a /48 as a network (threat 9). */
static void test_ipv6(void **state)
{
	static const uint8_t one[16] = { 0x20, 1, 0xd, 0xb8, 0, 1, 0, 1,
					 0,    0, 0,   0,    0, 0, 0, 1 };
	static const uint8_t neighbour[16] = { 0x20, 1, 0xd, 0xb8, 0, 1, 0, 1,
					       9,    9, 9,   9,    9, 9, 9, 9 };
	static const uint8_t next[16] = { 0x20, 1, 0xd, 0xb8, 0, 1, 0, 2,
					  0,    0, 0,   0,    0, 0, 0, 1 };
	static const uint8_t far[16] = { 0x20, 1, 0xd, 0xb8, 0, 2, 0, 1,
					 0,    0, 0,   0,    0, 0, 0, 1 };
	struct office *o = *state;
	struct throttle *t = &o->auth->throttle;
	uint8_t network[16], other[16];

	for (unsigned i = 0; i < 3; i++) {
		const struct throttle_who who = { .address = one,
						  .account = SPAN_LIT("a@b.c"),
						  .guess = 1000 + i };

		(void)throttle_failed(t, &who, (int64_t)o->now);
	}
	assert_int_equal(throttle_address_failures(t, one, (int64_t)o->now), 3);
	assert_int_equal(
		throttle_address_failures(t, neighbour, (int64_t)o->now), 3);
	assert_int_equal(throttle_address_failures(t, next, (int64_t)o->now),
			 0);
	assert_int_equal(throttle_network(one, network), 48);
	assert_int_equal(throttle_network(next, other), 48);
	assert_memory_equal(network, other, 16);
	(void)throttle_network(far, other);
	assert_memory_not_equal(network, other, 16);
}

static void test_network(void **state)
{
	struct office *o = *state;
	static struct outcome got[200];
	struct auth_peer from;
	unsigned late = 0;

	add_account(o, "z@example.org", "right");
	for (unsigned i = 0; i < 200; i++) {
		char name[24];

		from = in_network(77, i);
		snprintf(name, sizeof name, "u%u", i);
		guess(o, &from, name, name, &got[i]);
	}
	for (unsigned i = 0; i < 200; i++)
		late += got[i].calls == 0;
	assert_in_range(late, 200 - 40, 200 - 30);
	/* Neighbours go on, and so do those within who know their password. */
	from = in_network(78, 1);
	guess(o, &from, "z", "right", &got[0]);
	assert_ok(got[0].err);
	assert_int_equal(got[0].calls, 1);
	from = in_network(77, 250);
	cache_forget(&o->auth->cache, SPAN_LIT("z@example.org"));
	guess(o, &from, "z", "right", &got[1]);
	for (int i = 0; i < 590 && got[1].calls == 0; i++)
		pass(o, 100);
	assert_int_equal(got[1].calls, 1);
	assert_ok(got[1].err);
}

/* One password at many accounts, each time from somewhere else. */
static void test_spraying(void **state)
{
	struct office *o = *state;
	struct outcome got;
	unsigned late = 0;

	for (unsigned i = 0; i < 40; i++) {
		char name[24];

		snprintf(name, sizeof name, "u%u", i);
		login_from(o, 300 + i, name, "Summer2026!", &got);
		late += got.calls == 0;
		pass(o, 20000);
		assert_int_equal(got.calls, 1);
	}
	assert_in_range(late, 30, 36);
	/* The same one at one account only is no spraying. */
	for (unsigned i = 0; i < 10; i++) {
		login_from(o, 400 + i, "v", "old password", &got);
		assert_int_equal(got.calls, 1);
	}
}

static void reopen(struct office *o)
{
	office_shut(o);
	office_open(o, 0);
}

static void test_restart(void **state)
{
	struct office *o = *state;
	struct auth_peer from = peer_number(9);
	struct outcome got;

	add_account(o, "a@example.org", "right");
	login_from(o, 1, "a", "right", &got);
	assert_ok(got.err);
	for (int i = 0; i < 5; i++) {
		guess(o, &from, "b", i % 2 ? "wrong" : "worse", &got);
		pass(o, 16000);
		assert_int_equal(got.calls, 1);
	}
	assert_true(attack_account(o, "a", 40, 2000) >= 20);
	reopen(o);
	/* The address waits as long as before, ... */
	guess(o, &from, "b", "wrong", &got);
	pass(o, 2000);
	assert_int_equal(got.calls, 0);
	pass(o, 14000);
	assert_int_equal(got.calls, 1);
	/* ... the account's guesses go slowly, ... */
	assert_in_range(attack_account(o, "a", 100, 2000), 1, 20);
	/* ... and who was known still is. */
	login_from(o, 1, "a", "right", &got);
	assert_int_equal(got.calls, 1);
	assert_ok(got.err);
}

/* What is forgiven leaves nothing behind, in memory or in the file. */
static void test_forgotten_by_itself(void **state)
{
	struct office *o = *state;
	struct outcome got;
	struct auth_peer from = peer_number(9);

	guess(o, &from, "b", "wrong", &got);
	assert_int_equal(got.calls, 1);
	assert_int_equal(o->auth->throttle.n[THROTTLE_ADDRESS], 1);
	pass(o, 3600 * 1000);
	guess(o, &from, "c", "worse", &got);
	assert_int_equal(got.calls, 1);
	pass(o, 3600 * 1000);
	assert_int_equal(o->auth->throttle.n[THROTTLE_NETWORK] +
				 o->auth->throttle.n[THROTTLE_ACCOUNT],
			 0);
	guess(o, &from, "d", "worst", &got);
	pass(o, 2000);
	assert_int_equal(o->auth->throttle.n[THROTTLE_ACCOUNT], 1);
	reopen(o);
	assert_int_equal(o->auth->throttle.n[THROTTLE_ACCOUNT], 1);
	assert_int_equal(o->auth->throttle.n[THROTTLE_ADDRESS], 1);
}

/* Millions of sources: what is remembered has an end, on disk as well. */
static void test_bounded(void **state)
{
	struct office *o = *state;
	struct throttle *t = &o->auth->throttle;
	uint8_t address[16] = { 0x20, 0x01 };
	int64_t now = 1000000;
	unsigned rows = 0;
	sqlite3_stmt *s = NULL;

	for (unsigned i = 0; i < 60000; i++) {
		char name[24];
		struct throttle_who who = { .address = address,
					    .guess = i + 1 };

		snprintf(name, sizeof name, "u%u@example.org", i);
		who.account = span_str(name);
		who.password = span_str(name);
		memcpy(address + 2, &i, sizeof i);
		(void)throttle_failed(t, &who, now);
		throttle_run(t, now++);
	}
	throttle_run(t, now + 2000);
	for (int kind = 0; kind < THROTTLE_KNOWN; kind++)
		assert_true(t->n[kind] <= 16384);
	assert_true(list_empty(&t->gone));
	assert_int_equal(sqlite3_prepare_v2(o->directory->db,
					    "SELECT count(*) FROM tallies", -1,
					    &s, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	rows = (unsigned)sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	assert_in_range(rows, 16384, 4 * 16384);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OFFICE(test_account),
		IN_OFFICE(test_unknown_account),
		IN_OFFICE(test_network),
		IN_OFFICE(test_ipv6),
		IN_OFFICE(test_spraying),
		IN_OFFICE(test_restart),
		IN_OFFICE(test_forgotten_by_itself),
		IN_OFFICE(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
