#include "crypto/scram.h"

#include "base/buf.h"
#include "crypto/compare.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"
#include "crypto/pbkdf2.h"

_Static_assert((int)SCRAM_KEY_LEN == (int)SHA256_LEN, "H() is SHA-256");
_Static_assert((int)SCRAM_KEY_LEN == (int)HMAC_LEN, "HMAC() is over H()");
_Static_assert((int)SCRAM_KEY_LEN == (int)PBKDF2_LEN, "Hi() is over HMAC()");

enum yb_err scram_salted_password(struct span password, struct span salt,
				  uint32_t iterations,
				  uint8_t ret[SCRAM_KEY_LEN])
{
	return pbkdf2_sha256(password, salt, iterations, ret);
}

enum yb_err scram_client_key(const uint8_t salted[SCRAM_KEY_LEN],
			     uint8_t ret[SCRAM_KEY_LEN])
{
	return hmac_once(span_of(salted, SCRAM_KEY_LEN), SPAN_LIT("Client Key"),
			 ret);
}

enum yb_err scram_verifier_of(const uint8_t salted[SCRAM_KEY_LEN],
			      struct scram_verifier *ret)
{
	struct scram_verifier keys;
	uint8_t client_key[SCRAM_KEY_LEN];
	enum yb_err err = scram_client_key(salted, client_key);

	if (err == YB_OK)
		err = hash_sha256(span_of(client_key, sizeof client_key),
				  keys.stored_key);
	if (err == YB_OK)
		err = hmac_once(span_of(salted, SCRAM_KEY_LEN),
				SPAN_LIT("Server Key"), keys.server_key);
	if (err == YB_OK)
		*ret = keys;
	mem_wipe(client_key, sizeof client_key);
	mem_wipe(&keys, sizeof keys);
	return err;
}

enum yb_err scram_proof_fits(struct hmac *h,
			     const uint8_t stored_key[SCRAM_KEY_LEN],
			     struct span auth_message,
			     const uint8_t proof[SCRAM_KEY_LEN], bool *ret)
{
	uint8_t key[SCRAM_KEY_LEN], hashed[SCRAM_KEY_LEN];
	enum yb_err err = hmac_rekey(h, span_of(stored_key, SCRAM_KEY_LEN));

	if (err == YB_OK)
		err = hmac_sum(h, &auth_message, 1, key); /* the signature */
	if (err != YB_OK)
		return err;
	for (size_t i = 0; i < sizeof key; i++)
		key[i] ^= proof[i];
	err = hash_sha256(span_of(key, sizeof key), hashed);
	if (err == YB_OK)
		*ret = compare_equal(hashed, stored_key, sizeof hashed);
	mem_wipe(key, sizeof key);
	return err;
}
