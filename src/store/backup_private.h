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

#endif
