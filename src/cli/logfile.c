#include "cli/logfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "config/config.h"
#include "os/fd.h"

enum {
	/* Ours have 2 KiB; what is longer is cut into several. */
	LINE_MAX_OCTETS = 64 * 1024,
	/* Years of days. */
	ROTATED_MAX = 4096,
	/* Nobody sees a quarter of a second. */
	FOLLOW_MS = 250,
};

extern char **environ;

/* ---- lines out of a descriptor ---- */

struct lines {
	int fd;
	struct buf held; /* the start of a line */
	logfile_line_fn *line;
	void *ctx;
	bool over; /* nobody wants more */
};

static void lines_init(struct lines *l, int fd, logfile_line_fn *line,
		       void *ctx)
{
	*l = (struct lines){ .fd = fd, .line = line, .ctx = ctx };
	buf_init(&l->held, LINE_MAX_OCTETS);
}

static void tell(struct lines *l, struct span line)
{
	if (!l->over)
		l->over = !l->line(l->ctx, line);
	buf_clear(&l->held);
}

static enum yb_err take(struct lines *l, struct span in)
{
	while (in.n > 0 && !l->over) {
		size_t at = span_find(in, '\n');
		bool whole = at < in.n;
		size_t fits = buf_space(&l->held);
		enum yb_err err;

		if (at > fits) {
			at = fits;
			whole = true;
		}
		err = buf_add(&l->held, span_head(in, at));
		if (err != YB_OK)
			return err;
		in = span_skip(in, at + (at < in.n && in.p[at] == '\n'));
		if (whole)
			tell(l, buf_span(&l->held));
	}
	return YB_OK;
}

/* To the end of the file for now. */
static enum yb_err read_on(struct lines *l)
{
	uint8_t octets[64 * 1024];
	enum yb_err err = YB_OK;

	while (err == YB_OK && !l->over) {
		ssize_t n = read(l->fd, octets, sizeof octets);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		if (n == 0)
			return YB_OK;
		err = take(l, span_of(octets, (size_t)n));
	}
	return err;
}

static enum yb_err read_to_end(struct lines *l)
{
	enum yb_err err = read_on(l);

	if (err == YB_OK && l->held.n > 0)
		tell(l, buf_span(&l->held));
	return err;
}

/* ---- programs whose output is read ---- */

