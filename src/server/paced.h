/*
 * Answers that leave at a tick of the clock, not once they are ready. What a
 * hash takes hides how long auth looked for an account; where nothing is
 * hashed, as with SCRAM's salt, that would tell which names exist (threat 8).
 * With this the time of an answer depends on when its question came alone.
 */
#ifndef SERVER_PACED_H
#define SERVER_PACED_H

#include "base/list.h"
#include "base/span.h"
#include "net/loop.h"

enum {
	/* Far longer than an answer takes to make. The loop's own ticks add
	 * up to LOOP_TICK_MS: nothing beside what a client's half of SCRAM
	 * takes. */
	PACED_MS = 2,
	/* As many questions as two workers may have in flight; beyond, time is
	 * told, and memory kept. */
	PACED_MAX = 16 * 1024,
};

struct paced_answer {
	struct list link;
	uint64_t due_ms;
	uint64_t incarnation; /* of the worker */
	uint64_t id;
	uint32_t worker;
	uint16_t type;
	size_t n;
	uint8_t octets[];
};

typedef void paced_send_fn(void *ctx, const struct paced_answer *answer);

struct paced {
	struct loop *loop;
	struct loop_timer timer;
	struct list waiting; /* first due first */
	size_t n;
	paced_send_fn *send;
	void *ctx;
};

void paced_init(struct paced *p, struct loop *loop, paced_send_fn *send,
		void *ctx);
/* Forgets what still waits. */
void paced_done(struct paced *p);

/*
 * Sends a copy of the parts at the next tick, or the first that waits at once
 * where too many do. Without memory nothing is sent: the worker's deadline
 * tells. Only worker, incarnation, type and id of `answer` are looked at.
 */
void paced_add(struct paced *p, const struct paced_answer *answer,
	       const struct span *parts, size_t parts_n);

#endif
