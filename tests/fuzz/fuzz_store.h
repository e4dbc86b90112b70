/*
 * A small mailbox on a disk in memory, and everything that the store does
 * with one, for the targets that write into its files behind its back.
 */
#ifndef TESTS_FUZZ_FUZZ_STORE_H
#define TESTS_FUZZ_FUZZ_STORE_H

#include "fuzz/fuzz.h"
#include "unit/store/sim_disk.h"
#include "unit/store/store_help.h"

#include "base/cleanup.h"
#include "base/num.h"
#include "store/index.h"
#include "store/log.h"

#define FUZZ_FOLDER "01/01/01010101010101010101010101010101/1/"
#define FUZZ_LOG    FUZZ_FOLDER "log"
#define FUZZ_INDEX  FUZZ_FOLDER "index"

/* Three messages, the second of them deleted. */
static inline struct sim_disk *fuzz_disk(void)
{
	struct sim_disk *disk = sim_new();
	struct store *st = help_store(&disk->table, NULL, NULL);
	struct store_snapshot *s;

	MUST(help_deliver(st, help_place(1), "a: b\r\n\r\n..c\r\n.\r\n") ==
	     YB_OK);
	MUST(help_deliver(st, help_place(1), ".\r\n") == YB_OK);
	MUST(help_deliver(st, help_place(1), "d: e\r\n\r\nf\r\n.\r\n") ==
	     YB_OK);
	MUST(help_open(st, help_place(1), &s) == YB_OK);
	MUST(help_expunge(st, s, 2, 2) == YB_OK);
	store_snapshot_close(&s);
	store_close(&st);
	return disk;
}

/* The keys of the log, as whoever reads the disk may know them. */
static inline void fuzz_keys(struct sim_disk *disk, struct log_keys *ret)
{
	log_keys_init(ret, sim_file(disk, FUZZ_LOG)->p + 32);
}

/* What a session may be shown: every message lies within the log. */
static inline uint32_t fuzz_look(struct sim_disk *disk, struct store *st,
				 enum yb_err *ret_err)
{
	struct store_snapshot *s = NULL;
	struct listing l;
	uint32_t count;
	uint64_t size;
	int fd;

	*ret_err = help_open(st, help_place(1), &s);
	MUST(*ret_err != YB_NOMEM);
	if (*ret_err != YB_OK)
		return 0;
	l = help_listing(s);
	count = l.head->count;
	for (uint32_t i = 0; i < count; i++) {
		const struct listing_row *row = &l.rows[i];

		MUST(store_snapshot_log(s, &fd) == YB_OK);
		MUST(disk->table.size(disk, fd, &size) == YB_OK);
		MUST(row->offset <= size &&
		     row->wire_size <= size - row->offset);
		MUST(row->wire_size >= 3 && row->dots <= row->wire_size - 3);
		MUST(row->header_size <= row->wire_size - 3);
		MUST(i == 0 || row->uid > l.rows[i - 1].uid);
		MUST(listing_uidl(&l, i).n > 0);
	}
	store_snapshot_close(&s);
	return count;
}

static inline void fuzz_told_rows(void *ctx, enum yb_err err,
				  const struct store_row *rows, size_t n,
				  bool more)
{
	bool *done = ctx;

	(void)more;
	MUST(err != YB_NOMEM && n <= STORE_ROWS_MAX);
	for (size_t i = 0; i < n; i++)
		MUST(rows[i].uidl[0] != 0);
	*done = true;
}

static inline void fuzz_told_octets(void *ctx, enum yb_err err,
				    const struct store_row *row,
				    struct span octets)
{
	(void)row;
	MUST(err != YB_NOMEM && octets.n <= 64);
	*(bool *)ctx = true;
}

static inline void fuzz_checked(void *ctx, enum yb_err err,
				const struct store_checked *checked)
{
	MUST(err != YB_NOMEM);
	MUST(err != YB_OK || checked->damaged <= checked->octets);
	*(bool *)ctx = true;
}

static inline void fuzz_compacted(void *ctx, enum yb_err err,
				  struct store_compacted compacted)
{
	(void)compacted;
	MUST(err != YB_NOMEM);
	*(bool *)ctx = true;
}

static inline void fuzz_changed(void *ctx, enum yb_err err,
				struct store_change change)
{
	(void)change;
	MUST(err != YB_NOMEM);
	*(bool *)ctx = true;
}

/* What commands ask for. */
static inline void fuzz_ask(struct store *st)
{
	const struct store_undelete all = { .expired_too = true };
	bool done[6] = { false };

	store_list(st, help_place(1), 0, false, STORE_ROWS_MAX, fuzz_told_rows,
		   &done[0]);
	store_list(st, help_place(1), 0, true, STORE_ROWS_MAX, fuzz_told_rows,
		   &done[1]);
	store_read(st, help_place(1), 2, 1, 64, fuzz_told_octets, &done[2]);
	store_check(st, help_place(1), false, fuzz_checked, &done[3]);
	store_undelete(st, help_place(1), NULL, &all, fuzz_changed, &done[4]);
	store_compact(st, help_place(1), fuzz_compacted, &done[5]);
	for (size_t i = 0; i < ARRAY_LEN(done); i++)
		help_wait(st, &done[i]);
}

static inline void fuzz_repair(struct store *st)
{
	bool done = false;

	store_repair(st, help_place(1), fuzz_compacted, &done);
	help_wait(st, &done);
}

#endif
