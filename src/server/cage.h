/*
 * What each role may do, once everything it needs is open: its list of
 * system calls, and its paths.
 */
#ifndef SERVER_CAGE_H
#define SERVER_CAGE_H

#include "os/sandbox.h"
#include "server/process.h"

/*
 * Closes the cage around this process and all its threads. What the kernel
 * lacks is logged as a warning.
 */
YB_CHECKED enum yb_err cage_close(struct process *p,
				  const struct sandbox_path *paths, size_t n);

/* The supervisor has no such frame. */
YB_CHECKED enum yb_err cage_close_supervisor(struct log *log, bool strict);

#endif
