/*
 * What old login mechanisms are made of: MD5 (RFC 1321) for APOP and
 * CRAM-MD5, and the keys of SCRAM-SHA-1 (RFC 5802). For nothing else: neither
 * hash is what is asked of one today. All fail with NOMEM, or UNSUPPORTED if
 * the installed libcrypto was told to refuse the algorithm.
 */
#ifndef CRYPTO_LEGACY_H
#define CRYPTO_LEGACY_H

#include "base/err.h"
#include "base/span.h"

enum {
	MD5_LEN = 16,
	SCRAM_SHA_1_KEY_LEN = 20,
};

/* The hash of `first` and `second`, one behind the other. */
YB_CHECKED enum yb_err legacy_md5(struct span first, struct span second,
				  uint8_t ret[MD5_LEN]);

YB_CHECKED enum yb_err legacy_hmac_md5(struct span key, struct span message,
				       uint8_t ret[MD5_LEN]);

/* As struct scram_verifier of crypto/scram.h. */
struct scram_sha_1_verifier {
	uint8_t stored_key[SCRAM_SHA_1_KEY_LEN];
	uint8_t server_key[SCRAM_SHA_1_KEY_LEN];
};

/* The keys of a password that is normalised already. Blocks for a moment. */
YB_CHECKED enum yb_err
scram_sha_1_verifier_of(struct span password, struct span salt,
			uint32_t iterations, struct scram_sha_1_verifier *ret);

/* As scram_proof_fits(). */
YB_CHECKED enum yb_err
scram_sha_1_proof_fits(const uint8_t stored_key[SCRAM_SHA_1_KEY_LEN],
		       struct span auth_message,
		       const uint8_t proof[SCRAM_SHA_1_KEY_LEN], bool *ret);

/* ServerSignature := HMAC(ServerKey, AuthMessage). */
YB_CHECKED enum yb_err
scram_sha_1_sign(const uint8_t server_key[SCRAM_SHA_1_KEY_LEN],
		 struct span auth_message, uint8_t ret[SCRAM_SHA_1_KEY_LEN]);

#endif
