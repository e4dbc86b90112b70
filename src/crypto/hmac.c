#include "crypto/hmac.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

struct hmac {
	EVP_MAC_CTX *context; /* wiped by libcrypto when it is freed */
};

/* A key of no octets still needs an address: NULL means "as before". */
static const uint8_t *key_octets(struct span key)
{
	return key.n > 0 ? key.p : (const uint8_t *)"";
}

enum yb_err hmac_rekey(struct hmac *h, struct span key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
						 0),
		OSSL_PARAM_construct_end(),
	};

	if (EVP_MAC_init(h->context, key_octets(key), key.n, params) != 1)
		return YB_NOMEM;
	return YB_OK;
}

enum yb_err hmac_new(struct span key, struct hmac **ret)
{
	struct hmac *h = calloc(1, sizeof *h);
	enum yb_err err;
	EVP_MAC *mac;

	if (h == NULL)
		return YB_NOMEM;
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (mac == NULL) {
		free(h);
		return YB_UNSUPPORTED;
	}
	h->context = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac); /* the context holds it */
	err = h->context == NULL ? YB_NOMEM : hmac_rekey(h, key);
	if (err != YB_OK)
		hmac_free(&h);
	else
		*ret = h;
	return err;
}

void hmac_free(struct hmac **h)
{
	if (*h == NULL)
		return;
	EVP_MAC_CTX_free((*h)->context);
	free(*h);
	*h = NULL;
}

enum yb_err hmac_sum(struct hmac *h, const struct span *parts, size_t parts_n,
		     uint8_t ret[HMAC_LEN])
{
	uint8_t sum[HMAC_LEN];
	size_t sum_n = 0;

	/* No key and no parameters: starts again with those it has. */
	if (EVP_MAC_init(h->context, NULL, 0, NULL) != 1)
		return YB_NOMEM;
	for (size_t i = 0; i < parts_n; i++) {
		if (parts[i].n > 0 &&
		    EVP_MAC_update(h->context, parts[i].p, parts[i].n) != 1)
			return YB_NOMEM;
	}
	if (EVP_MAC_final(h->context, sum, &sum_n, sizeof sum) != 1 ||
	    sum_n != sizeof sum)
		return YB_NOMEM;
	memcpy(ret, sum, sizeof sum);
	return YB_OK;
}

enum yb_err hmac_once(struct span key, struct span message,
		      uint8_t ret[HMAC_LEN])
{
	struct hmac *h = NULL;
	enum yb_err err = hmac_new(key, &h);

	if (err == YB_OK)
		err = hmac_sum(h, &message, 1, ret);
	hmac_free(&h);
	return err;
}
