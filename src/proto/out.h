/*
 * What an engine wants sent: text of its own, long-lived octets that it
 * borrows, and ranges of a mailbox log that only the driver can read, in one
 * queue. The driver takes pieces from the front, sends what the socket takes,
 * and reports how many octets left; nothing is copied for a retry.
 */
#ifndef PROTO_OUT_H
#define PROTO_OUT_H

#include "base/buf.h"

enum out_kind {
	OUT_BYTES, /* `p` points at `n` octets */
	OUT_RANGE, /* `n` octets at `offset` of the open mailbox log */
	OUT_TEXT,  /* within the queue: `n` octets at `offset` of its text */
};

struct out_piece {
	enum out_kind kind;
	uint64_t n;
	union {
		const uint8_t *p;
		uint64_t offset;
	};
};

enum {
	/*
	 * Text that one engine may hold unsent. A full pipeline of answers
	 * fits several times; a reader that does not read stops the engine.
	 */
	OUT_TEXT_MAX = 16 * 1024,
	/* Pieces queued; RETR takes two. Passing it stops the engine too. */
	OUT_PIECES_MAX = 1024,
};

struct out_queue {
	struct buf text;        /* own text, in order, unsent */
	size_t text_sent;       /* of text, already gone */
	struct out_piece *ring; /* NULL while nothing is queued */
	uint32_t first, count, cap;
};

void out_init(struct out_queue *q);
void out_done(struct out_queue *q);

/* Whether a command's short answer and two pieces still fit. */
bool out_has_room(const struct out_queue *q);
bool out_is_empty(const struct out_queue *q);

/* Octets not yet sent, ranges included. */
uint64_t out_pending(const struct out_queue *q);

/*
 * Queues a copy of `s` (out_has_room() assures 1 KiB). NOMEM, or TOO_BIG past
 * OUT_TEXT_MAX: then nothing is queued.
 */
YB_CHECKED enum yb_err out_text(struct out_queue *q, struct span s);

/* Queues octets that stay valid until they are sent. NOMEM, TOO_BIG. */
YB_CHECKED enum yb_err out_borrowed(struct out_queue *q, struct span s);

/* Queues a range of the log. NOMEM, TOO_BIG. */
YB_CHECKED enum yb_err out_range(struct out_queue *q, uint64_t offset,
				 uint64_t n);

/*
 * The first pieces, at most `max`, in order; how many. Pointers hold until
 * the queue is touched again.
 */
size_t out_peek(const struct out_queue *q, struct out_piece *ret, size_t max);

/*
 * `n` octets from the front are sent. An emptied queue gives its storage back
 * only through out_release(), so that a busy session does not allocate.
 */
void out_sent(struct out_queue *q, uint64_t n);

/* Gives back storage of an empty queue: for sessions that go idle. */
void out_release(struct out_queue *q);

#endif
