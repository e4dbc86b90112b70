/*
 * Accounts in memory, so that a login or a recipient needs no SQLite after
 * the first, and with each of them the passwords that were right lately, so
 * that it needs no hash either.
 *
 * A remembered success is HMAC(key, account id | generation | password) under
 * a key made at start: it covers account and password whole (threat 11), says
 * nothing about the password, and fits no longer once any credential of the
 * account has changed. Nothing is ever remembered about a wrong password.
 *
 * An unknown address gets an account too: a fake one with a salt that stays
 * the same for it for ever, so that all that follows does the same work
 * (threat 8). `real` tells them apart; it is asked last.
 */
#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include "auth/name.h"
#include "base/list.h"
#include "base/map.h"
#include "crypto/hmac.h"
#include "directory/directory.h"

enum {
	/* Some 500 octets each: 60 MiB at the very most, far less as a rule. */
	CACHE_ACCOUNTS_MAX = 128 * 1024,
	/* Attackers choose these: enough for what real senders mistype. */
	CACHE_UNKNOWN_MAX = 4096,
	CACHE_UNKNOWN_MS = 10 * 1000,
	/* A success counts for an hour: pollers then hash once an hour. */
	CACHE_SUCCESS_MS = 60 * 60 * 1000,
};

struct cache_success {
	uint8_t digest[HMAC_LEN];
	uint64_t until_ms; /* 0: none */
};

struct cached {
	struct list link; /* in one of the lists of the cache */
	bool real;
	uint64_t until_ms;                 /* of a fake one */
	uint64_t success_ms;               /* how long a success counts */
	uint64_t settings[SETTINGS_N];     /* what counts for it */
	struct directory_account *account; /* owned */
	struct cache_success success[];    /* one for each credential */
};

struct outside; /* auth/outside.h */

struct cache {
	struct directory *directory;   /* borrowed */
	uint32_t iterations;           /* of fake accounts */
	uint64_t defaults[SETTINGS_N]; /* where nothing else is set */
	struct hmac *fake;             /* keyed by the directory's secret */
	struct hmac *proof;            /* keyed at random, for successes */
	struct map map;                /* canonical address to struct cached */
	struct list accounts;          /* longest unused first */
	struct list unknown;
	size_t accounts_n, unknown_n;
	uint64_t success_ms;           /* how long a success counts */
	const struct outside *outside; /* who knows accounts; NULL: nobody */
};

YB_CHECKED enum yb_err cache_open(struct cache *c, struct directory *directory,
				  uint32_t iterations);
void cache_close(struct cache *c);

/*
 * The account of a canonical address, or the fake of one that does not exist.
 * Valid until the next call of cache_find() or cache_forget().
 */
YB_CHECKED enum yb_err cache_find(struct cache *c, struct span address,
				  uint64_t now_ms, struct cached **ret);

/* Whether a right password would let it in; asked last (threat 8). */
static inline bool cached_may_log_in(const struct cached *at)
{
	return at->real && at->settings[SETTING_login] != 0;
}

/* Whether its address is `name`, or at the domain `name`, or that is empty. */
bool cached_is_of(const struct cached *at, struct span name);

/*
 * After a change of settings, of the account or domain `name`, or of all if
 * that is empty. Successes stay remembered.
 */
YB_CHECKED enum yb_err cache_reload_settings(struct cache *c, struct span name);
void cache_forget_all(struct cache *c);

/* After a change: the address, its successes, or that it did not exist. */
void cache_forget(struct cache *c, struct span address);

/* What stands for `password` at this account, as it is now. */
YB_CHECKED enum yb_err cache_digest(struct cache *c, const struct cached *at,
				    struct span password,
				    uint8_t ret[HMAC_LEN]);

/* Index of the credential for which `digest` is remembered; -1 if none. */
int cache_recall(const struct cached *at, const uint8_t digest[HMAC_LEN],
		 uint64_t now_ms);

/* Remembers that credential number `index` was proved. */
void cache_remember(struct cached *at, uint32_t index,
		    const uint8_t digest[HMAC_LEN], uint64_t now_ms);

#endif
