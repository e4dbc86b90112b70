/*
 * PBKDF2 with HMAC-SHA-256 (RFC 8018 section 5.2), which RFC 5802 calls Hi().
 * Blocks: 100,000 iterations take some 30 ms, so it runs in a pool.
 */
#ifndef CRYPTO_PBKDF2_H
#define CRYPTO_PBKDF2_H

#include "base/err.h"
#include "base/span.h"

enum { PBKDF2_LEN = 32 };

/* INVALID for no iterations, or spans that libcrypto cannot count. NOMEM. */
YB_CHECKED enum yb_err pbkdf2_sha256(struct span password, struct span salt,
				     uint32_t iterations,
				     uint8_t ret[PBKDF2_LEN]);

#endif
