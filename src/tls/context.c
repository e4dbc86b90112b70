#include "tls/context.h"

#include <stdlib.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "crypto/hmac.h"
#include "tls/private.h"

/* Mozilla's "intermediate" list: forward secrecy and AEAD, and first what
 * processors do fastest, hash included. */
static const char tls13_ciphers[] = "TLS_AES_128_GCM_SHA256:"
				    "TLS_AES_256_GCM_SHA384:"
				    "TLS_CHACHA20_POLY1305_SHA256";
static const char tls12_ciphers[] =
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static void set_common(SSL_CTX *ssl)
{
	/* Renegotiation only serves attackers (threat 5). */
	(void)SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION |
					       SSL_OP_NO_COMPRESSION |
					       SSL_OP_CIPHER_SERVER_PREFERENCE |
					       SSL_OP_PRIORITIZE_CHACHA);
	/* Idle connections hold no record buffers. */
	(void)SSL_CTX_set_mode(
		ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
			     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ssl, 1);
}

static SSL_CTX *ssl_new(const SSL_METHOD *method)
{
	SSL_CTX *ssl = SSL_CTX_new(method);

	if (ssl == NULL ||
	    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1) {
		SSL_CTX_free(ssl);
		return NULL;
	}
	set_common(ssl);
	return ssl;
}

static enum yb_err context_new(const SSL_METHOD *method, bool server,
			       struct tls_context **ret)
{
	struct tls_context *context = calloc(1, sizeof *context);

	if (context != NULL)
		context->ssl = ssl_new(method);
	if (context == NULL || context->ssl == NULL) {
		tls_context_free(&context);
		return YB_NOMEM;
	}
	context->server = server;
	*ret = context;
	return YB_OK;
}

/* RFC 7301 section 3.2: "the server SHALL send a fatal
 * 'no_application_protocol' alert" when nothing offered fits. */
