/*
 * Makes listing blocks (mime/listing.h) out of the table of a mailbox. A
 * block is shared by all sessions that see the same state.
 */
#ifndef STORE_LISTING_MAKE_H
#define STORE_LISTING_MAKE_H

#include "store/index.h"

struct listing_block {
	unsigned refs;
	uint64_t number; /* of all that this store made; from 1 */
	int memfd;       /* -1 until somebody asks; large ones are made in it */
	size_t n;
	struct span mapping; /* of the memfd, or empty */
	const uint8_t *octets;
	size_t entries; /* of the table, hidden ones too */
	_Alignas(8) uint8_t small[];
};

/*
 * The listing of the messages that `device` sees. `t` may be NULL: empty.
 * `before`, if not NULL, is one of the same table when it had fewer entries,
 * and nothing else has changed since: what it says is copied.
 * NOMEM; TOO_BIG if the UIDL text passes the 4 GiB that rows can point to.
 */
YB_CHECKED enum yb_err listing_make(const struct index_table *t,
				    uint64_t generation, uint32_t device,
				    const struct listing_block *before,
				    struct listing_block **ret);

struct listing_block *listing_block_ref(struct listing_block *block);
void listing_block_unref(struct listing_block **block); /* takes NULL */

/* The sealed memfd, made at the first call; borrowed. */
YB_CHECKED enum yb_err listing_block_memfd(struct listing_block *block,
					   int *ret_fd);

#endif
