/*
 * What `yubin backup` and `yubin restore` share: choosing a run, a place to
 * try a restore in, and the check of a whole run.
 */
#ifndef CLI_BACKUPS_H
#define CLI_BACKUPS_H

#include "cli/say.h"
#include "store/backup.h"

enum {
	/* The directory of a host with millions of accounts. */
	BACKUPS_FILE_MAX = 1024 * 1024 * 1024,
	BACKUPS_LIST_MAX = 1024 * 1024 * 1024,
};

/* The directory in the folder of a run. */
#define BACKUPS_DIRECTORY "directory.db"

/*
 * Prints why a backup cannot be used, to write a run or to read one; the exit
 * code.
 */
int backups_tell(const char *path, bool to_write, enum yb_err err);

/* The last run, or an empty one if there is none yet. */
YB_CHECKED enum yb_err backups_read_last(const struct backup *b,
					 struct backup_run *ret);

/* Which run is wanted; either may be NULL. */
struct backups_wish {
	const char *path; /* of the backup */
	const char *run;  /* its name */
	const char *until;
};

/*
 * The run of that name, or the first one made after `until`, since it has all
 * that came until then; else the last. COMMAND_OK, or the exit code with the
 * reason printed; `ret_until_ns` is INT64_MAX without a time.
 */
int backups_choose(const struct backups_wish *wish, const struct backup *b,
		   struct backup_run *ret, int64_t *ret_until_ns);

/* The path of a file of the run. */
void backups_path(const char *backup, const struct backup_run *run,
		  const char *name, char ret[BACKUP_PATH_MAX]);

/*
 * Copies the directory of a run to `to`, as the owner of the folder `owner`
 * unless that is NULL. COMMAND_OK, or the exit code with the reason printed.
 */
int backups_take_directory(const char *backup, const struct backup_run *run,
			   const char *to, const char *owner);

/* ---- a store for trying ---- */

struct scratch {
	char path[BACKUP_PATH_MAX];
};

/* Makes a folder in $TMPDIR, else in /var/tmp; false with the reason told. */
bool scratch_begin(struct scratch *s);
/* Removes it with all that it holds. */
void scratch_end(struct scratch *s);
/* Removes what it holds. */
void scratch_clear(struct scratch *s);

/* `yubin backup --verify`: restores each mailbox into nothing, and compares. */
int backups_verify(const struct invocation *inv);

/* ---- a line on a terminal that says how far it is ---- */

struct progress {
	uint64_t told_ms;
};

void progress_tell(struct progress *p, uint64_t n, const char *what);
void progress_end(struct progress *p);

#endif
