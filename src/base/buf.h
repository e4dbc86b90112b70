/*
 * Octets that grow up to a ceiling given at birth. Storage is taken when the
 * first octet arrives and can be handed back while the buffer is empty, so
 * that an idle session owns none.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/span.h"

struct buf {
	uint8_t *p;
	size_t n;       /* octets in use */
	size_t cap;     /* octets allocated */
	size_t ceiling; /* cap never passes it */
};

void buf_init(struct buf *b, size_t ceiling);

/* Frees the storage; the buffer is empty and usable again. */
void buf_done(struct buf *b);

/* Forgets the octets, keeps the storage. */
static inline void buf_clear(struct buf *b)
{
	b->n = 0;
}

static inline struct span buf_span(const struct buf *b)
{
	return (struct span){ b->p, b->n };
}

/* Octets that still fit below the ceiling. */
static inline size_t buf_space(const struct buf *b)
{
	return b->ceiling - b->n;
}

/* Makes room for `more` octets. TOO_BIG above the ceiling, NOMEM. */
YB_CHECKED enum yb_err buf_reserve(struct buf *b, size_t more);

/* Appends all of `s` or nothing. TOO_BIG above the ceiling, NOMEM. */
YB_CHECKED enum yb_err buf_add(struct buf *b, struct span s);

YB_CHECKED enum yb_err buf_add_u8(struct buf *b, uint8_t c);

/* Appends formatted text, all or nothing. */
YB_CHECKED enum yb_err buf_addf(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Drops the first `n` octets; the rest moves to the front. */
void buf_drop(struct buf *b, size_t n);

/* Overwrites the octets in use with zeros, then forgets them. */
void buf_wipe(struct buf *b);

/* Overwrites memory in a way that no compiler removes. */
void mem_wipe(void *p, size_t n);

#endif
