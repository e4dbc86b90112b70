/*
 * What each role may do, once everything it needs is open: its list of
 * system calls, its paths, its root folder and its limits. A call that is not
 * on the list ends the process; the supervisor logs which one it was.
 */
#ifndef SERVER_CAGE_H
#define SERVER_CAGE_H

#include "os/sandbox.h"
#include "server/process.h"

/*
 * Closes the cage around this process and all its threads. Started by root,
 * its root folder is an empty one from now on (but that of lookup, whose
 * programs are those of the system). What the kernel lacks is
 * logged as a warning.
 */
YB_CHECKED enum yb_err cage_close(struct process *p,
				  const struct sandbox_path *paths, size_t n);

/*
 * The same with a root folder that it works in: `ret_is_root` tells whether
 * that folder is "/" now, which it is only where root has started it.
 */
YB_CHECKED enum yb_err cage_close_in(struct process *p, const char *folder,
				     const struct sandbox_path *paths, size_t n,
				     bool *ret_is_root);

/* The supervisor has no such frame: who it starts would inherit it. */
YB_CHECKED enum yb_err cage_close_supervisor(struct log *log);

#endif
