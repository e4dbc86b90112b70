/*
 * Comparing secrets in a time that depends on their length only (threat 12).
 */
#ifndef CRYPTO_COMPARE_H
#define CRYPTO_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the `n` octets at `a` and at `b` are the same. */
bool compare_equal(const void *a, const void *b, size_t n);

#endif
