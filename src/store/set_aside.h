/*
 * Octets of a log that are no good records, kept in files of their own in the
 * mailbox's folder: torn.<second>.<n> is a torn tail, damaged.<second>.<n> is
 * damage, behind a header that says where it was.
 */
#ifndef STORE_SET_ASIDE_H
#define STORE_SET_ASIDE_H

#include "os/storage.h"
#include "store/log.h"

enum {
	SET_ASIDE_NAME_MAX = 48,
	SET_ASIDE_HEAD_SIZE = 64,
};

struct set_aside_head {
	uint8_t log_id[16];
	uint64_t generation;
	uint64_t offset; /* in that generation's log */
	uint64_t size;
};

/* Copied and synced, its name too, once this returns. */
YB_CHECKED enum yb_err set_aside_tail(const struct os_storage *os, int dir,
				      int from, uint64_t at, uint64_t n);

/* `head` is that of the generation behind the one that is damaged. */
YB_CHECKED enum yb_err set_aside_damage(const struct os_storage *os, int dir,
					const struct log_head *head, int from,
					uint64_t at, uint64_t n,
					char ret_name[SET_ASIDE_NAME_MAX]);

/* The header of a damaged.* file; false if it is none. */
bool set_aside_decode(const uint8_t src[SET_ASIDE_HEAD_SIZE],
		      struct set_aside_head *ret);

/* Whether this is such a name, and since when it is there. */
bool set_aside_when(const char *name, int64_t *ret_s);

#endif
