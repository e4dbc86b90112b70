/*
 * The keys of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677). A server keeps
 * salt, iteration count, StoredKey and ServerKey: enough to check a proof and
 * to prove itself, too little to log in with.
 */
#ifndef CRYPTO_SCRAM_H
#define CRYPTO_SCRAM_H

#include "base/err.h"
#include "base/span.h"

struct hmac;

enum { SCRAM_KEY_LEN = 32 };

/* What a server keeps. */
struct scram_verifier {
	uint8_t stored_key[SCRAM_KEY_LEN];
	uint8_t server_key[SCRAM_KEY_LEN];
};

/*
 * SaltedPassword := Hi(Normalize(password), salt, i). The password has to be
 * normalised already (sasl/saslprep.h). Blocks, see crypto/pbkdf2.h.
 */
YB_CHECKED enum yb_err scram_salted_password(struct span password,
					     struct span salt,
					     uint32_t iterations,
					     uint8_t ret[SCRAM_KEY_LEN]);

/* ClientKey := HMAC(SaltedPassword, "Client Key"); for clients and proofs. */
YB_CHECKED enum yb_err scram_client_key(const uint8_t salted[SCRAM_KEY_LEN],
					uint8_t ret[SCRAM_KEY_LEN]);

/*
 * StoredKey := H(ClientKey), ServerKey := HMAC(SaltedPassword, "Server Key").
 */
YB_CHECKED enum yb_err scram_verifier_of(const uint8_t salted[SCRAM_KEY_LEN],
					 struct scram_verifier *ret);

/*
 * Whether `proof` is ClientKey XOR HMAC(StoredKey, AuthMessage) of the
 * ClientKey whose hash is `stored_key`. Takes the same time either way. `h`
 * is given another key.
 */
YB_CHECKED enum yb_err scram_proof_fits(struct hmac *h,
					const uint8_t stored_key[SCRAM_KEY_LEN],
					struct span auth_message,
					const uint8_t proof[SCRAM_KEY_LEN],
					bool *ret);

#endif
