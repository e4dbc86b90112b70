/*
 * The client half of SASL: what a client says, not yet in base64. Each call
 * builds one message; which mechanism to use and when is the caller's matter.
 */
#ifndef SASL_CLIENT_H
#define SASL_CLIENT_H

#include "base/buf.h"

/*
 * Appends PLAIN's one message (RFC 4616). An empty `authzid` acts as `user`.
 * SYNTAX if a part that has to be there is empty, or holds a NUL; NOMEM,
 * TOO_BIG from the buffer, which the caller wipes.
 */
YB_CHECKED enum yb_err sasl_client_plain(struct buf *out, struct span authzid,
					 struct span user,
					 struct span password);

/* LOGIN's two answers, each to any challenge: `step` 0 user, 1 password. */
YB_CHECKED enum yb_err sasl_client_login(struct buf *out, unsigned step,
					 struct span user,
					 struct span password);

#endif
