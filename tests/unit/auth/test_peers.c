#include "auth/peers.h"

#include "unit/unit.h"

static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
static const uint8_t v4_next[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 2 };
static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, [15] = 1 };
static const uint8_t v6_near[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 9, 9 };
static const uint8_t v6_far[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, [15] = 1 };

static void test_networks(void **state)
{
	struct peers p;
	struct peer *a, *b, *c, *d, *e;

	(void)state;
	peers_init(&p, 7);
	a = peers_hold(&p, v4, 0);
	b = peers_hold(&p, v4_next, 0);
	c = peers_hold(&p, v6, 0);
	d = peers_hold(&p, v6_near, 0);
	e = peers_hold(&p, v6_far, 0);
	assert_ptr_not_equal(a, b); /* /32 */
	assert_ptr_equal(c, d);     /* /64 */
	assert_ptr_not_equal(c, e);
	assert_ptr_equal(peers_hold(&p, v4, 0), a);
	assert_int_equal(a->refs, 2);
	peers_release(&p, a, 0);
	peers_release(&p, a, 0);
	assert_int_equal(p.map.count, 3); /* without failures: not kept */
	peers_done(&p);
}

/* One after the other: 0, 1, 2, 4, 8, 15, 15 s. */
static void test_delays(void **state)
{
	static const uint64_t want[] = { 0, 1000, 2000, 4000, 8000, 15000,
					 15000, 15000, 15000, 15000 };
	struct peers p;
	struct peer *peer;
	uint64_t now = 5000;

	(void)state;
	peers_init(&p, 7);
	peer = peers_hold(&p, v4, now);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		uint64_t due = peer_failed(peer, i + 1, now);

		assert_int_equal(due, now + want[i]);
		now = due;
	}
	peers_release(&p, peer, now);
	peers_done(&p);
}

/* A burst is told no sooner than a series. */
static void test_burst(void **state)
{
	static const uint64_t want[] = { 0, 1000, 3000, 7000, 15000, 30000 };
	struct peers p;
	struct peer *peer;

	(void)state;
	peers_init(&p, 7);
	peer = peers_hold(&p, v4, 0);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		assert_int_equal(peer_failed(peer, i + 1, 100),
				 100 + want[i]);
		/* The same guess once more changes nothing. */
		assert_int_equal(peer_failed(peer, i + 1, 100),
				 100 + want[i]);
		assert_int_equal(peer_failures(peer, 100), i + 1);
	}
	peers_release(&p, peer, 100);
	peers_done(&p);
}

static void test_forgiving(void **state)
{
	struct peers p;
	struct peer *peer;
	uint64_t now = 77;

	(void)state;
	peers_init(&p, 7);
	peer = peers_hold(&p, v4, now);
	for (uint64_t i = 0; i < 100; i++)
		(void)peer_failed(peer, i + 1, now);
	assert_int_equal(peer_failures(peer, now), PEER_FAILURES_MAX);
	assert_int_equal(peer_failures(peer, now + PEER_FORGIVE_MS - 1),
			 PEER_FAILURES_MAX);
	assert_int_equal(peer_failures(peer, now + PEER_FORGIVE_MS),
			 PEER_FAILURES_MAX - 1);
	assert_int_equal(peer_failures(peer, now + 3 * PEER_FORGIVE_MS + 1),
			 PEER_FAILURES_MAX - 3);
	/* Kept while there is something to remember, gone after that. */
	peers_release(&p, peer, now + 3 * PEER_FORGIVE_MS + 1);
	assert_int_equal(p.map.count, 1);
	now += 8 * PEER_FORGIVE_MS;
	peer = peers_hold(&p, v4, now);
	assert_int_equal(peer_failures(peer, now), 0);
	peers_release(&p, peer, now);
	assert_int_equal(p.map.count, 0);
	peers_done(&p);
}

static void test_may_begin(void **state)
{
	struct peers p;
	struct peer *peer;

	(void)state;
	peers_init(&p, 7);
	peer = peers_hold(&p, v4, 0);
	assert_true(peer_may_begin(peer, 0));
	peer->open = PEER_PARALLEL - 1;
	assert_true(peer_may_begin(peer, 0));
	peer->open = PEER_PARALLEL;
	assert_false(peer_may_begin(peer, 0));
	(void)peer_failed(peer, 1, 0);
	peer->open = 1;
	assert_false(peer_may_begin(peer, 0));
	peer->open = 0;
	assert_true(peer_may_begin(peer, 0));
	peer->open = 1;
	assert_true(peer_may_begin(peer, PEER_FORGIVE_MS));
	peer->open = 0;
	peers_release(&p, peer, 0);
	peers_done(&p);
}

/* However many addresses come, memory has its bound; those in use stay. */
static void test_bounded(void **state)
{
	struct peers p;
	struct peer *held;
	uint8_t address[16] = { 0x20, 1 };

	(void)state;
	peers_init(&p, 7);
	held = peers_hold(&p, v4, 0);
	for (uint32_t i = 0; i < PEERS_MAX + 5000; i++) {
		struct peer *peer;

		memcpy(address + 4, &i, 4);
		peer = peers_hold(&p, address, 0);
		assert_non_null(peer);
		(void)peer_failed(peer, i + 1, 0);
		peers_release(&p, peer, 0);
	}
	assert_int_equal(p.map.count, PEERS_MAX);
	assert_ptr_equal(peers_hold(&p, v4, 0), held);
	peers_done(&p);
}

/* Many may wait behind one address, until one of them guessed wrong. */
static void test_waiting_is_bounded(void **state)
{
	struct peers p;
	struct peer *peer;
	const uint8_t address[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };

	(void)state;
	peers_init(&p, 1);
	peer = peers_hold(&p, address, 1000);
	assert_non_null(peer);
	peer->waiting = PEER_WAITING_MAX - 1;
	assert_true(peer_may_wait(peer, 1000));
	peer->waiting = PEER_WAITING_MAX;
	assert_false(peer_may_wait(peer, 1000));
	peer->waiting = PEER_WAITING_FAILED;
	assert_true(peer_may_wait(peer, 1000));
	(void)peer_failed(peer, 1, 1000);
	assert_false(peer_may_wait(peer, 1000));
	peer->waiting = 0;
	assert_true(peer_may_wait(peer, 1000));
	peers_release(&p, peer, 1000);
	peers_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting_is_bounded),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_forgiving),
		cmocka_unit_test(test_may_begin),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
