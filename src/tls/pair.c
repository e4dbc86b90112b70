#include "tls/pair.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/private.h"

enum { DAY_S = 24 * 60 * 60 };

const char *tls_why(const char *otherwise)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	ERR_clear_error();
	return reason == NULL ? otherwise : reason;
}

/* The first certificate is ours, the others are its chain. */
static bool use_chain(SSL_CTX *ssl, struct span chain)
{
	BIO *bio = chain.n > INT_MAX ? NULL
				     : BIO_new_mem_buf(chain.p, (int)chain.n);
	X509 *x = bio == NULL ? NULL
			      : PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
	bool ok = x != NULL && SSL_CTX_use_certificate(ssl, x) == 1;

	X509_free(x);
	while (ok && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (SSL_CTX_add0_chain_cert(ssl, x) != 1) {
			X509_free(x);
			ok = false;
		}
	BIO_free(bio);
	if (ok)
		ERR_clear_error(); /* the end of the file counts as one */
	return ok;
}

/* A key that wants a passphrase is refused, not asked for on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *ctx)
{
	(void)buffer, (void)size, (void)writing, (void)ctx;
	return -1;
}

static bool use_key(SSL_CTX *ssl, struct span key)
{
	BIO *bio = key.n > INT_MAX ? NULL : BIO_new_mem_buf(key.p, (int)key.n);
	EVP_PKEY *pkey = bio == NULL ? NULL
				     : PEM_read_bio_PrivateKey(
					       bio, NULL, no_passphrase, NULL);
	bool ok = pkey != NULL && SSL_CTX_use_PrivateKey(ssl, pkey) == 1 &&
		  SSL_CTX_check_private_key(ssl) == 1;

	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return ok;
}

const char *tls_use_pair(SSL_CTX *ssl, struct span chain, struct span key)
{
	ERR_clear_error();
	if (!use_chain(ssl, chain))
		return tls_why("not a certificate in PEM form");
	if (!use_key(ssl, key))
		return tls_why("not the private key of the certificate");
	return NULL;
}

/* ---- looking at it ---- */

/* Clients build a path from one to the next: a gap or a wrong order shows
 * itself only at those who have not seen the missing one before. */
static size_t broken_link(SSL_CTX *ssl)
{
	STACK_OF(X509) *chain = NULL;
	X509 *x = SSL_CTX_get0_certificate(ssl);

	(void)SSL_CTX_get0_chain_certs(ssl, &chain);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *issuer = sk_X509_value(chain, i);

		if (X509_check_issued(issuer, x) != X509_V_OK ||
		    X509_verify(x, X509_get0_pubkey(issuer)) != 1) {
			ERR_clear_error();
			return (size_t)i + 2;
		}
		x = issuer;
	}
	return 0;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm = { 0 };

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static bool take_san(X509 *x, char name[TLS_NAME_MAX])
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type != GEN_DNS)
			continue;
		found = span_to_str(
			span_of(ASN1_STRING_get0_data(g->d.dNSName),
				(size_t)ASN1_STRING_length(g->d.dNSName)),
			name, TLS_NAME_MAX);
	}
	GENERAL_NAMES_free(names);
	return found;
}

static void take_facts(X509 *x, struct tls_pair_facts *ret)
{
	ret->from_s = seconds_of(X509_get0_notBefore(x));
	ret->until_s = seconds_of(X509_get0_notAfter(x));
	if (take_san(x, ret->name))
		return;
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName,
				      ret->name, sizeof ret->name) < 0)
		(void)snprintf(ret->name, sizeof ret->name, "nobody");
}

enum yb_err tls_pair_check(struct span chain, struct span key,
			   char reason[TLS_REASON_MAX],
			   struct tls_pair_facts *ret)
{
	SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
	const char *wrong;
	size_t at = 0;

	if (ssl == NULL)
		return YB_NOMEM;
	wrong = tls_use_pair(ssl, chain, key);
	if (wrong == NULL)
		at = broken_link(ssl);
	if (wrong != NULL)
		(void)snprintf(reason, TLS_REASON_MAX, "%s", wrong);
	else if (at > 0)
		(void)snprintf(reason, TLS_REASON_MAX,
			       "certificate %zu of the file did not sign the "
			       "one before it; each has to stand behind the "
			       "one that it signed",
			       at);
	else
		take_facts(SSL_CTX_get0_certificate(ssl), ret);
	SSL_CTX_free(ssl);
	return wrong != NULL || at > 0 ? YB_INVALID : YB_OK;
}

/* As a client does that has nothing but its system's authorities. */
static bool is_known_here(X509 *x, STACK_OF(X509) * others)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool known = store != NULL && ctx != NULL &&
		     X509_STORE_set_default_paths(store) == 1 &&
		     X509_STORE_CTX_init(ctx, store, x, others) == 1 &&
		     X509_verify_cert(ctx) == 1;

	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return known;
}

enum yb_err tls_chain_look(struct span chain, const char *host,
			   struct tls_chain_facts *ret)
{
	SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
	STACK_OF(X509) *others = NULL;
	enum yb_err err = YB_INVALID;
	X509 *x;

	if (ssl == NULL)
		return YB_NOMEM;
	if (use_chain(ssl, chain)) {
		x = SSL_CTX_get0_certificate(ssl);
		(void)SSL_CTX_get0_chain_certs(ssl, &others);
		take_facts(x, &ret->first);
		ret->certificates = 1;
		if (others != NULL)
			ret->certificates += (size_t)sk_X509_num(others);
		ret->made_out_to_host =
			X509_check_host(x, host, 0, 0, NULL) == 1;
		ret->known_here = is_known_here(x, others);
		err = YB_OK;
	}
	SSL_CTX_free(ssl);
	ERR_clear_error();
	return err;
}

bool tls_pair_tell_time(const struct tls_pair_facts *facts, int64_t now_s,
			char text[TLS_REASON_MAX])
{
	time_t at = (time_t)(now_s < facts->from_s ? facts->from_s
						   : facts->until_s);
	long long days = (facts->until_s - now_s) / DAY_S;
	char date[32] = "";
	struct tm tm;

	if (now_s >= facts->from_s && days >= TLS_ENDS_SOON_DAYS)
		return false;
	if (gmtime_r(&at, &tm) != NULL)
		(void)strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &tm);
	if (now_s < facts->from_s)
		(void)snprintf(text, TLS_REASON_MAX,
			       "is valid from %s on only; is the clock right?",
			       date);
	else if (facts->until_s <= now_s)
		(void)snprintf(text, TLS_REASON_MAX,
			       "has ended on %s; put a new one in its place, "
			       "then run: yubin reload",
			       date);
	else
		(void)snprintf(text, TLS_REASON_MAX,
			       "ends in %lld day%s, on %s", days,
			       days == 1 ? "" : "s", date);
	return true;
}

enum yb_err tls_fingerprint(struct span pem, uint8_t ret[32])
{
	BIO *bio = pem.n > INT_MAX ? NULL : BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *x = bio == NULL
			  ? NULL
			  : PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool ok = x != NULL && X509_digest(x, EVP_sha256(), sum, &n) == 1 &&
		  n == 32;

	if (ok)
		memcpy(ret, sum, 32);
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
	return ok ? YB_OK : YB_INVALID;
}
