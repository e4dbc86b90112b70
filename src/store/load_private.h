/*
 * One opening of a mailbox, shared by load.c (what the index is worth, what
 * has to be synced) and recover.c (records, damage, torn tails).
 */
#ifndef STORE_LOAD_PRIVATE_H
#define STORE_LOAD_PRIVATE_H

#include "store/load.h"
#include "store/scan.h"

struct load {
	struct files *f;
	const struct os_storage *os;
	const struct store_place *place;
	struct loaded *l;
	struct log_keys keys;
	uint64_t size; /* of the log */
	uint64_t from; /* the table has all records below */
	/* Up to here the log was synced; UINT64_MAX if the index is lost,
	 * since then any octet may have been acknowledged. */
	uint64_t durable;
	bool index_lost;
	size_t changed;       /* the first entry that the file does not have */
	struct scan_item bad; /* damage not yet followed by a good record */
	bool has_bad;
	bool distrust;
	/* Told of all that is found, a record once it is in the table. */
	enum yb_err (*seen)(void *ctx, const struct scan_item *item);
	void *seen_ctx;
};

/* One line about this mailbox, for an administrator. */
void load_report(struct load *ld, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Reads all records from ld->from on into the table. IO, NOMEM. */
YB_CHECKED enum yb_err load_scan(struct load *ld);

/* Decides what the bad end of the log is, and where the next record goes. */
void load_treat_tail(struct load *ld);

#endif
