/*
 * Starting processes: the program executes itself anew for each role, so that
 * each has an address layout of its own and inherits nothing but the
 * descriptors named.
 */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* A user to become; `set` is false where the server runs without root. */
struct process_user {
	bool set;
	uid_t uid;
	gid_t gid;
};

struct process_start {
	const char *program;     /* a path; NULL: the one that runs here */
	const char *const *argv; /* ends with NULL; argv[0] shows in ps */
	struct process_user user;
	bool keep_rights;        /* what this process may, the child may */
	int folder;              /* to stand in; process_nowhere(); 0: ours */
	const int *fds;          /* become 3, 4, ... in the child */
	int error_fd;            /* its standard error; 0: ours */
	int input_fd, output_fd; /* the other two; 0: /dev/null */
	size_t fds_n;
	/* For programs of others: a process group of its own, the folder "/",
	 * as many descriptors as they expect, and only this environment (ends
	 * with NULL). NULL: as this process. */
	const char *const *apart;
};

enum { PROCESS_FIRST_FD = 3 };

/*
 * Executes the program. The child has no capabilities unless it stays root
 * (one with a folder to stand in may make it its root folder, and gives that
 * right up by sandbox_root()), keeps standard error, has /dev/null for input
 * and output unless it is given others, default signals, and dies with this
 * process (PR_SET_PDEATHSIG). What fails in the child before exec ends it with
 * 127.
 */
YB_CHECKED enum yb_err process_start(const struct process_start *start,
				     pid_t *ret_pid);

/*
 * A folder that has been removed: nobody can put anything into it. For
 * processes that need no files to stand in.
 */
YB_CHECKED enum yb_err process_nowhere(int *ret_fd);

/* Looks up a user and its group. NOT_FOUND. */
YB_CHECKED enum yb_err process_user_find(const char *name,
					 struct process_user *ret);

/*
 * Whether this process may become other users: root, or whoever was given
 * CAP_SETUID, as systemd gives it to a server that is not root.
 */
bool process_may_become_others(void);

/* What every role does first: no core dumps, not dumpable, no new rights. */
void process_harden(void);

/*
 * Root that starts others and opens files for them needs few of root's rights
 * for that; the rest, debugging and mounting among them, are given up, for
 * all that it ever starts.
 */
void process_drop_rights(void);

/*
 * Lets whoever wakes this process go on first, where both want one core
 * (SCHED_BATCH): processes that hand work to one another then do more of it at
 * a time, and change less often. A free core takes it up as soon as ever. A
 * policy that was chosen for it from outside stays.
 */
void process_be_patient(void);

/* The name that ps and top show; what passes 15 octets is cut. */
void process_set_title(const char *name);

#endif
