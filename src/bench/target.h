/*
 * What to measure: "127.0.0.1:110", "[::1]:110", "mail.example.org:110", or
 * the path of a Unix socket.
 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include "os/socket.h"

/*
 * Looks names up, and takes the first address of one; blocks meanwhile.
 * INVALID if it is no address, NOT_FOUND if there is no such name.
 */
YB_CHECKED enum yb_err target_find(const char *text,
				   struct socket_address *ret);

#endif
