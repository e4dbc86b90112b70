#include "crypto/random.h"

#include <limits.h>

#include <openssl/rand.h>

enum yb_err crypto_random(void *ret, size_t n)
{
	uint8_t *at = ret;
	size_t left = n;

	while (left > 0) {
		int part = left < INT_MAX ? (int)left : INT_MAX;

		if (RAND_bytes(at, part) != 1) {
			memset(ret, 0, n);
			return YB_IO;
		}
		at += part;
		left -= (size_t)part;
	}
	return YB_OK;
}
