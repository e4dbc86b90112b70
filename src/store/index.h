/*
 * What a mailbox holds, as a table of one entry a message, and the mailbox
 * index: the file that keeps this table so that opening need not read the
 * log. The file is derived (I5). Entries have the same octets in memory and
 * in the file, so that opening reads straight into the table.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "os/storage.h"
#include "store/log.h"

enum { INDEX_HEAD_SIZE = 160, INDEX_ENTRY_SIZE = 112 };

/* Hidden from every device. */
#define INDEX_HIDDEN_ALL UINT64_MAX

/* Beside enum wire_flags: brought back, so that a later entry stands for the
 * message. Such an entry is always hidden. */
enum { INDEX_MOVED = 1 << 15 };

struct index_entry {
	uint64_t offset; /* of the wire form in the log */
	uint64_t seq;
	uint64_t wire_size;
	int64_t received_ns;
	uint8_t id[16];
	uint64_t collected; /* a bit a device; 0 until devices are tracked */
	uint64_t hidden;    /* a bit a device */
	uint64_t gone_seq;  /* of the EXPUNGE record that hid it, or 0 */
	uint32_t gone_start, gone_number; /* struct store_session */
	uint32_t uid;
	uint32_t header_size;
	uint32_t dots;
	uint32_t uidl;   /* in the file of imported UIDLs; 0: from the id */
	uint32_t gone_s; /* when it was hidden, since 1970 */
	uint16_t flags;  /* enum wire_flags, INDEX_MOVED */
	uint8_t gone_worker;
	uint8_t gone_kind;
	uint64_t sum; /* of all the above; depends on log and position */
};

_Static_assert(sizeof(struct index_entry) == INDEX_ENTRY_SIZE,
	       "entries have no padding and are written as they are");

/* A run of entries that changed. */
struct index_range {
	size_t first, end;
};

struct index_table {
	struct log_keys keys;
	struct index_entry *entries; /* uids rise */
	size_t count, cap;
	uint64_t messages, octets; /* of visible ones */
	uint64_t live_space;       /* octets of their records, about */
	uint64_t hidden_space;     /* of hidden ones that were not moved */
	uint32_t oldest_gone_s;    /* of these; UINT32_MAX if there are none */
	uint64_t sum;              /* of all entries' sums */
	uint64_t last_seq;         /* of the last good record, or 0 */
	uint64_t last_uid;         /* the highest given, or 0 */
	uint64_t last_at;          /* offset of the last good record, or 0 */
	uint64_t last_sum;         /* its header's sum */
};

void index_table_init(struct index_table *t, const struct log_keys *keys);
void index_table_done(struct index_table *t);

/* Makes room for `more` entries, so that adding them cannot fail. */
YB_CHECKED enum yb_err index_table_reserve(struct index_table *t, size_t more);

/* Takes note that a good record of any type is at `at`. */
void index_table_note(struct index_table *t, const struct log_record *record,
		      uint64_t at, uint64_t head_sum);

/* Adds the MESSAGE record at `at`; there must be room. */
void index_table_add(struct index_table *t, const struct log_record *record,
		     uint64_t at);

/* Adds an entry as it is, but for its sum; there must be room. */
void index_table_put(struct index_table *t, const struct index_entry *e);

/* The message of entry `i` is at `offset` now. */
void index_table_place(struct index_table *t, size_t i, uint64_t offset);

/*
 * Hides the messages of a uid range, as an EXPUNGE record says; returns the
 * entries that the range covers.
 */
struct index_range index_table_hide(struct index_table *t,
				    struct uid_range uids,
				    const struct log_record *expunge);

/*
 * Brings messages back as an UNDELETE record says, the first of them with
 * `seq`: each gets a new entry, for which there must be room, and the old one
 * is marked as moved. What is not hidden keeps its place. Returns the entries
 * that the range covers; the new ones are at the end.
 */
struct index_range index_table_unhide(struct index_table *t,
				      struct log_undelete_range range,
				      uint64_t seq);

/* Whether the entry is a message that was deleted and is still in the log. */
static inline bool index_is_deleted(const struct index_entry *e)
{
	return e->hidden == INDEX_HIDDEN_ALL && (e->flags & INDEX_MOVED) == 0;
}

/* What its record takes in the log, extras left out. */
static inline uint64_t index_space(const struct index_entry *e)
{
	return LOG_RECORD_SIZE + log_align(e->wire_size);
}

/* The first entry whose uid is not below `uid`. */
size_t index_table_find(const struct index_table *t, uint64_t uid);

/* Visible messages in a uid range. */
size_t index_table_count(const struct index_table *t, struct uid_range uids);

/* ---- the file ---- */

/* What its header says beyond the table. */
struct index_head {
	uint8_t log_id[16];
	uint64_t generation;
	uint64_t covers_upto;  /* the table has all records below this */
	uint64_t durable_upto; /* the log was synced up to here */
	uint64_t count;
	struct index_table totals; /* no entries */
};

void index_head_encode(const struct index_head *head,
		       const struct index_table *t,
		       uint8_t dst[INDEX_HEAD_SIZE]);

/* CORRUPT if it is none, or from a program that wrote it otherwise. */
YB_CHECKED enum yb_err index_head_decode(const uint8_t src[INDEX_HEAD_SIZE],
					 struct index_head *ret);

/* Reads the header. CORRUPT, IO. */
YB_CHECKED enum yb_err index_read_head(const struct os_storage *os, int fd,
				       struct index_head *ret);

/*
 * Reads all entries in one pass, checking each; the totals have to fit. On
 * success `t` is what it was when the header was written. CORRUPT, IO,
 * NOMEM: `t` is empty.
 */
YB_CHECKED enum yb_err index_read_entries(const struct os_storage *os, int fd,
					  const struct index_head *head,
					  struct index_table *t);

/* Writes a run of entries in place. No sync: the file is derived. */
YB_CHECKED enum yb_err index_write_entries(const struct os_storage *os, int fd,
					   const struct index_table *t,
					   struct index_range range);

YB_CHECKED enum yb_err index_write_head(const struct os_storage *os, int fd,
					const struct index_head *head,
					const struct index_table *t);

#endif
