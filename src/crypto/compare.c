#include "crypto/compare.h"

#include <openssl/crypto.h>

bool compare_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
