/*
 * The TLS handshakes of a worker: how many there are at a time, and how many
 * go on in one turn of the loop. A handshake is the one thing that a stranger
 * can make a worker compute; a flood of them must leave time for the sessions
 * that are there (threat 5).
 */
#ifndef SERVER_HANDSHAKES_H
#define SERVER_HANDSHAKES_H

#include "base/list.h"
#include "net/loop.h"

struct connection;

enum {
	/*
	 * At a time, each with up to 60 KiB of OpenSSL's until it is done.
	 * One more ends the oldest: who means it needs two round trips, and
	 * who only holds a place is the oldest sooner or later.
	 */
	HANDSHAKES_MAX = 1000,
	/* In one turn, each up to half a millisecond of signing. */
	HANDSHAKE_STEPS = 4,
};

struct handshakes {
	struct list all;   /* the oldest first */
	struct list ready; /* those whose client has sent something */
	size_t n;
	struct loop *loop;
	struct loop_task task;
	void (*go_on)(struct connection *c);
};

/* What a connection has for it. */
struct handshake {
	struct list all, ready;
};

void handshakes_init(struct handshakes *h, struct loop *loop,
		     void (*go_on)(struct connection *c));
void handshake_init(struct handshake *link);

/* Counts one more; the one that has to make room for it, or NULL. */
struct connection *handshakes_add(struct handshakes *h, struct connection *c);

/* It is over; harmless for a connection that has none. */
void handshakes_remove(struct handshakes *h, struct connection *c);

/* It can go on: `go_on` is called when its turn has come. */
void handshakes_want(struct handshakes *h, struct connection *c);

#endif
