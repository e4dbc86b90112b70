/*
 * Who guesses: failures counted by network address (IPv4 /32, IPv6 /64), and
 * how long the answer to the next one is held back. An address that failed
 * has one attempt at a time, its delay included, so that parallel guesses are
 * no faster than serial ones. Only addresses with a failure not yet forgiven
 * or an attempt under way are kept.
 */
#ifndef AUTH_PEERS_H
#define AUTH_PEERS_H

#include "base/list.h"
#include "base/map.h"

enum {
	/* Some 2 MiB; beyond it the address unseen longest is forgotten. */
	PEERS_MAX = 16384,
	/* Failures that count: a few minutes of silence clear them all. */
	PEER_FAILURES_MAX = 8,
	/* One failure is forgiven in this time. */
	PEER_FORGIVE_MS = 60 * 1000,
	/* Longer, and mail programs give up and say something misleading. */
	PEER_DELAY_MAX_MS = 15 * 1000,
	/* Attempts at once from an address that did not fail lately: a mail
	 * program opens a few connections, an office shares an address. */
	PEER_PARALLEL = 8,
	/* Attempts that wait their turn: after a restart nothing is remembered,
	 * and all who poll from behind one address come within seconds. */
	PEER_WAITING_MAX = 512,
	/* The same after a failure: more are an attack, or a mistake. */
	PEER_WAITING_FAILED = 16,
};

struct peer {
	struct list link; /* in peers.lru, longest unseen first */
	uint8_t key[16];
	unsigned refs;    /* attempts that name it */
	unsigned open;    /* of these: hashed, or held back */
	unsigned waiting; /* of these: not begun */
	unsigned asked;   /* of these: somebody else is asked about them */
	unsigned failures;
	uint64_t since_ms;   /* from when forgiving counts */
	uint64_t last_guess; /* number of the hash that failed last */
	uint64_t due_ms;     /* when the answer to it may be given */
};

struct peers {
	struct map map;
	struct list lru;
};

void peers_init(struct peers *p, uint64_t seed);
void peers_done(struct peers *p);

/* The entry of an address, held until the release. NULL if out of memory. */
struct peer *peers_hold(struct peers *p, const uint8_t address[16],
			uint64_t now_ms);
void peers_release(struct peers *p, struct peer *peer, uint64_t now_ms);

/* Failures that are not forgiven yet. */
unsigned peer_failures(struct peer *peer, uint64_t now_ms);

/* Whether another attempt of it may wait for its turn. */
bool peer_may_wait(struct peer *peer, uint64_t now_ms);

/* Whether another attempt of it may begin now. */
bool peer_may_begin(struct peer *peer, uint64_t now_ms);

/*
 * Counts a failure, unless guess number `guess` was counted for it already:
 * the same wrong password over several connections is one guess. When the
 * answer may be given, `now_ms` at the earliest: each delay begins where the
 * one before it ends, so that a burst is told no sooner than a series.
 */
uint64_t peer_failed(struct peer *peer, uint64_t guess, uint64_t now_ms);

/* Forgets what an address did; whether there was anything. */
bool peers_forgive(struct peers *p, const uint8_t address[16]);

#endif
