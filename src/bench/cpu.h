/*
 * CPU time that a server has used: all of a process and its descendants, or
 * all of a control group (version 1 or 2).
 */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

struct cpu_source {
	pid_t pid;          /* root of a process tree, or 0 */
	const char *cgroup; /* a folder, or NULL */
};

/*
 * User and system time in nanoseconds. A tree is exact to a clock tick
 * (10 ms) for each process, and counts descendants that have ended if they
 * were waited for; a group is exact. NOT_FOUND, INVALID.
 */
YB_CHECKED enum yb_err cpu_read(const struct cpu_source *source,
				uint64_t *ret_ns);

/*
 * The processes of a source, for the caller to free. A tree or group that has
 * none: NOT_FOUND.
 */
YB_CHECKED enum yb_err cpu_processes(const struct cpu_source *source,
				     pid_t **ret, size_t *ret_n);

/* What this process has used itself. */
uint64_t cpu_own_ns(void);

/* One line of /proc/PID/stat. */
struct cpu_stat {
	pid_t pid, parent;
	uint64_t ticks; /* its own and of children that it waited for */
};

/*
 * Reads such a line; the name in it may hold spaces and brackets. False if
 * it is none.
 */
bool cpu_parse_stat(struct span line, struct cpu_stat *ret);

/* Sum of the ticks of `root` and all below it; sorts `stats`. */
uint64_t cpu_sum_tree(struct cpu_stat *stats, size_t n, pid_t root);

#endif
