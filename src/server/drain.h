/*
 * A worker that makes way for its successor: it accepts nothing more, and its
 * sessions end in order, each where it has nothing on its way.
 */
#ifndef SERVER_DRAIN_H
#define SERVER_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"

enum {
	/* A session that said nothing for so long waits for its person. */
	DRAIN_IDLE_MS = 1000,
	/* New clients wait in the queue meanwhile: they have this patience. */
	DRAIN_MS = 10 * 1000,
	/* Whoever still takes a large message then is slow; it goes on without
	 * auth and store, since the worker has the log itself. */
	DRAIN_SLOW_MS = 2 * 1000,
	/* But not for ever. */
	DRAIN_SENDING_MS = 10 * 60 * 1000,
};

struct worker;

struct drain {
	struct loop_timer timer;
	uint64_t began_ms; /* 0: not begun */
	bool told;         /* the supervisor: auth and store can go */
};

void drain_init(struct worker *w);
void drain_begin(struct worker *w);

#endif