static int choose_alpn(SSL *ssl, const unsigned char **out,
		       unsigned char *out_n, const unsigned char *offered,
		       unsigned offered_n, void *ctx)
{
	struct span want = span_str(ctx);
	struct span rest = span_of(offered, offered_n);

	(void)ssl;
	while (rest.n > 0) {
		struct span name = span_head(span_skip(rest, 1), rest.p[0]);

		if (span_eq(name, want)) {
			*out = name.p;
			*out_n = (unsigned char)name.n;
			return SSL_TLSEXT_ERR_OK;
		}
		rest = span_skip(rest, 1 + name.n);
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* What the contexts of all certificates of a service have in common. */
static const char *set_server(SSL_CTX *ssl, const struct tls_context *context)
{
	const char *service = context->service;

	ERR_clear_error();
	if (SSL_CTX_set_cipher_list(ssl, tls12_ciphers) != 1 ||
	    SSL_CTX_set_ciphersuites(ssl, tls13_ciphers) != 1 ||
	    SSL_CTX_set_session_id_context(ssl, (const uint8_t *)service,
					   (unsigned)strlen(service)) != 1)
		return tls_why("OpenSSL refuses the settings");
	if (context->alpn != NULL)
		SSL_CTX_set_alpn_select_cb(ssl, choose_alpn,
					   (void *)(uintptr_t)context->alpn);
	/* Sessions live in tickets; no memory is kept for a client. */
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(ssl, 1);
	return NULL;
}

static bool is_made_out_to(const SSL_CTX *ssl, const char *name)
{
	return X509_check_host(SSL_CTX_get0_certificate(ssl), name, 0,
			       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

/*
 * RFC 6066 section 3. Looked up anew each time, so that a name that nobody
 * has costs no memory (threat 6). Tickets go by the first context's keys.
 */
static int choose_certificate(SSL *ssl, int *alert, void *ctx)
{
	const struct tls_context *context = ctx;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	if (name == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	if (is_made_out_to(context->ssl, name))
		return SSL_TLSEXT_ERR_OK;
	for (size_t i = 0; i < context->named_n; i++)
		if (is_made_out_to(context->named[i], name)) {
			(void)SSL_set_SSL_CTX(ssl, context->named[i]);
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_NOACK;
}

enum yb_err tls_context_server(struct span chain, struct span key,
			       const char *service, const char *alpn,
			       const char **ret_reason,
			       struct tls_context **ret)
{
	struct tls_context *context = NULL;
	enum yb_err err = context_new(TLS_server_method(), true, &context);
	const char *reason;

	if (err != YB_OK)
		return err;
	context->service = service;
	context->alpn = alpn;
	reason = set_server(context->ssl, context);
	if (reason == NULL)
		reason = tls_use_pair(context->ssl, chain, key);
	if (reason != NULL) {
		if (ret_reason != NULL)
			*ret_reason = reason;
		tls_context_free(&context);
		return YB_INVALID;
	}
	(void)SSL_CTX_set_tlsext_servername_callback(context->ssl,
						     choose_certificate);
	(void)SSL_CTX_set_tlsext_servername_arg(context->ssl, context);
	*ret = context;
	return YB_OK;
}

enum yb_err tls_context_tickets(struct tls_context *context, struct span secret)
{
	/* Of OpenSSL: a name for the key, one for HMAC, one for AES. */
	enum { KEYS_LEN = 80, SUMS = 3 };
	uint8_t keys[SUMS * HMAC_LEN];
	struct hmac *h;
	enum yb_err err = hmac_new(secret, &h);

	for (uint8_t i = 0; err == YB_OK && i < SUMS; i++) {
		const struct span parts[] = { span_of(&i, 1),
					      span_str(context->service) };

		err = hmac_sum(h, parts, 2, keys + i * HMAC_LEN);
	}
	if (err == YB_OK &&
	    SSL_CTX_set_tlsext_ticket_keys(context->ssl, keys, KEYS_LEN) != 1)
		err = YB_UNSUPPORTED;
	mem_wipe(keys, sizeof keys);
	hmac_free(&h);
	return err;
}

/* ---- further certificates ---- */

static const ASN1_OCTET_STRING *names_of(const X509 *x)
{
	int at = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);

	return at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(x, at));
}

/* Whether `ssl` has the names of `x`, but no key of its kind. */
static bool is_other_kind(SSL_CTX *ssl, X509 *x)
{
	X509 *own = SSL_CTX_get0_certificate(ssl);
	const ASN1_OCTET_STRING *a = names_of(own), *b = names_of(x);

	return a != NULL && b != NULL && ASN1_OCTET_STRING_cmp(a, b) == 0 &&
	       EVP_PKEY_get_base_id(X509_get0_pubkey(own)) !=
		       EVP_PKEY_get_base_id(X509_get0_pubkey(x));
}

static SSL_CTX *find_other_kind(struct tls_context *context, X509 *x)
{
	if (is_other_kind(context->ssl, x))
		return context->ssl;
	for (size_t i = 0; i < context->named_n; i++)
		if (is_other_kind(context->named[i], x))
			return context->named[i];
	return NULL;
}

static enum yb_err keep_named(struct tls_context *context, SSL_CTX *ssl)
{
	SSL_CTX **more =
		realloc(context->named, (context->named_n + 1) * sizeof *more);

	if (more == NULL)
		return YB_NOMEM;
	more[context->named_n++] = ssl;
	context->named = more;
	return YB_OK;
}

enum yb_err tls_context_add(struct tls_context *context, struct span chain,
			    struct span key, const char **ret_reason)
{
	SSL_CTX *ssl = ssl_new(TLS_server_method());
	const char *reason;
	SSL_CTX *friend;
	enum yb_err err = YB_OK;

	if (ssl == NULL)
		return YB_NOMEM;
	reason = set_server(ssl, context);
	if (reason == NULL)
		reason = tls_use_pair(ssl, chain, key);
	if (reason == NULL) {
		friend =
			find_other_kind(context, SSL_CTX_get0_certificate(ssl));
		if (friend != NULL)
			reason = tls_use_pair(friend, chain, key);
		else
			err = keep_named(context, ssl);
		if (friend == NULL && err == YB_OK)
			return YB_OK;
	}
	SSL_CTX_free(ssl);
	if (reason != NULL && ret_reason != NULL)
		*ret_reason = reason;
	return reason != NULL ? YB_INVALID : err;
}

/* ---- authorities ---- */

static bool add_authority(STACK_OF(X509_NAME) * names, const X509 *x)
{
	X509_NAME *name = X509_NAME_dup(X509_get_subject_name(x));

	if (name != NULL && sk_X509_NAME_push(names, name) > 0)
		return true;
	X509_NAME_free(name);
	return false;
}

/* `names` may be NULL. */
static bool trust(X509_STORE *store, STACK_OF(X509_NAME) * names,
		  struct span ca)
{
	BIO *bio = BIO_new_mem_buf(ca.p, (int)ca.n);
	X509 *x;
	size_t n = 0;

	while (bio != NULL &&
	       (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		n += X509_STORE_add_cert(store, x) == 1 &&
		     (names == NULL || add_authority(names, x));
		X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	return n > 0;
}

static bool set_client_store(struct tls_context *context, X509_STORE *store)
{
	bool ok = SSL_CTX_set1_verify_cert_store(context->ssl, store) == 1;

	for (size_t i = 0; i < context->named_n; i++)
		ok = SSL_CTX_set1_verify_cert_store(context->named[i], store) ==
			     1 &&
		     ok;
	return ok;
}

enum yb_err tls_context_trust_clients(struct tls_context *context,
				      struct span ca)
{
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	enum yb_err err = YB_NOMEM;

	if (store != NULL && names != NULL) {
		err = YB_INVALID;
		if (trust(store, names, ca) && set_client_store(context, store))
			err = YB_OK;
	}
	X509_STORE_free(store);
	if (err != YB_OK) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		ERR_clear_error();
		return err;
	}
	sk_X509_NAME_pop_free(context->client_cas, X509_NAME_free);
	context->client_cas = names;
	return YB_OK;
}

/* ---- clients ---- */

enum yb_err tls_context_client(struct span ca, struct tls_context **ret)
{
	struct tls_context *context = NULL;
	enum yb_err err = context_new(TLS_client_method(), false, &context);

	if (err != YB_OK)
		return err;
	context->verify = ca.n > 0;
	if (context->verify) {
		SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
		if (!trust(SSL_CTX_get_cert_store(context->ssl), NULL, ca)) {
			tls_context_free(&context);
			return YB_INVALID;
		}
	}
	*ret = context;
	return YB_OK;
}

void tls_context_only(struct tls_context *context, enum tls_version version)
{
	int only = version == TLS_VERSION_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;

	if (version == TLS_VERSION_ANY)
		return;
	/* Neither can fail: OpenSSL is built with both. */
	(void)SSL_CTX_set_min_proto_version(context->ssl, only);
	(void)SSL_CTX_set_max_proto_version(context->ssl, only);
}

void tls_context_free(struct tls_context **context)
{
	if (*context == NULL)
		return;
	SSL_CTX_free((*context)->ssl);
	for (size_t i = 0; i < (*context)->named_n; i++)
		SSL_CTX_free((*context)->named[i]);
	free((*context)->named);
	sk_X509_NAME_pop_free((*context)->client_cas, X509_NAME_free);
	free(*context);
	*context = NULL;
}

/* Of the certificates of each kind of key that it holds. */
static int64_t first_end(SSL_CTX *ssl, int64_t first)
{
	long more = SSL_CTX_set_current_cert(ssl, SSL_CERT_SET_FIRST);

	for (; more == 1;
	     more = SSL_CTX_set_current_cert(ssl, SSL_CERT_SET_NEXT)) {
		const X509 *x = SSL_CTX_get0_certificate(ssl);
		struct tm tm;

		if (x == NULL ||
		    ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
			continue;
		if ((int64_t)timegm(&tm) < first)
			first = (int64_t)timegm(&tm);
	}
	(void)SSL_CTX_set_current_cert(ssl, SSL_CERT_SET_FIRST);
	return first;
}

int64_t tls_context_not_after(const struct tls_context *context)
{
	int64_t first = first_end(context->ssl, INT64_MAX);

	for (size_t i = 0; i < context->named_n; i++)
		first = first_end(context->named[i], first);
	return first;
}

/* ---- warming up ---- */

void tls_prepare(void)
{
	SSL_CTX *ssl = ssl_new(TLS_server_method());

	/* Where this fails, whoever needs TLS fails and says so. */
	SSL_CTX_free(ssl);
	ERR_clear_error();
}

static bool shake_hands(SSL *client, SSL *server)
{
	uint8_t octet;

	/* Flights go to and fro; a handful of turns is plenty. */
	for (int turn = 0; turn < 10; turn++) {
		int c = SSL_do_handshake(client);
		int s = SSL_do_handshake(server);

		if (c == 1 && s == 1)
			return SSL_write(server, "x", 1) == 1 &&
			       SSL_read(client, &octet, 1) == 1;
	}
	return false;
}

static bool warm_up_version(SSL_CTX *server_ctx, int version)
{
	SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
	SSL *client = client_ctx == NULL ? NULL : SSL_new(client_ctx);
	SSL *server = SSL_new(server_ctx);
	BIO *a = NULL, *b = NULL;
	bool ok = client != NULL && server != NULL &&
		  SSL_set_max_proto_version(client, version) == 1 &&
		  BIO_new_bio_pair(&a, 0, &b, 0) == 1;

	if (ok) {
		SSL_set_bio(client, a, a);
		SSL_set_bio(server, b, b);
		SSL_set_connect_state(client);
		SSL_set_accept_state(server);
		ok = shake_hands(client, server);
	}
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_ctx);
	ERR_clear_error();
	return ok;
}

enum yb_err tls_context_warm_up(struct tls_context *context)
{
	bool ok = warm_up_version(context->ssl, TLS1_2_VERSION) &&
		  warm_up_version(context->ssl, TLS1_3_VERSION);

	return ok ? YB_OK : YB_INVALID;
}
