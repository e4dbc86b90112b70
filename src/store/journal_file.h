/*
 * The journal: one file of fixed size into which many mailboxes' new octets go
 * in one write and one sync, where each log would need a sync of its own. It
 * is a copy and never the place of anything for long: the logs have the same
 * octets, written but not synced, and are synced later, many messages at once.
 * After a crash journal_recover() puts what it holds into the logs again.
 *
 * The file has a header and two halves. In a half lie batches, each beginning
 * at a block, of entries: a head and octets of one log. The entries of a half
 * that count have the epoch of its first one, which rises with each use of a
 * half. docs/store-format.md has every octet.
 */
#ifndef STORE_JOURNAL_FILE_H
#define STORE_JOURNAL_FILE_H

#include "base/buf.h"
#include "store/files.h"

enum {
	JOURNAL_BLOCK = 4096,
	JOURNAL_ENTRY_SIZE = 96,
	JOURNAL_HALVES = 2,
};

struct journal_file {
	const struct os_storage *os;
	int fd;        /* -1: there is none */
	uint64_t key;  /* seeds all sums; secret: bodies cannot pass for it */
	uint64_t half; /* octets of each, a multiple of JOURNAL_BLOCK */
};

struct journal_entry {
	struct store_place place;
	uint8_t log_id[16];
	uint64_t generation;
	uint64_t epoch; /* not 0 */
	uint64_t at, n; /* in the log */
	uint64_t sum;   /* of the octets */
};

/* Octets of an entry with `n` octets of a log. */
static inline uint64_t journal_entry_size(uint64_t n)
{
	return JOURNAL_ENTRY_SIZE + log_align(n);
}

/* Where a half begins in the file. */
static inline uint64_t journal_half_at(const struct journal_file *j,
				       unsigned half)
{
	return JOURNAL_BLOCK + half * j->half;
}

/* Writes the head of an entry whose octets are `octets` and which goes to
 * offset `pos` of the file. */
void journal_entry_encode(const struct journal_file *j, uint64_t pos,
			  struct journal_entry *e, const uint8_t *octets,
			  uint8_t dst[JOURNAL_ENTRY_SIZE]);

/* Makes the file, filled with zeros, so that what goes into it later changes
 * no size and takes no block; named and synced. */
YB_CHECKED enum yb_err journal_make(const struct files *f, uint64_t half,
				    struct journal_file *ret);

/* Takes the file away, for good. */
YB_CHECKED enum yb_err journal_remove(const struct files *f);

/*
 * Writes what the journal has of one generation of a log into `fd`, so that it
 * can be read there. CORRUPT, IO, NOMEM.
 */
YB_CHECKED enum yb_err journal_restore(const struct journal_file *j,
				       const struct store_place *place,
				       uint64_t generation, int fd);

/*
 * Brings all that a crash left in the journal into the logs, syncs them, and
 * takes the journal away. A log that cannot be written keeps nobody from
 * their mail: the journal is then set aside, and `reports` gets lines that say
 * so. FULL, READ_ONLY, NOMEM, IO if the journal itself is in no state to be
 * used now; it stays.
 */
YB_CHECKED enum yb_err journal_recover(const struct files *f,
				       struct buf *reports);

#endif
