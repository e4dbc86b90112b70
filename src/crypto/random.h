/*
 * Octets nobody can guess, from libcrypto's generator: for keys, salts,
 * nonces and generated passwords.
 */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include "base/err.h"
#include "base/span.h"

/*
 * Fills `n` octets. IO if the generator cannot be seeded: then `ret` is all
 * zeros, and whatever wanted the secret must not go on.
 */
YB_CHECKED enum yb_err crypto_random(void *ret, size_t n);

#endif
