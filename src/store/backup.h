/*
 * A backup: copies of mailbox logs in a folder, and for each run a list of
 * how far they went. Logs only grow (I1), so a run copies what is new, and
 * every earlier run stays whole: it is the start of the same files. What was
 * copied is never written over: a log that goes on otherwise, since its store
 * was put back to an earlier day, gets a file with the next fork.
 *
 *	DEST/yubin-backup             "format 1"
 *	DEST/logs/<ab>/<account>.<mailbox>.<generation>.<fork>
 *	DEST/runs/<UTC time>/list     the logs, how far; ends with its sum
 *	DEST/runs/<UTC time>/...      the directory, the configuration, keys
 *
 * A run counts once its folder has its name, which is after everything in it
 * is synced. docs/store-format.md has the list octet by octet.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "base/buf.h"
#include "store/index.h"
#include "store/store.h"

enum {
	BACKUP_NAME_LEN = 20, /* "2026-11-21T17:00:00Z" */
	BACKUP_ADDRESS_MAX = 254,
	/* A folder's path, and the longest name in it. */
	BACKUP_PATH_MAX = 4096 + 256,
};

/* One log of a run. */
struct backup_log {
	struct store_place place;
	uint64_t generation;
	uint32_t fork; /* which of the files of that generation */
	uint64_t size; /* octets of the log that belong to the run */
	uint64_t seq;  /* of the last good record in them */
	struct store_totals totals; /* what sessions saw of it */
	uint64_t damaged;           /* stretches without a good record */
	char address[BACKUP_ADDRESS_MAX + 1];
};

struct backup_run {
	char name[BACKUP_NAME_LEN + 1];
	struct buf logs; /* struct backup_log, by account and mailbox */
};

static inline size_t backup_run_count(const struct backup_run *run)
{
	return run->logs.n / sizeof(struct backup_log);
}

static inline const struct backup_log *
backup_run_log(const struct backup_run *run, size_t i)
{
	return (const struct backup_log *)(const void *)run->logs.p + i;
}

struct backup; /* an open folder */

/*
 * Opens a backup; `make`: begins one in a folder that is missing or empty.
 * NOT_FOUND; INVALID if the folder holds something else; VERSION if a newer
 * program made it; BUSY if another command writes to it.
 */
YB_CHECKED enum yb_err backup_open(const char *path, bool make,
				   struct backup **ret);
void backup_close(struct backup **b);

/* Names of runs, oldest first; false ends the walk. */
typedef bool backup_name_fn(void *ctx, const char *name);
YB_CHECKED enum yb_err backup_runs(const struct backup *b, backup_name_fn *each,
				   void *ctx);

/* The list of a run. NOT_FOUND; CORRUPT if its sum is wrong. */
YB_CHECKED enum yb_err backup_run_read(const struct backup *b, const char *name,
				       struct backup_run *ret);
void backup_run_done(struct backup_run *run);

/* The log of an account in a run; NULL if it has none. */
const struct backup_log *backup_run_find(const struct backup_run *run,
					 const struct store_place *place);

/* ---- making a run ---- */

/*
 * Copies a log that store_lend() lent up to log->size, behind what `before`
 * has of it (the log of the run before, or NULL), syncs it, and reads it
 * back: every sum is checked. Fills in seq and damaged; `copied` counts
 * octets.
 */
YB_CHECKED enum yb_err backup_copy(const struct backup *b, int from,
				   const struct backup_log *before,
				   struct backup_log *log, uint64_t *copied);

/*
 * A folder for the files of a run that is being made, mode 0700; whatever an
 * interrupted one left there is removed first.
 */
YB_CHECKED enum yb_err backup_begin(const struct backup *b,
				    char ret_path[BACKUP_PATH_MAX]);

/* Writes the list and gives the run its name. EXISTS within a second. */
YB_CHECKED enum yb_err backup_commit(const struct backup *b,
				     const struct backup_run *run);

/* ---- taking out of it ---- */

/* The copy of a log, read-only, the caller's. CORRUPT if it is too short. */
YB_CHECKED enum yb_err backup_open_log(const struct backup *b,
				       const struct backup_log *log,
				       int *ret_fd);

/*
 * Makes the log of `place` in a store's folder from such a copy: with a new
 * UIDVALIDITY, and without what came after `until_ns` (INT64_MAX: all). EXISTS
 * if the place has a log. `store` is a path.
 */
YB_CHECKED enum yb_err backup_restore(int from, const struct backup_log *log,
				      const char *store,
				      const struct store_place *place,
				      int64_t until_ns);

/*
 * Reads a log that was restored as the store itself would: its messages,
 * with offsets in `ret_fd`, which like the table is the caller's. What was
 * wrong with it is in `reports`, a line each.
 */
YB_CHECKED enum yb_err backup_look(const char *store,
				   const struct store_place *place,
				   struct index_table *ret, int *ret_fd,
				   struct buf *reports);

#endif
