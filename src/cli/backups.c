#include "cli/backups.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/owner.h"
#include "directory/directory.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/storage.h"
#include "store/files.h"

enum {
	/* A line that a person reads changes no more often. */
	PROGRESS_MS = 200,
	/* What is wrong with one mailbox, as far as anybody reads it. */
	REPORTS_MAX = 64 * 1024,
};

void progress_tell(struct progress *p, uint64_t n, const char *what)
{
	uint64_t now = clock_mono_ms();

	if (now < p->told_ms + PROGRESS_MS || isatty(STDERR_FILENO) == 0)
		return;
	(void)fprintf(stderr, "\r%" PRIu64 " %s\033[K", n, what);
	p->told_ms = now;
}

void progress_end(struct progress *p)
{
	if (p->told_ms > 0)
		(void)fputs("\r\033[K", stderr);
	p->told_ms = 0;
}

int backups_tell(const char *path, bool to_write, enum yb_err err)
{
	if (err == YB_INVALID)
		say_error("%s is no backup, and not empty; name a new folder, "
			  "or one that `yubin backup` has made",
			  path);
	else if (err == YB_BUSY)
		say_error("another command writes to the backup %s", path);
	else if (err == YB_VERSION)
		say_error("the backup %s was made by a newer version of this "
			  "program; use that one",
			  path);
	else if (err == YB_CORRUPT)
		say_error("a list in %s/runs is damaged; --run names another "
			  "run, `yubin backup --list %s` shows all",
			  path, path);
	else if (err == YB_EXISTS)
		say_error("%s has a run of this second already; try again",
			  path);
	else if (err == YB_NOT_FOUND && !to_write)
		say_error("there is no backup %s; `yubin backup %s` makes one",
			  path, path);
	else if (err == YB_NOT_FOUND)
		say_error("there is no %s, or nothing above it to make it in; "
			  "make the folder first",
			  path);
	else
		say_error("the backup %s: %s", path, err_text(err));
	return say_exit(err);
}

/* ---- which run ---- */

struct choice {
	const char *from; /* the first that is not before it; or NULL */
	char name[BACKUP_NAME_LEN + 1];
};

static bool choose(void *ctx, const char *name)
{
	struct choice *c = ctx;

	memcpy(c->name, name, sizeof c->name);
	return c->from == NULL || strcmp(name, c->from) < 0;
}

enum yb_err backups_read_last(const struct backup *b, struct backup_run *ret)
{
	struct choice c = { 0 };
	enum yb_err err = backup_runs(b, choose, &c);

	*ret = (struct backup_run){ 0 };
	if (err != YB_OK || c.name[0] == 0)
		return err;
	return backup_run_read(b, c.name, ret);
}

int backups_choose(const struct backups_wish *wish, const struct backup *b,
		   struct backup_run *ret, int64_t *ret_until_ns)
{
	char from[BACKUP_NAME_LEN + 1];
	struct choice c = { 0 };
	enum yb_err err;
	int64_t at_s;

