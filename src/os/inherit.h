/*
 * Descriptors that a process was started with, as systemd hands over sockets
 * (sd_listen_fds(3)): $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES. A server
 * that executes a newer program in its place hands its own over the same way.
 */
#ifndef OS_INHERIT_H
#define OS_INHERIT_H

#include <stddef.h>

#include "base/err.h"

enum {
	/* Listeners, the control socket, and processes that still end. */
	INHERITED_MAX = 192,
	INHERITED_NAME_MAX = 64,
};

struct inherited {
	int fd; /* take it by setting it to -1 */
	char name[INHERITED_NAME_MAX];
};

/*
 * What was handed to this process, closed on exec from now on; how many.
 * Takes the variables out of the environment. 0 if they mean another one.
 */
size_t inherited_take(struct inherited ret[INHERITED_MAX]);

/*
 * Executes `argv` in place of this program, with the descriptors as 3, 4, ...
 * and nothing else but the standard ones. Returns only on failure; then
 * descriptors from 3 on may have been replaced, and the process has to end.
 */
enum yb_err inherit_exec(const char *program, const char *const *argv,
			 const struct inherited *list, size_t n);

#endif
