/*
 * Where a mailbox's files are, and how they come to be there for good: a log
 * gets its name only when it is whole and synced, and mail goes into it only
 * when every name on the way to it is synced (I2).
 */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include <stdatomic.h>

#include "os/storage.h"
#include "store/log.h"

/* "ab/cd/" and 32 digits, "/", 10 digits, "/torn." and two numbers, NUL. */
enum { FILES_PATH_MAX = 128 };

/*
 * Folders of two digits whose names this process has synced: they are shared
 * by many accounts and never removed, so once is enough.
 */
struct files_synced {
	_Atomic uint64_t first[256 / 64];
	_Atomic uint64_t second[65536 / 64];
};

/* The store's folder as the pool sees it. */
struct files {
	const struct os_storage *os;
	int root;
	struct files_synced synced;
	_Atomic bool stopping; /* long work that can be given up is */
};

/* The path of `name` in a mailbox's folder; of the folder if NULL. */
void files_path(const struct store_place *place, const char *name,
		char dst[FILES_PATH_MAX]);

/* "ab/cd" and the 32 digits of an account's folder. */
void files_account(const struct account_id *id, char ret_parent[8],
		   char ret_name[40]);

/* Opens the folder of a mailbox. NOT_FOUND. */
YB_CHECKED enum yb_err files_open_folder(const struct files *f,
					 const struct store_place *place,
					 int *ret_dir);

/*
 * Makes the folders from the store's down to the mailbox's that are missing,
 * and syncs the name of each.
 */
YB_CHECKED enum yb_err files_make_folders(struct files *f,
					  const struct store_place *place);

/* The same, and syncs the names of the mailbox's files too. */
YB_CHECKED enum yb_err files_sync_names(struct files *f,
					const struct store_place *place);

/*
 * Makes a log whose records, if any, are those of `from` below `upto`, octet
 * for octet; syncs it, gives it its name, syncs that (I9). `from` may be -1.
 * The folders have to exist. On failure the old log, if any, is still the
 * one that counts, or the new one, which holds the same.
 */
YB_CHECKED enum yb_err files_make_log(const struct files *f,
				      const struct log_head *head, int from,
				      uint64_t upto, int *ret_fd);

/* Copies octets of `from` to `to`, which is as long as `to_at`. */
YB_CHECKED enum yb_err files_copy(const struct os_storage *os, int from,
				  uint64_t at, uint64_t n, int to,
				  uint64_t to_at);

/* A new file; one of this name that an earlier attempt left goes first. */
YB_CHECKED enum yb_err files_create_afresh(const struct os_storage *os, int dir,
					   const char *name, int *ret_fd);

/* Removes a folder with all that it holds, at most 8 levels deep. */
YB_CHECKED enum yb_err files_remove_tree(const struct os_storage *os, int dir,
					 const char *name);

#endif
