/*
 * One-shot hashes (FIPS 180-4). They fail only for want of memory, or if the
 * installed libcrypto was told to refuse the algorithm.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/err.h"
#include "base/span.h"

enum { SHA256_LEN = 32, SHA1_LEN = 20 };

/* The hash of `s`; `ret` is untouched on failure. NOMEM, UNSUPPORTED. */
YB_CHECKED enum yb_err hash_sha256(struct span s, uint8_t ret[SHA256_LEN]);

/* Only for protocols that name it (legacy SCRAM-SHA-1), never for ours. */
YB_CHECKED enum yb_err hash_sha1(struct span s, uint8_t ret[SHA1_LEN]);

#endif
