/*
 * Messages to send: a header of fixed length with a number of its own, and a
 * body of words that all share.
 */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include "base/buf.h"

/*
 * Appends a message's header and its empty line to `out`; how many octets
 * that are is the same for every `serial` and `run_id`. `date` is that of
 * RFC 5322.
 */
YB_CHECKED enum yb_err message_put_header(struct buf *out, uint64_t serial,
					  uint64_t run_id, const char *date);

/*
 * Appends the rest of a message of `size` octets in wire form, the ".CRLF"
 * at its end included: lines of English look, now and then one that starts
 * with a dot. INVALID if `size` has no room for the header, NOMEM.
 */
YB_CHECKED enum yb_err message_put_body(struct buf *out, size_t size,
					const char *date);

enum { MESSAGE_DATE_MAX = 40 };

/* The time now for `date`. */
void message_date(char dst[MESSAGE_DATE_MAX]);

#endif
