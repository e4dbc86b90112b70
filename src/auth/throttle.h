/*
 * Guessing counted by more than the one address (peers.h): by network (IPv4
 * /24, IPv6 /48), by account, and by the guessed password, for whoever tries
 * one password at many accounts. All of it slows down and nothing locks out:
 *
 * - over its budget, a network's attempts begin one after the other, and its
 *   refusals come late;
 * - at an account over its budget, attempts begin one after the other, too;
 *   but not those from an address that has logged in to it lately;
 * - a password over its budget is refused late.
 *
 * Counts go into the directory now and then, so that a new process goes on
 * where the last one was. Passwords are known by a keyed hash alone. Times are
 * milliseconds since 1970, of a clock that does not jump while the process
 * runs.
 */
#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

#include "auth/name.h"
#include "base/list.h"
#include "base/map.h"
#include "directory/directory.h"

struct hmac;

/* kind, table entries, failures without effect, failures that count, time in
 * which one is forgiven, longest delay of a refusal; times in ms */
/* clang-format off */
#define THROTTLES(X)                                                          \
	/* Also in peers.c, which acts on it; here to be remembered. */       \
	X(ADDRESS, 16384, 0, 8, 60 * 1000, 0)                                 \
	/* A school or a provider's many customers mistype, too. */           \
	X(NETWORK, 16384, 32, 256, 15 * 1000, 15 * 1000)                      \
	/* Several programs of one person, with an old password. */           \
	X(ACCOUNT, 16384, 20, 128, 60 * 1000, 5 * 1000)                       \
	/* Accounts, not guesses: people do choose alike. */                  \
	X(PASSWORD, 16384, 5, 64, 600 * 1000, 15 * 1000)                      \
	/* No failures: who has logged in from where, kept for a month. */    \
	X(KNOWN, 65536, 0, 1, 30ull * 24 * 3600 * 1000, 0)

enum throttle_kind {
#define X(name, entries, free, most, forgive, delay) THROTTLE_##name,
	THROTTLES(X)
#undef X
	THROTTLE_KINDS
};
/* clang-format on */

enum {
	THROTTLE_KEY_LEN = DIRECTORY_TALLY_KEY_LEN,
	/* Attempts over a budget begin so far apart, ... */
	THROTTLE_SPACING_MS = 50,
	/* ... this much more for each further failure, */
	THROTTLE_SPACING_MORE_MS = 5,
	/* up to here: a whole IPv4 network that guesses first is through within
	 * the time that an attempt may wait (AUTH_WAIT_MS). */
	THROTTLE_SPACING_MAX_MS = 200,
	/* What changed is written so often. */
	THROTTLE_WRITE_MS = 1000,
	/* Accounts remembered of one password, to count different ones. */
	THROTTLE_LAST_N = 4,
};

struct tally {
	struct list link; /* longest unseen first */
	enum throttle_kind kind;
	uint8_t key[THROTTLE_KEY_LEN];
	bool dirty;   /* to be written */
	bool written; /* it has a row */
	uint32_t failures;
	int64_t since_ms;               /* from when forgiving counts */
	int64_t next_ms;                /* when the next may begin */
	uint64_t last_guess;            /* the hash that was counted last */
	uint64_t last[THROTTLE_LAST_N]; /* accounts, of a password */
	char label[];                   /* the account's name, or "" */
};

struct throttle {
	struct directory *directory; /* borrowed */
	struct hmac *keyed;          /* borrowed; the same after a restart */
	struct map map;
	struct list of[THROTTLE_KINDS];
	size_t n[THROTTLE_KINDS];
	struct list gone; /* made room; their rows are to go, too */
	int64_t write_ms; /* INT64_MAX: nothing to write */
	int64_t wake_ms;  /* when an attempt that was kept waiting may begin */
};

/* Reads what was written. Errors as directory_tallies_each(). */
YB_CHECKED enum yb_err throttle_open(struct throttle *t, struct directory *d,
				     struct hmac *keyed);
/* Writes what changed. */
void throttle_close(struct throttle *t, int64_t now_ms);

/* Whose attempt it is. */
struct throttle_who {
	const uint8_t *address; /* 16 octets */
	struct span account;    /* canonical */
	struct span password;   /* empty: not known, as with SCRAM */
	uint64_t guess;         /* counted once, however often it is made */
};

/* Failures of an address that are not forgiven yet. */
uint32_t throttle_address_failures(struct throttle *t,
				   const uint8_t address[16], int64_t now_ms);

/* What an attempt that waits is asked about again and again. */
struct throttle_turn {
	bool known; /* it waits for nobody */
	uint8_t network[THROTTLE_KEY_LEN];
	uint8_t account[THROTTLE_KEY_LEN];
};

void throttle_prepare(struct throttle *t, const struct throttle_who *who,
		      int64_t now_ms, struct throttle_turn *ret);

/* Whether an attempt may begin now; if not, t->wake_ms is due at that time. */
bool throttle_may_begin(struct throttle *t, const struct throttle_turn *turn,
			int64_t now_ms);

/* It has begun. */
void throttle_begun(struct throttle *t, const struct throttle_turn *turn,
		    int64_t now_ms);

/* It was wrong; how many ms later that may be told at the earliest. */
uint64_t throttle_failed(struct throttle *t, const struct throttle_who *who,
			 int64_t now_ms);

/* It was right. */
void throttle_passed(struct throttle *t, const struct throttle_who *who,
		     int64_t now_ms);

/* Writes what changed, once it is time. */
void throttle_run(struct throttle *t, int64_t now_ms);

/* For a list: brings its failures up to date; whether it is slowed down. */
bool throttle_look(struct tally *y, int64_t now_ms);

/* Forgets an address with its network, or an account; whether it was there. */
bool throttle_forgive_address(struct throttle *t, const uint8_t address[16]);
bool throttle_forgive_account(struct throttle *t, struct span account);

/* The network's key of an address, with zeros behind it; how many bits. */
unsigned throttle_network(const uint8_t address[16], uint8_t ret[16]);

#endif
