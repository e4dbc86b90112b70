/*
 * Cages: a list of system calls that a process may make (seccomp), and the
 * only paths that it may reach (Landlock). Both are one-way.
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct sandbox_calls {
	/* Names, ended by NULL; names unknown to this kernel are skipped.
	 * Without a list all are allowed but those that kill. */
	const char *const *allow;
	/* Calls that end the process at once; all others fail with EPERM. */
	const char *const *kill;
};

/*
 * Puts the whole process, all its threads, under the filter. With `strict`
 * every call that is not allowed kills: for test builds. UNSUPPORTED if the
 * kernel has no seccomp: to be logged, not a failure.
 */
YB_CHECKED enum yb_err sandbox_seccomp(const struct sandbox_calls *calls,
				       bool strict);

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
 * open stays open. Threads that run already are not caged: call it first.
 * UNSUPPORTED if the kernel has no Landlock.
 */
YB_CHECKED enum yb_err sandbox_landlock(const struct sandbox_path *paths,
					size_t n);

#endif
