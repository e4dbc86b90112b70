/*
 * Password hashes of crypt(3), through libxcrypt: of accounts that came from
 * elsewhere. None is made here.
 */
#ifndef CRYPTO_CRYPT_HASH_H
#define CRYPTO_CRYPT_HASH_H

#include "base/err.h"
#include "base/span.h"

/*
 * Whether `hash` is of a kind that is checked here: yescrypt ($y$), bcrypt
 * ($2a$, $2b$, $2y$), SHA-512 ($6$), SHA-256 ($5$). What one check would cost
 * is bounded; a hash that wants more is not taken.
 */
bool crypt_hash_is_known(struct span hash);

/*
 * Whether the password gives the hash. Blocks for as long as the hash wants,
 * up to a second. INVALID for a hash that is not known, NOMEM.
 */
YB_CHECKED enum yb_err crypt_hash_check(const char *hash, struct span password,
					bool *ret_fits);

#endif
