/*
 * One connection at a time, again and again: joins a socket, TLS and a
 * dialog. It waits for the server to close first, so that the sockets that
 * linger (TIME_WAIT) are the server's; after an error it resets the
 * connection, and none lingers.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "bench/run.h"

struct client;

enum client_role {
	CLIENT_LOAD,
	CLIENT_IDLE, /* logs in once, and stays until client_leave() */
	CLIENT_SLOW, /* empty sessions, an octet at a time */
};

/* `number` is that of the account of an idle or slow one. */
YB_CHECKED enum yb_err client_new(struct run *run, enum client_role role,
				  uint64_t number, struct client **ret);

/* Takes NULL. Resets a connection that is open. */
void client_free(struct client **c);

/* Connects at the end of this turn of the loop. */
void client_start(struct client *c);

/*
 * An idle one says QUIT if it is logged in. Any other of the crowd is cut off,
 * and connects no more.
 */
void client_leave(struct client *c);

#endif
