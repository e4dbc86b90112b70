/*
 * A new generation of a log without what is dead in it (I9): read from the
 * old one, written beside it, and given its name once all is synced. These
 * are the steps that block; the pool runs them, each on one struct compact
 * that nobody else touches meanwhile. What calls them is generation.c.
 *
 *	compact_begin   all below `upto` is copied and synced
 *	compact_follow  what was appended meanwhile, up to a new `upto`
 *	compact_switch  the same, and the new log gets the name; while it runs
 *	                nothing may be appended to the old one
 *	compact_drop    gives up; what was written beside goes
 */
#ifndef STORE_COMPACT_H
#define STORE_COMPACT_H

#include "base/buf.h"
#include "store/files.h"
#include "store/index.h"

enum compact_name {
	COMPACT_OLD,    /* the name is the old log's */
	COMPACT_UNSURE, /* a rename failed; it may be either's */
	COMPACT_NEW,
};

struct compact {
	struct files *files;
	struct log_head head; /* of the new generation */
	struct log_keys keys;
	int from; /* the old log; borrowed */
	/* Deleted messages are dropped if they were deleted before. */
	uint32_t free_before_s;
	int64_t now_s; /* 0: the clock is not to be believed */
	bool slowly;   /* leaves the disk to others half of the time */

	int dir, fd, index_fd;    /* index_fd may stay -1 (I5) */
	uint64_t done;            /* the old log is dealt with below */
	uint64_t tail;            /* of the new log */
	uint64_t synced;          /* of the new log */
	struct index_table table; /* of the new log */
	uint64_t old_seq;         /* of the last record of the old one seen */
	enum compact_name name;
	struct buf reports; /* lines for an administrator */

	uint8_t *out; /* what waits to be written at tail - out_n */
	size_t out_n;
	uint64_t began_ns;
};

void compact_init(struct compact *c, struct files *files,
		  const struct log_head *head, int from);
/* Closes and frees what was not taken over. */
void compact_done(struct compact *c);

YB_CHECKED enum yb_err compact_begin(struct compact *c, uint64_t upto);

/* AGAIN: something happened that asks for a new start. */
YB_CHECKED enum yb_err compact_follow(struct compact *c, uint64_t upto);

/* On failure c->name says whose the name is. */
YB_CHECKED enum yb_err compact_switch(struct compact *c, uint64_t upto);

void compact_drop(struct compact *c);

/*
 * Removes what earlier compactions left in the mailbox's folder when the
 * machine stopped, and files that were set aside more than 30 days before
 * `now_s`; what goes is told by lines in `reports`.
 */
void compact_clean(const struct files *f, const struct store_place *place,
		   int64_t now_s, struct buf *reports);

#endif