	*ret = (struct backup_run){ 0 };
	*ret_until_ns = INT64_MAX;
	if (wish->until != NULL) {
		time_t at;
		struct tm tm;

		if (!say_point(wish->until, &at_s))
			return COMMAND_USAGE;
		at = (time_t)at_s;
		*ret_until_ns = at_s * 1000000000;
		if (gmtime_r(&at, &tm) == NULL ||
		    strftime(from, sizeof from, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
			return COMMAND_USAGE;
		c.from = from;
	}
	err = backup_runs(b, choose, &c);
	if (err == YB_OK && wish->run != NULL &&
	    !span_to_str(span_str(wish->run), c.name, sizeof c.name))
		err = YB_NOT_FOUND;
	if (err == YB_OK && c.name[0] == 0) {
		say_error("the backup %s has no run yet", wish->path);
		return COMMAND_FAILED;
	}
	if (err == YB_OK)
		err = backup_run_read(b, c.name, ret);
	if (err == YB_NOT_FOUND && wish->run != NULL) {
		say_error("%s has no run %s; `yubin backup --list %s` shows "
			  "all",
			  wish->path, wish->run, wish->path);
		return COMMAND_FAILED;
	}
	return err == YB_OK ? COMMAND_OK : backups_tell(wish->path, false, err);
}

void backups_path(const char *backup, const struct backup_run *run,
		  const char *name, char ret[BACKUP_PATH_MAX])
{
	(void)snprintf(ret, BACKUP_PATH_MAX, "%s/runs/%s/%s", backup, run->name,
		       name);
}

int backups_take_directory(const char *backup, const struct backup_run *run,
			   const char *to, const char *owner)
{
	char from[BACKUP_PATH_MAX];
	struct buf octets;
	enum yb_err err;

	backups_path(backup, run, BACKUPS_DIRECTORY, from);
	buf_init(&octets, BACKUPS_FILE_MAX);
	err = file_read(from, &octets);
	if (owner != NULL)
		owner_enter(owner);
	if (err == YB_OK)
		err = file_replace(to, buf_span(&octets), 0600);
	if (owner != NULL)
		owner_leave();
	buf_wipe(&octets);
	buf_done(&octets);
	if (err == YB_OK)
		return COMMAND_OK;
	say_error("cannot copy %s to %s: %s", from, to, err_text(err));
	return say_exit(err);
}

/* ---- a store for trying ---- */

bool scratch_begin(struct scratch *s)
{
	const char *top = getenv("TMPDIR");

	if (top == NULL || *top != '/' || strlen(top) > BACKUP_PATH_MAX / 2)
		top = "/var/tmp"; /* on a disk: mailboxes may be large */
	(void)snprintf(s->path, sizeof s->path, "%s/yubin-XXXXXX", top);
	if (mkdtemp(s->path) != NULL)
		return true;
	say_error("cannot make a folder in %s: %s; TMPDIR names another place",
		  top, strerror(errno));
	return false;
}

static enum yb_err remove_one(void *ctx, const char *name)
{
	return files_remove_tree(storage_disk(), *(int *)ctx, name);
}

void scratch_clear(struct scratch *s)
{
	const struct os_storage *os = storage_disk();
	AUTO_FD dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0)
		(void)os->list(os->ctx, dir, remove_one, &dir);
}

void scratch_end(struct scratch *s)
{
	scratch_clear(s);
	(void)rmdir(s->path);
}

/* ---- verifying ---- */

struct check {
	const struct invocation *inv;
	struct backup *backup;
	struct backup_run run;
	struct scratch scratch;
	struct progress progress;
	uint64_t octets, wrong;
};

/* The same code reads it as would read it after a restore. */
static void check_log(struct check *c, const struct backup_log *log)
{
	struct index_table table = { 0 };
	struct buf reports;
	int fd = -1;
	enum yb_err err = backup_open_log(c->backup, log, &fd);

	buf_init(&reports, REPORTS_MAX);
	if (err == YB_OK)
		err = backup_restore(fd, log, c->scratch.path, &log->place,
				     INT64_MAX);
	fd_close(&fd);
	if (err == YB_OK)
		err = backup_look(c->scratch.path, &log->place, &table, &fd,
				  &reports);
	if (err == YB_OK && (table.messages != log->totals.messages ||
			     table.octets != log->totals.octets))
		err = YB_CORRUPT;
	if (err == YB_OK && log->damaged == 0 && reports.n > 0)
		err = YB_CORRUPT;
	if (err != YB_OK) {
		say_error("%s: %s; %" PRIu64 " messages of %" PRIu64
			  " octets should be there",
			  log->address, err_text(err), log->totals.messages,
			  log->totals.octets);
		if (reports.n > 0)
			(void)fwrite(reports.p, 1, reports.n, stderr);
		c->wrong++;
	}
	c->octets += log->size;
	index_table_done(&table);
	fd_close(&fd);
	buf_done(&reports);
	scratch_clear(&c->scratch);
}

/* The directory opens, and knows whose mail it is. */
static void check_directory(struct check *c)
{
	char to[BACKUP_PATH_MAX + 16];
	struct directory *d = NULL;
	enum yb_err err = YB_OK;

	(void)snprintf(to, sizeof to, "%s/%s", c->scratch.path,
		       BACKUPS_DIRECTORY);
	if (backups_take_directory(c->inv->args[0], &c->run, to, NULL) !=
	    COMMAND_OK) {
		c->wrong++;
		return;
	}
	err = directory_open(to, &d);
	if (err != YB_OK) {
		say_error("the directory of %s: %s", c->run.name,
			  err_text(err));
		c->wrong++;
	}
	for (size_t i = 0; d != NULL && i < backup_run_count(&c->run); i++) {
		const struct backup_log *log = backup_run_log(&c->run, i);
		struct directory_account *account = NULL;

		/* One that was removed while the run was made is no fault. */
		err = directory_account_find(d, span_str(log->address),
					     &account);
		if (err != YB_OK && err != YB_NO_ACCOUNT)
			c->wrong++;
		directory_account_free(&account);
	}
	directory_close(&d);
	scratch_clear(&c->scratch);
}

static int check_tell(struct check *c)
{
	size_t n = backup_run_count(&c->run);

	if (invocation_option(c->inv, "json") != NULL) {
		struct json json = { .to = stdout };

		json_open(&json, NULL, '{');
		json_str(&json, "run", c->run.name);
		json_u64(&json, "mailboxes", n);
		json_u64(&json, "octets", c->octets);
		json_u64(&json, "wrong", c->wrong);
		json_close(&json, '}');
	} else {
		(void)printf("%s: %zu mailboxes, %" PRIu64 " octets, %" PRIu64
			     " wrong\n",
			     c->run.name, n, c->octets, c->wrong);
	}
	return c->wrong > 0 ? COMMAND_FAILED : COMMAND_OK;
}

int backups_verify(const struct invocation *inv)
{
	const struct backups_wish wish = {
		.path = inv->args[0],
		.run = invocation_option(inv, "run"),
	};
	struct check c = { .inv = inv };
	int64_t until;
	enum yb_err err = backup_open(inv->args[0], false, &c.backup);
	int code;

	if (err != YB_OK)
		return backups_tell(inv->args[0], false, err);
	code = backups_choose(&wish, c.backup, &c.run, &until);
	if (code == COMMAND_OK && !scratch_begin(&c.scratch))
		code = COMMAND_FAILED;
	if (code == COMMAND_OK) {
		for (size_t i = 0; i < backup_run_count(&c.run); i++) {
			check_log(&c, backup_run_log(&c.run, i));
			progress_tell(&c.progress, i + 1, "mailboxes checked");
		}
		check_directory(&c);
		progress_end(&c.progress);
		code = check_tell(&c);
		scratch_end(&c.scratch);
	}
	backup_run_done(&c.run);
	backup_close(&c.backup);
	return code;
}
