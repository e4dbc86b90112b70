#include "crypto/pbkdf2.h"

#include <limits.h>

#include <openssl/evp.h>

#include "base/buf.h"

enum yb_err pbkdf2_sha256(struct span password, struct span salt,
			  uint32_t iterations, uint8_t ret[PBKDF2_LEN])
{
	uint8_t key[PBKDF2_LEN];
	const char *text = password.n > 0 ? (const char *)password.p : "";
	const uint8_t *salt_p = salt.n > 0 ? salt.p : (const uint8_t *)"";

	if (iterations == 0 || iterations > INT_MAX || password.n > INT_MAX ||
	    salt.n > INT_MAX)
		return YB_INVALID;
	if (PKCS5_PBKDF2_HMAC(text, (int)password.n, salt_p, (int)salt.n,
			      (int)iterations, EVP_sha256(), sizeof key,
			      key) != 1)
		return YB_NOMEM;
	memcpy(ret, key, sizeof key);
	mem_wipe(key, sizeof key);
	return YB_OK;
}
