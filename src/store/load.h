/*
 * Opening a mailbox that nobody has open: the index is read and believed as
 * far as it fits the log, the rest of the log is scanned, a torn tail is set
 * aside, and all is synced before anything is shown (I2, I5, I6). Runs in
 * the pool; touches files only.
 */
#ifndef STORE_LOAD_H
#define STORE_LOAD_H

#include "base/buf.h"
#include "store/files.h"
#include "store/index.h"

struct loaded {
	bool absent;    /* there is no log; the rest is empty */
	bool read_only; /* a newer program's log, or a read-only disk */
	struct log_head head;
	struct index_table table;
	uint64_t tail; /* where the next record goes; all below is synced */
	int log_fd;
	int index_fd;       /* -1: could not be written */
	struct buf reports; /* lines for an administrator, each with LF */
};

void loaded_init(struct loaded *l);

/* Frees what was not taken over. */
void loaded_done(struct loaded *l, const struct os_storage *os);

/*
 * Loads; `distrust` if a sync of this log has failed before: then it is
 * copied into a new generation in any case. CORRUPT, VERSION, IO, NOMEM and
 * what opening a file may say. `l->reports` is filled on failure too.
 */
YB_CHECKED enum yb_err mailbox_load(struct files *f,
				    const struct store_place *place,
				    bool distrust, struct loaded *l);

/* Makes the index file of a mailbox; -1 in its place if that fails. */
void load_make_index(const struct files *f, const struct store_place *place,
		     const struct index_head *head, const struct index_table *t,
		     int *ret_fd);

#endif
