#include "crypto/legacy.h"

#include <limits.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "crypto/compare.h"
#include "crypto/hash.h"

_Static_assert((int)SCRAM_SHA_1_KEY_LEN == (int)SHA1_LEN, "H() is SHA-1");

static const uint8_t *octets(struct span s)
{
	return s.n > 0 ? s.p : (const uint8_t *)"";
}

enum yb_err legacy_md5(struct span first, struct span second,
		       uint8_t ret[MD5_LEN])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t sum[EVP_MAX_MD_SIZE];
	enum yb_err err = YB_NOMEM;

	if (context == NULL)
		return YB_NOMEM;
	if (EVP_DigestInit_ex(context, EVP_md5(), NULL) != 1)
		err = YB_UNSUPPORTED;
	else if (EVP_DigestUpdate(context, octets(first), first.n) == 1 &&
		 EVP_DigestUpdate(context, octets(second), second.n) == 1 &&
		 EVP_DigestFinal_ex(context, sum, NULL) == 1)
		err = YB_OK;
	EVP_MD_CTX_free(context);
	if (err == YB_OK)
		memcpy(ret, sum, MD5_LEN);
	mem_wipe(sum, sizeof sum);
	return err;
}

static enum yb_err hmac(const char *digest, struct span key,
			struct span message, uint8_t *ret, size_t n)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	size_t sum_n = 0;

	if (EVP_Q_mac(NULL, "HMAC", NULL, digest, NULL, octets(key), key.n,
		      octets(message), message.n, sum, sizeof sum,
		      &sum_n) == NULL)
		return YB_UNSUPPORTED;
	if (sum_n != n)
		return YB_UNSUPPORTED;
	memcpy(ret, sum, n);
	mem_wipe(sum, sizeof sum);
	return YB_OK;
}

enum yb_err legacy_hmac_md5(struct span key, struct span message,
			    uint8_t ret[MD5_LEN])
{
	return hmac("MD5", key, message, ret, MD5_LEN);
}

static enum yb_err hmac_sha_1(const uint8_t key[SHA1_LEN], struct span message,
			      uint8_t ret[SHA1_LEN])
{
	return hmac("SHA1", span_of(key, SHA1_LEN), message, ret, SHA1_LEN);
}

enum yb_err scram_sha_1_verifier_of(struct span password, struct span salt,
				    uint32_t iterations,
				    struct scram_sha_1_verifier *ret)
{
	uint8_t salted[SHA1_LEN], client_key[SHA1_LEN];
	struct scram_sha_1_verifier keys;
	enum yb_err err;

	if (iterations == 0 || iterations > INT_MAX || password.n > INT_MAX ||
	    salt.n > INT_MAX)
		return YB_INVALID;
	if (PKCS5_PBKDF2_HMAC((const char *)octets(password), (int)password.n,
			      octets(salt), (int)salt.n, (int)iterations,
			      EVP_sha1(), sizeof salted, salted) != 1)
		return YB_NOMEM;
	err = hmac_sha_1(salted, SPAN_LIT("Client Key"), client_key);
	if (err == YB_OK)
		err = hash_sha1(span_of(client_key, sizeof client_key),
				keys.stored_key);
	if (err == YB_OK)
		err = hmac_sha_1(salted, SPAN_LIT("Server Key"),
				 keys.server_key);
	if (err == YB_OK)
		*ret = keys;
	mem_wipe(salted, sizeof salted);
	mem_wipe(client_key, sizeof client_key);
	mem_wipe(&keys, sizeof keys);
	return err;
}

enum yb_err
scram_sha_1_proof_fits(const uint8_t stored_key[SCRAM_SHA_1_KEY_LEN],
		       struct span auth_message,
		       const uint8_t proof[SCRAM_SHA_1_KEY_LEN], bool *ret)
{
	uint8_t key[SHA1_LEN], hashed[SHA1_LEN];
	enum yb_err err = hmac_sha_1(stored_key, auth_message, key);

	if (err != YB_OK)
		return err;
	for (size_t i = 0; i < sizeof key; i++)
		key[i] ^= proof[i];
	err = hash_sha1(span_of(key, sizeof key), hashed);
	if (err == YB_OK)
		*ret = compare_equal(hashed, stored_key, sizeof hashed);
	mem_wipe(key, sizeof key);
	return err;
}

enum yb_err scram_sha_1_sign(const uint8_t server_key[SCRAM_SHA_1_KEY_LEN],
			     struct span auth_message,
			     uint8_t ret[SCRAM_SHA_1_KEY_LEN])
{
	return hmac_sha_1(server_key, auth_message, ret);
}
