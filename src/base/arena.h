/*
 * Memory by lifetime: many small allocations, freed together. One arena for a
 * session or a command; nothing in it is freed alone.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;                /* octets handed out since the reset */
	size_t ceiling;
};

/* `ceiling` bounds what is handed out between two resets, in octets. */
void arena_init(struct arena *a, size_t ceiling);

/* Frees everything; the arena is usable again. */
void arena_done(struct arena *a);

/* Forgets everything and keeps the first block for reuse. */
void arena_reset(struct arena *a);

/* `n` zeroed octets aligned to 16; NULL above the ceiling or out of memory. */
void *arena_alloc(struct arena *a, size_t n);

/* A copy that ends with NUL; NULL as arena_alloc(). */
char *arena_strndup(struct arena *a, const void *p, size_t n);

#endif
