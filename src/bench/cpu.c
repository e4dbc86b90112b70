#include "bench/cpu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "os/fd.h"

enum {
	STAT_TEXT_MAX = 4096, /* a line of stat, a whole cpu.stat */
	PROCESSES_MAX = 1 << 20,
};

/* Reads a file of /proc or /sys, which come whole in one read. */
static bool read_small(const char *path, char text[STAT_TEXT_MAX],
		       struct span *ret)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, STAT_TEXT_MAX);

	if (n < 0)
		return false;
	*ret = span_of(text, (size_t)n);
	return true;
}

/* ---- a process tree ---- */

bool cpu_parse_stat(struct span line, struct cpu_stat *ret)
{
	/* proc(5): 1 pid, 2 (name), 4 ppid, 14-17 utime stime cutime cstime */
	size_t name_end = span_find_last(line, ')');
	struct span rest = span_skip(line, name_end + 2);
	uint64_t v;

	*ret = (struct cpu_stat){ 0 };
	if (!num_parse(span_head(line, span_find(line, ' ')), INT_MAX, &v))
		return false;
	ret->pid = (pid_t)v;
	for (int field = 3; field <= 17; field++) {
		struct span word = span_cut(&rest, ' ');

		if (field != 4 && field < 14)
			continue;
		if (!num_parse(word, INT64_MAX, &v))
			return false;
		if (field == 4)
			ret->parent = (pid_t)v;
		else
			ret->ticks += v;
	}
	return true;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct cpu_stat *)a)->pid;
	pid_t y = ((const struct cpu_stat *)b)->pid;

	return (x > y) - (x < y);
}

static bool is_below(const struct cpu_stat *stats, size_t n,
		     const struct cpu_stat *at, pid_t root)
{
	/* Listed while it changes, a tree might hold a ring: it is bounded. */
	for (size_t steps = 0; at != NULL && steps < n; steps++) {
		struct cpu_stat parent = { .pid = at->parent };

		if (at->pid == root)
			return true;
		at = bsearch(&parent, stats, n, sizeof *stats, by_pid);
	}
	return false;
}

uint64_t cpu_sum_tree(struct cpu_stat *stats, size_t n, pid_t root)
{
	uint64_t sum = 0;

	if (n > 0)
		qsort(stats, n, sizeof *stats, by_pid);
	for (size_t i = 0; i < n; i++)
		if (is_below(stats, n, &stats[i], root))
			sum += stats[i].ticks;
	return sum;
}

struct processes {
	struct cpu_stat *p;
	size_t n, cap;
};

static bool add_process(struct processes *all, const struct cpu_stat *stat)
{
	if (all->n == all->cap) {
		size_t cap = all->cap == 0 ? 256 : all->cap * 2;
		void *p = cap > PROCESSES_MAX
				  ? NULL
				  : realloc(all->p, cap * sizeof *all->p);

		if (p == NULL)
			return false;
		all->p = p;
		all->cap = cap;
	}
	all->p[all->n++] = *stat;
	return true;
}

static enum yb_err list_processes(struct processes *all)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	enum yb_err err = YB_OK;

	if (dir == NULL)
		return err_from_errno(errno);
	while (err == YB_OK && (entry = readdir(dir)) != NULL) {
		char path[300], text[STAT_TEXT_MAX];
		struct cpu_stat stat;
		struct span line;

		if (!ascii_digit((uint8_t)entry->d_name[0]))
			continue;
		(void)snprintf(path, sizeof path, "/proc/%s/stat",
			       entry->d_name);
		/* It may have ended meanwhile. */
		if (!read_small(path, text, &line) ||
		    !cpu_parse_stat(line, &stat))
			continue;
		if (!add_process(all, &stat))
			err = YB_NOMEM;
	}
	(void)closedir(dir);
	return err;
}

/* All processes, if the root of the tree is among them. */
static enum yb_err list_with_root(struct processes *all, pid_t root)
{
	enum yb_err err = list_processes(all);
	bool found = false;

	for (size_t i = 0; i < all->n; i++)
		found = found || all->p[i].pid == root;
	return err == YB_OK && !found ? YB_NOT_FOUND : err;
}

