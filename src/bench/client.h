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

YB_CHECKED enum yb_err client_new(struct run *run, struct client **ret);

/* Takes NULL. Resets a connection that is open. */
void client_free(struct client **c);

/* Connects at the end of this turn of the loop. */
void client_start(struct client *c);

#endif
