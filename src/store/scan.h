/*
 * Walks over the records of a log and checks every sum. Behind damage it
 * finds the next header whose seeded sum and rising seq are right (I6), so
 * that what is wrong with one message leaves the others alone.
 */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "os/storage.h"
#include "store/log.h"

struct log_scan {
	const struct os_storage *os;
	int fd;
	const struct log_keys *keys;
	uint64_t at;     /* the next record is looked for here */
	uint64_t size;   /* of the file */
	uint64_t seq;    /* of the last good record */
	uint8_t *window; /* octets of the file from window_at on */
	uint64_t window_at;
	size_t window_n, window_cap;
	struct log_summer *summer;
};

enum scan_kind {
	SCAN_RECORD, /* all sums are right */
	SCAN_BAD,    /* no good record from `at` to `end` */
	SCAN_END,
};

struct scan_item {
	enum scan_kind kind;
	uint64_t at, end;
	/* Of SCAN_RECORD; of SCAN_BAD if `has_head`: only its body is bad. */
	bool has_head;
	struct log_record record;
	uint64_t head_sum;
};

/* Records are expected from `at` on, with a seq above `seq`. NOMEM. */
YB_CHECKED enum yb_err log_scan_init(struct log_scan *s,
				     const struct os_storage *os, int fd,
				     const struct log_keys *keys, uint64_t at,
				     uint64_t size, uint64_t seq);

void log_scan_done(struct log_scan *s);

/* What comes next. IO if the file cannot be read: nothing is known then. */
YB_CHECKED enum yb_err log_scan_next(struct log_scan *s, struct scan_item *ret);

/* Reads from the file through the window; NULL outside it. IO. */
YB_CHECKED enum yb_err log_scan_peek(struct log_scan *s, uint64_t at, size_t n,
				     const uint8_t **ret);

#endif
