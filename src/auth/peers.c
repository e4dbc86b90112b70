#include "auth/peers.h"

#include <assert.h>
#include <stdlib.h>

void peers_init(struct peers *p, uint64_t seed)
{
	map_init(&p->map, seed);
	list_init(&p->lru);
}

static void drop(struct peers *p, struct peer *peer)
{
	(void)map_remove(&p->map, span_of(peer->key, sizeof peer->key));
	list_remove(&peer->link);
	free(peer);
}

void peers_done(struct peers *p)
{
	while (!list_empty(&p->lru))
		drop(p, list_entry(p->lru.next, struct peer, link));
	map_done(&p->map);
}

/* IPv4 whole; of IPv6 the half that a customer is given at least. */
static void key_of(const uint8_t address[16], uint8_t key[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(key, address, 16);
	if (memcmp(address, mapped, sizeof mapped) != 0)
		memset(key + 8, 0, 8);
}

static void make_room(struct peers *p)
{
	if (p->map.count < PEERS_MAX)
		return;
	list_for_each_safe(at, &p->lru) {
		struct peer *peer = list_entry(at, struct peer, link);

		if (peer->refs == 0) {
			drop(p, peer);
			return;
		}
	}
}

struct peer *peers_hold(struct peers *p, const uint8_t address[16],
			uint64_t now_ms)
{
	uint8_t key[16];
	struct peer *peer;

	key_of(address, key);
	peer = map_get(&p->map, span_of(key, sizeof key));
	if (peer == NULL) {
		make_room(p);
		peer = calloc(1, sizeof *peer);
		if (peer == NULL)
			return NULL;
		memcpy(peer->key, key, sizeof key);
		peer->since_ms = now_ms;
		list_init(&peer->link);
		if (map_put(&p->map, span_of(key, sizeof key), peer) != YB_OK) {
			free(peer);
			return NULL;
		}
	}
	list_remove(&peer->link);
	list_push(&p->lru, &peer->link);
	peer->refs++;
	return peer;
}

void peers_release(struct peers *p, struct peer *peer, uint64_t now_ms)
{
	assert(peer->refs > 0);
	peer->refs--;
	if (peer->refs == 0 && peer_failures(peer, now_ms) == 0)
		drop(p, peer);
}

unsigned peer_failures(struct peer *peer, uint64_t now_ms)
{
	uint64_t forgiven =
		now_ms > peer->since_ms
			? (now_ms - peer->since_ms) / PEER_FORGIVE_MS
			: 0;

	if (forgiven >= peer->failures) {
		peer->failures = 0;
		peer->since_ms = now_ms;
	} else {
		peer->failures -= (unsigned)forgiven;
		peer->since_ms += forgiven * PEER_FORGIVE_MS;
	}
	return peer->failures;
}

bool peer_may_wait(struct peer *peer, uint64_t now_ms)
{
	return peer->waiting < (peer_failures(peer, now_ms) > 0
					? PEER_WAITING_FAILED
					: PEER_WAITING_MAX);
}

bool peer_may_begin(struct peer *peer, uint64_t now_ms)
{
	unsigned most = peer_failures(peer, now_ms) > 0 ? 1 : PEER_PARALLEL;

	return peer->open < most;
}

/* The first one is answered at once: everybody mistypes. Then 1, 2, 4 s. */
static uint64_t delay_of(unsigned failures)
{
	uint64_t delay = 1000;

	if (failures < 2)
		return 0;
	for (unsigned i = 2; i < failures && delay < PEER_DELAY_MAX_MS; i++)
		delay *= 2;
	return delay < PEER_DELAY_MAX_MS ? delay : PEER_DELAY_MAX_MS;
}

uint64_t peer_failed(struct peer *peer, uint64_t guess, uint64_t now_ms)
{
	unsigned failures = peer_failures(peer, now_ms);

	if (peer->due_ms < now_ms)
		peer->due_ms = now_ms;
	if (peer->last_guess != guess) {
		peer->last_guess = guess;
		if (failures == 0)
			peer->since_ms = now_ms;
		if (failures < PEER_FAILURES_MAX)
			peer->failures++;
		peer->due_ms += delay_of(peer->failures);
	}
	return peer->due_ms;
}

bool peers_forgive(struct peers *p, const uint8_t address[16])
{
	uint8_t key[16];
	struct peer *peer;
	bool had;

	key_of(address, key);
	peer = map_get(&p->map, span_of(key, sizeof key));
	if (peer == NULL)
		return false;
	had = peer->failures > 0;
	peer->failures = 0;
	peer->due_ms = 0;
	if (peer->refs == 0)
		drop(p, peer);
	return had;
}
