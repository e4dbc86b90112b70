/*
 * Private to a compaction: compact.c has its steps and writes the new log,
 * compact_copy.c says what of the old one goes into it.
 */
#ifndef STORE_COMPACT_PRIVATE_H
#define STORE_COMPACT_PRIVATE_H

#include "store/compact.h"

/* One line about this mailbox, for an administrator. */
void compact_report(struct compact *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Puts a record behind the others, with all that `r` says; its place gives it
 * another sum. Its body is `body`, or NULL: that of the old log at `body_at`.
 */
YB_CHECKED enum yb_err compact_put_record(struct compact *c,
					  const struct log_record *r,
					  const void *body, uint64_t body_at);

/* Puts all of the old log below `upto` that is kept. */
YB_CHECKED enum yb_err compact_copy(struct compact *c, uint64_t upto);

#endif
