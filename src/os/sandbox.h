/*
 * Cages: a list of system calls that a process may make (seccomp), the only
 * paths that it may reach (Landlock), a root folder of its own, and limits of
 * what it may use. All are one-way.
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What an argument has to be for a call to be allowed. */
enum sandbox_how {
	SANDBOX_IS,      /* exactly the value */
	SANDBOX_HAS,     /* all of its bits */
	SANDBOX_HAS_NOT, /* none of its bits */
	SANDBOX_IS_SELF, /* the number of this process */
};

struct sandbox_rule {
	const char *call; /* NULL ends a list */
	unsigned arg;     /* counted from 0 */
	enum sandbox_how how;
	uint64_t value;
};

struct sandbox_calls {
	/* Names, ended by NULL; names unknown to this kernel are skipped.
	 * Without a list all are allowed but those that kill. */
	const char *const *allow;
	/* Calls allowed by their arguments alone, which stand on no list; a
	 * call is allowed if one of its rules fits. */
	const struct sandbox_rule *rules;
	/* Calls that fail as if the kernel did not know them, because their
	 * arguments cannot be seen: the C library then takes older ones. */
	const char *const *absent;
	/* Without `allow`: the calls that end the process at once. */
	const char *const *kill;
};

/*
 * Puts the whole process, all its threads, under the filter. A forbidden call
 * ends the process; with `ret_listener` it waits until whoever holds that
 * descriptor has heard of it by sandbox_breach_read() and ended the process
 * (-1 where the kernel cannot do that). UNSUPPORTED if the kernel has no
 * seccomp: to be logged, not a failure.
 */
YB_CHECKED enum yb_err sandbox_seccomp(const struct sandbox_calls *calls,
				       int *ret_listener);

/* A forbidden call that waits. */
struct sandbox_breach {
	int call;         /* its number */
	const char *name; /* of it; to be freed; NULL if there is none */
};

/* The next one; AGAIN if there is none, GONE if there will be none. */
YB_CHECKED enum yb_err sandbox_breach_read(int listener,
					   struct sandbox_breach *ret);

enum sandbox_access {
	SANDBOX_READ,       /* read files, list folders beneath */
	SANDBOX_WRITE_FILE, /* read and write this one file */
	SANDBOX_WRITE_TREE, /* everything beneath, making and removing too */
	SANDBOX_EXECUTE,    /* as READ, and execute */
};

struct sandbox_path {
	const char *path;
	enum sandbox_access access;
};

/*
 * From now on files can only be opened at or beneath these paths; what is
 * open stays open. Without `network` no TCP is bound or connected, as far as
 * the kernel knows how; nor are others signalled. Threads that run already are
 * not caged: call it first. UNSUPPORTED if the kernel has no Landlock.
 */
YB_CHECKED enum yb_err sandbox_landlock(const struct sandbox_path *paths,
					size_t n, bool network);

/*
 * Makes `path` the root folder, where this process has the right to do so,
 * and gives up that right. Whether it is the root now is told.
 */
YB_CHECKED enum yb_err sandbox_root(const char *path, bool *ret_changed);

/*
 * Whether the folder that this process stands in has been removed: nobody,
 * not even root, can ever put something into it. process_start() gives one.
 */
bool sandbox_stands_nowhere(void);

/*
 * A limit of RLIMIT_x; a lower one stays. False if refused. Not `hard`: those
 * that this process starts can go beyond it.
 */
bool sandbox_limit(int resource, uint64_t max, bool hard);

#endif
