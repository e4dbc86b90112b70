/*
 * Private to the backup: backup.c has the folder, the runs and their lists,
 * backup_logs.c what happens to one log.
 */
#ifndef STORE_BACKUP_PRIVATE_H
#define STORE_BACKUP_PRIVATE_H

#include "store/backup.h"

struct backup {
	char path[BACKUP_PATH_MAX - 256];
	int dir; /* locked, if it may be written */
};

/*
 * Reads a list into run->logs, which is empty. CORRUPT if its sum or a line
 * is wrong: `run` then holds some of it. VERSION.
 */
YB_CHECKED enum yb_err backup_list_parse(struct span text,
					 struct backup_run *run);

#endif
