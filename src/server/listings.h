/*
 * Listings that came as sealed memfds, mapped. The store makes a listing once
 * for all sessions that find a maildrop unchanged, and gives it a number; who
 * comes with the same number gets the same mapping, so that a poll of a large
 * maildrop does not map, touch and unmap its pages anew.
 */
#ifndef SERVER_LISTINGS_H
#define SERVER_LISTINGS_H

#include "base/err.h"
#include "base/list.h"
#include "base/span.h"

enum {
	/* Kept mapped although no session has them open: few are large. */
	LISTINGS_KEPT_MAX = 32,
	/* Octets of these: one of a million messages, which a worker may so
	 * hold for longer than the store does. */
	LISTINGS_KEPT_OCTETS = 128 * 1024 * 1024,
};

struct mapped_listing {
	struct list link; /* among those in use, or the kept ones */
	unsigned refs;
	uint64_t number; /* the store's; 0: of a store that is gone */
	struct span mapping;
};

struct listings {
	struct list used;
	struct list kept; /* the one that was used last is the last */
	size_t kept_n;
	uint64_t kept_octets;
};

void listings_init(struct listings *l);

/*
 * The listing of that number: mapped already, or from `fd`, which stays the
 * caller's. INVALID if that is no sealed memfd, NOMEM.
 */
YB_CHECKED enum yb_err listings_open(struct listings *l, uint64_t number,
				     int fd, struct mapped_listing **ret);

/* Takes NULL, leaves NULL. */
void listings_close(struct listings *l, struct mapped_listing **m);

/* The store is gone; its successor counts anew. Those in use stay. */
void listings_forget(struct listings *l);

#endif
