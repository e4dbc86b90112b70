#include "tls/certificate.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum {
	/* RFC 5280 4.1.2.2: at most 20 octets; 16 random ones never meet. */
	SERIAL_LEN = 16,
	/* RFC 5280 appendix A: ub-common-name. */
	COMMON_NAME_MAX = 64,
	/* Clocks of clients are a little behind at times. */
	BACKDATED_S = 24 * 60 * 60,
	DAY_S = 24 * 60 * 60,
};

#define AUTO(type) __attribute__((cleanup(free_##type))) type *

static void free_EVP_PKEY(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
}

static void free_X509(X509 **p)
{
	X509_free(*p);
}

static void free_BIO(BIO **p)
{
	BIO_free_all(*p);
}

/* What OpenSSL queued about a failure must not come up elsewhere. */
static enum yb_err refused(void)
{
	ERR_clear_error();
	return YB_INVALID;
}

/* ---- the parts of a certificate ---- */

static bool set_serial(X509 *x)
{
	uint8_t octets[SERIAL_LEN];
	BIGNUM *number;
	bool ok;

	if (RAND_bytes(octets, sizeof octets) != 1)
		return false;
	octets[0] &= 0x7f; /* positive */
	octets[0] |= 0x40; /* and of the same length always */
	number = BN_bin2bn(octets, sizeof octets, NULL);
	ok = number != NULL &&
	     BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
	BN_free(number);
	return ok;
}

static bool set_times(X509 *x, int64_t now_s, int days)
{
	time_t from = (time_t)(now_s - BACKDATED_S);
	time_t now = (time_t)now_s;

	return X509_time_adj_ex(X509_getm_notBefore(x), 0, 0, &from) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(x), days - 1, 0, &now) !=
		       NULL;
}

/* A host's name that is too long for a common name stands in the SAN only. */
static bool set_subject(X509 *x, const char *prefix, const char *hostname)
{
	char text[COMMON_NAME_MAX + 1];
	X509_NAME *name = X509_get_subject_name(x);
	int n = snprintf(text, sizeof text, "%s%s", prefix, hostname);

	if (n < 0 || n > COMMON_NAME_MAX)
		(void)snprintf(text, sizeof text, "%smail server", prefix);
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					  (const unsigned char *)text, -1, -1,
					  0) == 1;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = extension != NULL && X509_add_ext(x, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

struct extension {
	int nid;
	const char *value;
};

static bool add_extensions(X509 *x, X509 *issuer, const struct extension *list,
			   size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!add_extension(x, issuer, list[i].nid, list[i].value))
			return false;
	return true;
}

/* Version 3, serial, times and key; names and extensions follow. */
static X509 *begin(EVP_PKEY *key, int64_t now_s, int days)
{
	X509 *x = X509_new();

	if (x != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
	    set_serial(x) && set_times(x, now_s, days) &&
	    X509_set_pubkey(x, key) == 1)
		return x;
	X509_free(x);
	return NULL;
}

/* ---- PEM ---- */

static enum yb_err take_text(BIO *bio, struct buf *out)
{
	char *text = NULL;
	long n = BIO_get_mem_data(bio, &text);
	enum yb_err err;

	if (n <= 0 || text == NULL)
		return YB_NOMEM;
	err = buf_reserve(out, (size_t)n);
	if (err == YB_OK)
		err = buf_add(out, span_of(text, (size_t)n));
	mem_wipe(text, (size_t)n); /* it may be a private key */
	return err;
}

static enum yb_err put_certificate(X509 *x, struct buf *out)
{
	AUTO(BIO) bio = BIO_new(BIO_s_mem());

	if (bio == NULL || PEM_write_bio_X509(bio, x) != 1)
		return refused();
	return take_text(bio, out);
}

static enum yb_err put_key(EVP_PKEY *key, struct buf *out)
{
	AUTO(BIO) bio = BIO_new(BIO_s_secmem());

	if (bio == NULL ||
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return refused();
	return take_text(bio, out);
}

static enum yb_err put_both(X509 *x, EVP_PKEY *key, struct buf *certificate,
			    struct buf *ret_key)
{
	enum yb_err err = put_certificate(x, certificate);

	return err == YB_OK ? put_key(key, ret_key) : err;
}

static BIO *text_bio(struct span s)
{
	return s.n > 0 && s.n <= INT_MAX ? BIO_new_mem_buf(s.p, (int)s.n)
					 : NULL;
}

/* A key that wants a passphrase is refused, not asked for. */
static int no_passphrase(char *buffer, int size, int writing, void *ctx)
{
	(void)buffer, (void)size, (void)writing, (void)ctx;
	return -1;
}

/* ---- the two kinds ---- */

enum yb_err certificate_make_ca(const struct certificate_request *request,
				struct buf *ret_certificate,
				struct buf *ret_key)
{
	/* RFC 5280 4.2.1.9 and 4.2.1.3: it signs certificates of servers,
	 * not further authorities, and nothing else. */
	static const struct extension extensions[] = {
		{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
	};
	AUTO(EVP_PKEY) key = EVP_EC_gen("P-256");
	AUTO(X509)
	x = key != NULL ? begin(key, request->now_s, CERTIFICATE_CA_DAYS)
			: NULL;

	if (x == NULL || !set_subject(x, "Yubin CA of ", request->hostname) ||
	    X509_set_issuer_name(x, X509_get_subject_name(x)) != 1 ||
	    !add_extensions(x, x, extensions,
			    sizeof extensions / sizeof extensions[0]) ||
	    X509_sign(x, key, EVP_sha256()) == 0)
		return refused();
	return put_both(x, key, ret_certificate, ret_key);
}

static X509 *make_server(const struct certificate_request *request,
			 EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key)
{
	char names[512];
	const struct extension extensions[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
		{ NID_subject_alt_name, names },
	};
	bool is_localhost = strcmp(request->hostname, "localhost") == 0;
	X509 *x = begin(key, request->now_s, CERTIFICATE_SERVER_DAYS);
	int n = snprintf(names, sizeof names, "DNS:%s%s%s", request->hostname,
			 request->loopback && !is_localhost ? ",DNS:localhost"
							    : "",
			 request->loopback ? ",IP:127.0.0.1,IP:::1" : "");

	if (x != NULL && n > 0 && (size_t)n < sizeof names &&
	    set_subject(x, "", request->hostname) &&
	    X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1 &&
	    add_extensions(x, ca, extensions,
			   sizeof extensions / sizeof extensions[0]) &&
	    X509_sign(x, ca_key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

enum yb_err certificate_make_server(const struct certificate_request *request,
				    struct span ca_certificate,
				    struct span ca_key,
				    struct buf *ret_certificate,
				    struct buf *ret_key)
{
	AUTO(BIO) ca_text = text_bio(ca_certificate);
	AUTO(BIO) ca_key_text = text_bio(ca_key);
	AUTO(X509) ca = NULL;
	AUTO(EVP_PKEY) signer = NULL;
	AUTO(EVP_PKEY) key = NULL;
	AUTO(X509) x = NULL;

	if (ca_text == NULL || ca_key_text == NULL)
		return refused();
	ca = PEM_read_bio_X509(ca_text, NULL, no_passphrase, NULL);
	signer =
		PEM_read_bio_PrivateKey(ca_key_text, NULL, no_passphrase, NULL);
	if (ca == NULL || signer == NULL ||
	    X509_check_private_key(ca, signer) != 1)
		return refused();
	key = EVP_EC_gen("P-256");
	if (key != NULL)
		x = make_server(request, key, ca, signer);
	if (x == NULL)
		return refused();
	return put_both(x, key, ret_certificate, ret_key);
}
