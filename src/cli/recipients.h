/*
 * The addresses in a header: what `yubin deliver -t` sends to.
 */
#ifndef CLI_RECIPIENTS_H
#define CLI_RECIPIENTS_H

#include "base/buf.h"

/* False ends the walk. `address` is valid during the call. */
typedef bool recipient_fn(void *ctx, struct span address);

/*
 * Tells every address of an address-list (RFC 5322 section 3.4): names,
 * comments, groups and routes aside, white space between tokens left out.
 * TOO_BIG for one that has more than ADDRESS_MAX octets, or when `each` ends
 * it; SYNTAX for quotes, comments or brackets that do not end.
 */
YB_CHECKED enum yb_err recipients_parse(struct span list, recipient_fn *each,
					void *ctx);

/*
 * Walks over the fields of a header (LF or CRLF), tells the addresses of To,
 * Cc and Bcc, and appends all fields but Bcc to `out`. Errors as above, and
 * those of `out`.
 */
YB_CHECKED enum yb_err recipients_of_header(struct span header,
					    recipient_fn *each, void *ctx,
					    struct buf *out);

#endif