/* Starts a program with its output at *ret_fd. NOT_FOUND, or what else. */
static enum yb_err run(const char *const *argv, int stdin_fd, int *ret_fd,
		       pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int pair[2], number;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_from_errno(errno);
	AUTO_FD ours = pair[0];
	AUTO_FD theirs = pair[1];
	if (posix_spawn_file_actions_init(&actions) != 0)
		return YB_NOMEM;
	number = posix_spawn_file_actions_adddup2(&actions, theirs, 1);
	if (number == 0 && stdin_fd >= 0)
		number =
			posix_spawn_file_actions_adddup2(&actions, stdin_fd, 0);
	if (number == 0)
		number = posix_spawnp(ret_pid, argv[0], &actions, NULL,
				      (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (number != 0)
		return err_from_errno(number);
	*ret_fd = fd_steal(&ours);
	return YB_OK;
}

static enum yb_err bury(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return YB_GONE;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? YB_OK : YB_GONE;
}

/* ---- rotated files ---- */

struct rotated {
	char path[CONFIG_PATH_LEN * 2];
	time_t written;
};

/* "mail.log.1", "mail.log-20261121", each also with ".gz". */
static bool is_brother(const char *name, const char *base)
{
	size_t n = strlen(base);
	const char *p = name + n;

	if (strncmp(name, base, n) != 0 || (*p != '.' && *p != '-') ||
	    !ascii_digit((uint8_t)p[1]))
		return false;
	for (p++; ascii_digit((uint8_t)*p) || *p == '-'; p++)
		;
	return *p == 0 || strcmp(p, ".gz") == 0;
}

static int by_age(const void *a, const void *b)
{
	const struct rotated *x = a, *y = b;

	if (x->written != y->written)
		return x->written < y->written ? -1 : 1;
	/* .2 was written before .1, -20261120 before -20261121. */
	return strchr(x->path, '-') != NULL ? strcmp(x->path, y->path)
					    : strcmp(y->path, x->path);
}

/* Those of `path` written since; *ret is the caller's to free. */
static size_t find_rotated(const char *path, int64_t since_s,
			   struct rotated **ret)
{
	char folder[CONFIG_PATH_LEN];
	const char *slash = strrchr(path, '/');
	struct rotated *found = NULL;
	const struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	*ret = NULL;
	if (slash == NULL ||
	    !span_to_str(span_of(path, (size_t)(slash - path) + 1), folder,
			 sizeof folder))
		return 0;
	dir = opendir(folder);
	while (dir != NULL && n < ROTATED_MAX &&
	       (entry = readdir(dir)) != NULL) {
		struct rotated *more;
		struct stat st;

		if (!is_brother(entry->d_name, slash + 1))
			continue;
		more = realloc(found, (n + 1) * sizeof *found);
		if (more == NULL)
			break;
		found = more;
		(void)snprintf(found[n].path, sizeof found[n].path, "%s%s",
			       folder, entry->d_name);
		if (stat(found[n].path, &st) < 0 || st.st_mtime < since_s ||
		    !S_ISREG(st.st_mode))
			continue;
		found[n++].written = st.st_mtime;
	}
	if (dir != NULL)
		(void)closedir(dir);
	if (n > 0)
		qsort(found, n, sizeof *found, by_age);
	*ret = found;
	return n;
}

static bool is_packed(const char *path)
{
	size_t n = strlen(path);

	return n > 3 && strcmp(path + n - 3, ".gz") == 0;
}

static enum yb_err read_packed(int fd, logfile_line_fn *line, void *ctx,
			       bool *ret_over)
{
	static const char *const argv[] = { "gzip", "-dc", NULL };
	AUTO_FD output = -1;
	struct lines l;
	enum yb_err err;
	pid_t pid;

	err = run(argv, fd, &output, &pid);
	if (err != YB_OK)
		return err;
	lines_init(&l, output, line, ctx);
	err = read_to_end(&l);
	buf_done(&l.held);
	fd_close(&output);
	*ret_over = l.over;
	if (bury(pid) != YB_OK && !l.over && err == YB_OK)
		err = YB_CORRUPT;
	return err;
}

static enum yb_err read_one(const char *path, logfile_line_fn *line, void *ctx,
			    bool *ret_over)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	struct lines l;
	enum yb_err err;

	if (fd < 0)
		return err_from_errno(errno);
	if (is_packed(path))
		return read_packed(fd, line, ctx, ret_over);
	lines_init(&l, fd, line, ctx);
	err = read_to_end(&l);
	*ret_over = l.over;
	buf_done(&l.held);
	return err;
}

/* One that went away meanwhile, or is cut short, hides no other. */
static void read_rotated(const char *path, int64_t since_s,
			 logfile_line_fn *line, void *ctx, bool *ret_over)
{
	AUTO_FREE struct rotated *found = NULL;
	size_t n = find_rotated(path, since_s, &found);

	for (size_t i = 0; i < n && !*ret_over; i++) {
		enum yb_err err = read_one(found[i].path, line, ctx, ret_over);

		if (err != YB_OK && err != YB_NOT_FOUND)
			(void)fprintf(stderr, "yubin: cannot read %s: %s\n",
				      found[i].path, err_text(err));
	}
}

enum yb_err logfile_read(const char *path, int64_t since_s,
			 logfile_line_fn *line, void *ctx)
{
	bool over = false;

	if (access(path, R_OK) < 0)
		return err_from_errno(errno);
	read_rotated(path, since_s, line, ctx, &over);
	return over ? YB_OK : read_one(path, line, ctx, &over);
}

/* ---- following ---- */

/* Whether another file has the name now; the old one is read to its end. */
static bool is_replaced(const char *path, int fd)
{
	struct stat now, had;

	return stat(path, &now) == 0 && fstat(fd, &had) == 0 &&
	       (now.st_ino != had.st_ino || now.st_dev != had.st_dev);
}

/* logrotate's copytruncate cuts the file that is still written. */
static void notice_cut(struct lines *l)
{
	struct stat st;
	off_t at = lseek(l->fd, 0, SEEK_CUR);

	if (fstat(l->fd, &st) == 0 && st.st_size < at &&
	    lseek(l->fd, 0, SEEK_SET) == 0)
		buf_clear(&l->held);
}

static enum yb_err go_on(const char *path, struct lines *l)
{
	const struct timespec pause = { .tv_nsec = FOLLOW_MS * 1000000L };
	enum yb_err err = YB_OK;

	while (err == YB_OK && !l->over) {
		bool replaced = is_replaced(path, l->fd);

		notice_cut(l);
		err = read_on(l);
		if (err != YB_OK || l->over)
			break;
		if (replaced) {
			AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

			if (fd >= 0) {
				fd_close(&l->fd);
				l->fd = fd_steal(&fd);
				continue;
			}
		}
		(void)fflush(stdout);
		(void)nanosleep(&pause, NULL);
	}
	return err;
}

enum yb_err logfile_follow(const char *path, int64_t since_s,
			   logfile_line_fn *line, void (*caught_up)(void *ctx),
			   void *ctx)
{
	bool over = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct lines l;
	enum yb_err err;

	if (fd < 0)
		return err_from_errno(errno);
	read_rotated(path, since_s, line, ctx, &over);
	lines_init(&l, fd, line, ctx);
	l.over = over;
	err = read_on(&l);
	if (err == YB_OK) {
		caught_up(ctx);
		err = go_on(path, &l);
	}
	buf_done(&l.held);
	fd_close(&l.fd);
	return err;
}

/* ---- the journal ---- */

enum yb_err logfile_journal(const char *since, bool follow,
			    logfile_line_fn *line, void *ctx)
{
	const char *argv[12] = { "journalctl", "--no-pager", "--quiet", "-u",
				 "yubin",      "-o",         "cat" };
	size_t n = 7;
	AUTO_FD output = -1;
	struct lines l;
	enum yb_err err;
	pid_t pid;

	if (since != NULL) {
		argv[n++] = "--since";
		argv[n++] = since;
	}
	if (follow) {
		argv[n++] = "--follow"; /* behind the last ten lines, */
		if (since != NULL)
			argv[n++] = "--no-tail"; /* or all since then */
	}
	err = run(argv, -1, &output, &pid);
	if (err != YB_OK)
		return err;
	lines_init(&l, output, line, ctx);
	err = read_to_end(&l);
	buf_done(&l.held);
	fd_close(&output); /* ends it, where nobody wants more */
	if (bury(pid) != YB_OK && err == YB_OK && !l.over)
		err = YB_GONE;
	return err;
}