static enum yb_err read_tree(pid_t root, uint64_t *ret_ns)
{
	struct processes all = { 0 };
	enum yb_err err = list_with_root(&all, root);
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	if (err == YB_OK)
		*ret_ns = cpu_sum_tree(all.p, all.n, root) * (1000000000u / hz);
	free(all.p);
	return err;
}

/* Leaves of `all` what is `root` or below it. */
static void keep_tree(struct processes *all, pid_t root)
{
	size_t n = 0;
	bool *keep = calloc(all->n + 1, sizeof *keep);

	qsort(all->p, all->n, sizeof *all->p, by_pid);
	for (size_t i = 0; keep != NULL && i < all->n; i++)
		keep[i] = is_below(all->p, all->n, &all->p[i], root);
	for (size_t i = 0; keep != NULL && i < all->n; i++)
		if (keep[i])
			all->p[n++] = all->p[i];
	all->n = n;
	free(keep);
}

/* ---- a control group ---- */

/* cgroups(7): the file cgroup.procs has a number a line. */
static enum yb_err list_group(struct processes *all, const char *dir)
{
	char path[PATH_MAX];
	unsigned pid;
	FILE *f;
	enum yb_err err = YB_OK;

	(void)snprintf(path, sizeof path, "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	if (f == NULL)
		return err_from_errno(errno);
	while (err == YB_OK && fscanf(f, "%u", &pid) == 1) {
		struct cpu_stat one = { .pid = (pid_t)pid };

		if (!add_process(all, &one))
			err = YB_NOMEM;
	}
	(void)fclose(f);
	return err;
}

static enum yb_err read_cgroup(const char *dir, uint64_t *ret_ns)
{
	char path[PATH_MAX], text[STAT_TEXT_MAX];
	struct span s;

	(void)snprintf(path, sizeof path, "%s/cpuacct.usage", dir);
	if (read_small(path, text, &s))
		return num_parse(span_cut(&s, '\n'), UINT64_MAX, ret_ns)
			       ? YB_OK
			       : YB_INVALID;
	(void)snprintf(path, sizeof path, "%s/cpu.stat", dir);
	if (!read_small(path, text, &s))
		return err_from_errno(errno);
	while (s.n > 0) {
		struct span line = span_cut(&s, '\n');
		struct span name = span_cut(&line, ' ');
		uint64_t us;

		if (span_eq(name, SPAN_LIT("usage_usec")) &&
		    num_parse(line, UINT64_MAX / 1000, &us)) {
			*ret_ns = us * 1000;
			return YB_OK;
		}
	}
	return YB_INVALID;
}

enum yb_err cpu_read(const struct cpu_source *source, uint64_t *ret_ns)
{
	if (source->cgroup != NULL)
		return read_cgroup(source->cgroup, ret_ns);
	return read_tree(source->pid, ret_ns);
}

enum yb_err cpu_processes(const struct cpu_source *source, pid_t **ret,
			  size_t *ret_n)
{
	struct processes all = { 0 };
	enum yb_err err = source->cgroup != NULL
				  ? list_group(&all, source->cgroup)
				  : list_with_root(&all, source->pid);
	pid_t *pids = NULL;

	if (err == YB_OK && source->cgroup == NULL)
		keep_tree(&all, source->pid);
	if (err == YB_OK && all.n == 0)
		err = YB_NOT_FOUND;
	if (err == YB_OK) {
		pids = calloc(all.n, sizeof *pids);
		err = pids == NULL ? YB_NOMEM : YB_OK;
	}
	for (size_t i = 0; pids != NULL && i < all.n; i++)
		pids[i] = all.p[i].pid;
	if (err == YB_OK) {
		*ret = pids;
		*ret_n = all.n;
	}
	free(all.p);
	return err;
}

uint64_t cpu_own_ns(void)
{
	struct rusage u;
	uint64_t s, us;

	(void)getrusage(RUSAGE_SELF, &u); /* cannot fail for oneself */
	s = (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec);
	us = (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	return s * 1000000000u + us * 1000u;
}
