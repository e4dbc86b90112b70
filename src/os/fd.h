/*
 * Descriptors that close themselves.
 *
 *	AUTO_FD fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
 *	...
 *	log->fd = fd_steal(&fd);
 */
#ifndef OS_FD_H
#define OS_FD_H

#include <stdbool.h>

#include "base/err.h"

/* Closes *fd if it is not negative and makes it -1; keeps errno. */
void fd_close(int *fd);

/* Takes the descriptor out of its holder, which becomes -1. */
static inline int fd_steal(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define AUTO_FD __attribute__((cleanup(fd_close))) int

/* Another descriptor for the same thing, closed on exec. */
YB_CHECKED enum yb_err fd_duplicate(int fd, int *ret_fd);

YB_CHECKED enum yb_err fd_set_nonblocking(int fd, bool on);
YB_CHECKED enum yb_err fd_set_cloexec(int fd, bool on);

#endif
