/*
 * The body of a message on its way in: in memory while it is small and the
 * worker's pool has room, then in an unnamed file on the store's disk.
 */
#ifndef SERVER_BODY_H
#define SERVER_BODY_H

#include <stdbool.h>

#include "base/buf.h"

enum {
	/* From here on a body goes into a file. */
	BODY_MEMORY_MAX = 1024 * 1024,
	/* What may still come while the file is being asked for. */
	BODY_SLACK = 128 * 1024,
	/* Pieces are collected up to here before they go to the file: a
	 * client chooses how small they are, and each would be a call. */
	BODY_BEHIND = 16 * 1024,
};

struct body {
	struct buf memory; /* all of it, or what the file does not have yet */
	uint64_t *pool;    /* octets in use by all bodies of the worker */
	uint64_t pool_max;
	size_t charged; /* of the pool, by this one */
	int file;       /* -1 while in memory */
	uint64_t file_n;
};

void body_init(struct body *b, uint64_t *pool, uint64_t pool_max);

/* Forgets the octets, gives back memory and file. */
void body_reset(struct body *b);

/* Adds octets. OVERLOAD, NOMEM, FULL, IO. */
YB_CHECKED enum yb_err body_add(struct body *b, struct span s);

/* Whether it should get a file before it takes more. */
bool body_wants_file(const struct body *b);

/* Moves what is in memory into `fd`, which becomes the body's. FULL, IO. */
YB_CHECKED enum yb_err body_use_file(struct body *b, int fd);

/* Nothing more will be added: a file has all of it from now on. FULL, IO. */
YB_CHECKED enum yb_err body_finish(struct body *b);

uint64_t body_size(const struct body *b);

#endif
