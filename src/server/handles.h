/*
 * The snapshots that one worker's sessions have open, each under a number
 * that means nothing on any other channel. A number is a slot and a count of
 * its uses, so that one of a session that ended never names a newer one.
 */
#ifndef SERVER_HANDLES_H
#define SERVER_HANDLES_H

#include <stdint.h>

#include <stdbool.h>

struct store_snapshot;
struct handle_slot;

/* Who has it open. */
struct handle_tag {
	uint8_t account[16];
	uint32_t device;
	bool may_delete;
};

enum {
	/* Sessions of one worker: more than it can have descriptors. */
	HANDLES_MAX = 65536,
};

/* All zeros is an empty table. */
struct handles {
	struct handle_slot *slots;
	uint32_t n;    /* slots allocated */
	uint32_t used; /* of these */
	uint32_t free; /* the first free one, plus 1; 0: none */
};

/* Keeps the snapshot; its number, or 0 if there is no room. */
uint64_t handles_add(struct handles *h, struct store_snapshot *snapshot,
		     const struct handle_tag *tag);

/* Valid until the table changes; NULL if the number means nothing. */
const struct handle_tag *handles_tag(const struct handles *h, uint64_t handle);

/*
 * The first number from *at on that one of these devices, a bit each, of the
 * account has; 0 if there is none more. *at is 0 at first.
 */
uint64_t handles_next_of(const struct handles *h, const uint8_t account[16],
			 uint64_t devices, uint32_t *at);

/* The snapshot, which stays; NULL if the number means nothing. */
struct store_snapshot *handles_find(const struct handles *h, uint64_t handle);

/* The snapshot, now the caller's; NULL as above. */
struct store_snapshot *handles_take(struct handles *h, uint64_t handle);

/* How many snapshots there are. */
uint32_t handles_count(const struct handles *h);

/*
 * For the end: takes any one. To be called until it returns NULL; the table
 * is then empty, freed, and can be used again.
 */
struct store_snapshot *handles_take_any(struct handles *h);

#endif
