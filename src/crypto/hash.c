#include "crypto/hash.h"

#include <openssl/evp.h>

static enum yb_err digest(const EVP_MD *type, struct span s, uint8_t *ret,
			  size_t n)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned sum_n = 0;

	/* NULL with length 0 is an empty message, but not for memcpy() in
	 * every version of the library. */
	if (EVP_Digest(s.n > 0 ? s.p : (const uint8_t *)"", s.n, sum, &sum_n,
		       type, NULL) != 1)
		return YB_NOMEM;
	if (sum_n != n)
		return YB_UNSUPPORTED;
	memcpy(ret, sum, n);
	return YB_OK;
}

enum yb_err hash_sha256(struct span s, uint8_t ret[SHA256_LEN])
{
	return digest(EVP_sha256(), s, ret, SHA256_LEN);
}

enum yb_err hash_sha1(struct span s, uint8_t ret[SHA1_LEN])
{
	return digest(EVP_sha1(), s, ret, SHA1_LEN);
}
