#include "tls/context.h"

#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "tls/private.h"

/* Mozilla's "intermediate" list, TLS 1.2 part: forward secrecy and AEAD. */
static const char tls12_ciphers[] =
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static const char *why(const char *otherwise)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	ERR_clear_error();
	return reason == NULL ? otherwise : reason;
}

/* The first certificate is ours, the others are its chain. */
static bool use_chain(SSL_CTX *ssl, struct span chain)
{
	BIO *bio = BIO_new_mem_buf(chain.p, (int)chain.n);
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
	BIO *bio = BIO_new_mem_buf(key.p, (int)key.n);
	EVP_PKEY *pkey = bio == NULL ? NULL
				     : PEM_read_bio_PrivateKey(
					       bio, NULL, no_passphrase, NULL);
	bool ok = pkey != NULL && SSL_CTX_use_PrivateKey(ssl, pkey) == 1 &&
		  SSL_CTX_check_private_key(ssl) == 1;

	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return ok;
}

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

static enum yb_err context_new(const SSL_METHOD *method, bool server,
			       struct tls_context **ret)
{
	struct tls_context *context = calloc(1, sizeof *context);

	if (context != NULL)
		context->ssl = SSL_CTX_new(method);
	if (context == NULL || context->ssl == NULL ||
	    SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) != 1) {
		tls_context_free(&context);
		return YB_NOMEM;
	}
	context->server = server;
	set_common(context->ssl);
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

enum yb_err tls_context_server(struct span chain, struct span key,
			       const char *service, const char *alpn,
			       const char **ret_reason,
			       struct tls_context **ret)
{
	struct tls_context *context = NULL;
	enum yb_err err = context_new(TLS_server_method(), true, &context);
	const char *reason = NULL;
	SSL_CTX *ssl;

	if (err != YB_OK)
		return err;
	ssl = context->ssl;
	ERR_clear_error();
	if (SSL_CTX_set_cipher_list(ssl, tls12_ciphers) != 1 ||
	    SSL_CTX_set_session_id_context(ssl, (const uint8_t *)service,
					   (unsigned)strlen(service)) != 1)
		reason = why("OpenSSL refuses the settings");
	else if (!use_chain(ssl, chain))
		reason = why("not a certificate in PEM form");
	else if (!use_key(ssl, key))
		reason = why("not the private key of the certificate");
	if (reason != NULL) {
		if (ret_reason != NULL)
			*ret_reason = reason;
		tls_context_free(&context);
		return YB_INVALID;
	}
	if (alpn != NULL)
		SSL_CTX_set_alpn_select_cb(ssl, choose_alpn,
					   (void *)(uintptr_t)alpn);
	/* Sessions live in tickets, under keys that this context made; no
	 * memory is kept for a client. */
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(ssl, 1);
	*ret = context;
	return YB_OK;
}

static bool trust(SSL_CTX *ssl, struct span ca)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	BIO *bio = BIO_new_mem_buf(ca.p, (int)ca.n);
	X509 *x;
	size_t n = 0;

	while (bio != NULL &&
	       (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		n += X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	return n > 0;
}

enum yb_err tls_context_client(struct span ca, struct tls_context **ret)
{
	struct tls_context *context = NULL;
	enum yb_err err = context_new(TLS_client_method(), false, &context);

	if (err != YB_OK)
		return err;
	context->verify = ca.n > 0;
	if (context->verify) {
		SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
		if (!trust(context->ssl, ca)) {
			tls_context_free(&context);
			return YB_INVALID;
		}
	}
	*ret = context;
	return YB_OK;
}

void tls_context_free(struct tls_context **context)
{
	if (*context == NULL)
		return;
	SSL_CTX_free((*context)->ssl);
	free(*context);
	*context = NULL;
}

/* ---- warming up ---- */

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
