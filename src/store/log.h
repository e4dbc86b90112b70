/*
 * The mailbox log's format: a file header, then records, each a header of 96
 * octets and a body padded to 8. docs/store-format.md has every octet. What
 * is here encodes, decodes and sums; nothing reads or writes files.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "base/err.h"
#include "base/span.h"
#include "store/store.h"

enum {
	LOG_HEAD_SIZE = 128,
	LOG_RECORD_SIZE = 96,
	LOG_ALIGN = 8,
	LOG_MAJOR = 1,
	LOG_MINOR = 0,
};

/* A reader that does not know a type with this bit may not write the log. */
#define LOG_CRITICAL 0x8000u

enum log_type {
	LOG_MESSAGE = LOG_CRITICAL | 1,  /* extras, then the wire form */
	LOG_EXPUNGE = LOG_CRITICAL | 2,  /* struct log_expunge, uid ranges */
	LOG_UNDELETE = LOG_CRITICAL | 3, /* struct log_undelete, ranges */
	LOG_COLLECTED = 4,               /* reserved */
	LOG_FLAGS = 5,                   /* reserved */
};

/* IMAP's uids have 32 bits (RFC 9051 section 2.3.1.1). */
#define LOG_UID_MAX UINT32_MAX
/* No log lives to see it: what says more is not ours, and numbers that are
 * added to such ones cannot come round. */
#define LOG_SEQ_MAX ((uint64_t)1 << 62)

struct log_head {
	uint32_t incompat, ro_compat, compat; /* none is known yet */
	uint32_t uidvalidity;
	uint8_t id[16]; /* secret: never leaves the store */
	uint64_t generation;
	uint64_t next_uid; /* at least; when the generation was begun */
	uint64_t next_seq;
	int64_t created_ns;
	struct store_place place; /* whose log this is */
};

/* What the log's secret id seeds. */
struct log_keys {
	uint64_t body, head, entry;
};

struct log_record {
	uint16_t type;
	uint16_t flags; /* enum wire_flags */
	uint64_t seq;
	uint64_t uid;       /* of other records: the highest given until then */
	uint64_t wire_size; /* of other records: of their body */
	uint32_t extras_size;
	uint32_t header_size;
	uint32_t dots;
	int64_t received_ns;
	uint8_t id[16];    /* of EXPUNGE and UNDELETE: who asked for it */
	uint64_t body_sum; /* of extras and wire form */
};

/* The fixed part of an EXPUNGE record's body; `count` uid_ranges follow. */
struct log_expunge {
	uint32_t device;
	uint32_t count;
};

/*
 * The fixed part of an UNDELETE record's body; `count` log_undelete_ranges
 * follow, `total` messages in all. The record takes as many seqs as messages:
 * its own is the last of them.
 */
struct log_undelete {
	uint32_t total;
	uint32_t count;
};

/* The messages first to last, all hidden, get uids from `fresh` on. */
struct log_undelete_range {
	uint32_t first, last;
	uint32_t fresh;
};

/* What the body of either says before its ranges. */
enum { LOG_CHANGE_SIZE = 8 };

struct log_change {
	uint32_t count; /* ranges */
	uint32_t total; /* messages of an UNDELETE; else 0 */
	size_t range_size;
};

/* False if the ranges do not fill the record's body exactly. */
bool log_change_decode(const struct log_record *record,
		       const uint8_t src[LOG_CHANGE_SIZE],
		       struct log_change *ret);

/* Where the ranges of the record at `at` begin. */
static inline uint64_t log_change_at(uint64_t at,
				     const struct log_record *record)
{
	return at + LOG_RECORD_SIZE + record->extras_size + LOG_CHANGE_SIZE;
}

/* Who asked for an EXPUNGE or UNDELETE, as octets of a record's id. */
void log_put_session(uint8_t dst[16], const struct store_session *session);
void log_get_session(const uint8_t src[16], struct store_session *ret);

void log_keys_init(struct log_keys *keys, const uint8_t id[16]);

void log_head_encode(const struct log_head *head, uint8_t dst[LOG_HEAD_SIZE]);

/* CORRUPT; VERSION if a newer major version wrote it. */
YB_CHECKED enum yb_err log_head_decode(const uint8_t src[LOG_HEAD_SIZE],
				       struct log_head *ret);

/* Writes the header of a record at offset `at`; returns its sum. */
uint64_t log_record_encode(const struct log_keys *keys, uint64_t at,
			   const struct log_record *record,
			   uint8_t dst[LOG_RECORD_SIZE]);

/* Whether `src` is the header of a record at `at` in this very log. */
bool log_record_decode(const struct log_keys *keys, uint64_t at,
		       const uint8_t src[LOG_RECORD_SIZE],
		       struct log_record *ret);

/* The sum at the end of an encoded header. */
uint64_t log_record_sum(const uint8_t src[LOG_RECORD_SIZE]);

static inline uint64_t log_align(uint64_t n)
{
	return (n + LOG_ALIGN - 1) & ~(uint64_t)(LOG_ALIGN - 1);
}

static inline uint64_t log_body_size(const struct log_record *record)
{
	return record->extras_size + record->wire_size;
}

/* Octets that the record takes in the log, padding included. */
static inline uint64_t log_record_size(const struct log_record *record)
{
	return LOG_RECORD_SIZE + log_align(log_body_size(record));
}

/* RFC 1939 section 11: with CRLF line ends, dots not doubled. */
static inline uint64_t log_octets(const struct log_record *record)
{
	return record->wire_size - 3 - record->dots;
}

/* The most records that `n` octets of a log can hold. */
static inline uint64_t log_records_most(uint64_t n)
{
	return n / LOG_RECORD_SIZE + 1;
}

/* ---- sums of bodies, in pieces ---- */

struct log_summer; /* one sum in progress */

/* NULL if out of memory. */
struct log_summer *log_summer_new(const struct log_keys *keys);
void log_summer_reset(struct log_summer *s, const struct log_keys *keys);
void log_summer_add(struct log_summer *s, struct span part);
uint64_t log_summer_end(const struct log_summer *s);
void log_summer_free(struct log_summer **s); /* takes NULL */

/* The sum of one piece; seeds as all sums of XXH3-64. */
uint64_t log_sum(struct span s, uint64_t seed);

#endif
