/*
 * A hash map from octets to a pointer. Keys are copied; values are borrowed.
 * The hash is seeded, so that whoever chooses keys (user names, addresses)
 * cannot make them collide.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/err.h"
#include "base/span.h"

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t count;
	size_t used; /* slots that hold or once held a key */
	size_t cap;  /* a power of two, or 0 */
	uint64_t seed;
};

/* `seed` should be random where keys come from outside. */
void map_init(struct map *m, uint64_t seed);

/* Frees the keys and the table, not the values; usable again. */
void map_done(struct map *m);

/* The value of `key`, or NULL. */
void *map_get(const struct map *m, struct span key);

/* Sets the value of `key`, which may not be NULL; replaces. NOMEM. */
YB_CHECKED enum yb_err map_put(struct map *m, struct span key, void *value);

/* Removes `key` and returns its value; NULL if it was not there. */
void *map_remove(struct map *m, struct span key);

/*
 * Walks over all values in no order: start with *at = 0, ends with NULL. The
 * value returned last may be removed meanwhile, nothing may be added.
 */
void *map_next(const struct map *m, size_t *at);

/* SipHash-1-3 of `s`, for tables keyed by what outsiders choose. */
uint64_t hash_octets(struct span s, uint64_t seed);

#endif
