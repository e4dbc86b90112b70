/*
 * HMAC-SHA-256 (RFC 2104). Setting up a context costs six times the sum of a
 * short message, so one is made once for a key and used again and again. A
 * context belongs to one thread at a time.
 */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "base/err.h"
#include "base/span.h"

enum { HMAC_LEN = 32 };

struct hmac;

/* The key is copied into the context. NOMEM, UNSUPPORTED. */
YB_CHECKED enum yb_err hmac_new(struct span key, struct hmac **ret);

/* Wipes and frees; takes NULL. */
void hmac_free(struct hmac **h);

/* Takes another key. After a failure only hmac_free() and this may follow. */
YB_CHECKED enum yb_err hmac_rekey(struct hmac *h, struct span key);

/*
 * The sum over all parts, one after the other and without any mark between
 * them: the caller sees to it that no two meanings give the same octets.
 */
YB_CHECKED enum yb_err hmac_sum(struct hmac *h, const struct span *parts,
				size_t parts_n, uint8_t ret[HMAC_LEN]);

/* One sum under one key. */
YB_CHECKED enum yb_err hmac_once(struct span key, struct span message,
				 uint8_t ret[HMAC_LEN]);

#endif
