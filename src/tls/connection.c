#include "tls/connection.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tls/private.h"
#include "tls/socket_bio.h"

struct tls_connection {
	SSL *ssl;
	const struct tls_context *context; /* it outlives what `ssl` needs */
	bool doubted; /* the client's certificate is not to be trusted */
	struct socket_bio socket;
	bool followed; /* tls_connection_follow() */
	bool closed;   /* the peer said so, or the connection broke */
};

static enum yb_err connection_new(struct tls_context *context, int fd,
				  struct tls_connection **ret)
{
	struct tls_connection *c = calloc(1, sizeof *c);
	BIO *bio = NULL;

	if (c != NULL) {
		c->context = context;
		c->socket.fd = fd;
		c->ssl = SSL_new(context->ssl);
		bio = socket_bio_new(&c->socket);
	}
	if (c == NULL || c->ssl == NULL || bio == NULL) {
		BIO_free(bio);
		tls_connection_free(&c);
		ERR_clear_error();
		return YB_NOMEM;
	}
	SSL_set_bio(c->ssl, bio, bio); /* which owns it now */
	*ret = c;
	return YB_OK;
}

enum yb_err tls_connection_accept(struct tls_context *context, int fd,
				  struct tls_connection **ret)
{
	enum yb_err err = connection_new(context, fd, ret);

	if (err == YB_OK)
		SSL_set_accept_state((*ret)->ssl);
	return err;
}

/*
 * A certificate that nobody speaks for ends no handshake: programs present
 * what they find. But it is not believed.
 */
static int note_certificate(int good, X509_STORE_CTX *x)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(
		x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_connection *c = SSL_get_app_data(ssl);

	if (good != 1)
		c->doubted = true;
	return 1;
}

enum yb_err tls_connection_ask_certificate(struct tls_connection *c)
{
	STACK_OF(X509_NAME) * names;

	if (c->context->client_cas == NULL)
		return YB_OK;
	names = SSL_dup_CA_list(c->context->client_cas);
	if (names == NULL || SSL_set_app_data(c->ssl, c) != 1 ||
	    SSL_set_num_tickets(c->ssl, 0) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return YB_NOMEM;
	}
	SSL_set0_CA_list(c->ssl, names);
	(void)SSL_set_options(c->ssl, SSL_OP_NO_TICKET);
	SSL_set_verify(c->ssl, SSL_VERIFY_PEER, note_certificate);
	return YB_OK;
}

bool tls_connection_certificate(const struct tls_connection *c,
				uint8_t ret[TLS_FINGERPRINT_LEN])
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	X509 *x;

	if ((SSL_get_verify_mode(c->ssl) & SSL_VERIFY_PEER) == 0 ||
	    !SSL_is_init_finished(c->ssl) || c->doubted ||
	    SSL_session_reused(c->ssl) != 0 ||
	    SSL_get_verify_result(c->ssl) != X509_V_OK)
		return false;
	x = SSL_get0_peer_certificate(c->ssl);
	if (x == NULL || X509_digest(x, EVP_sha256(), sum, &n) != 1 ||
	    n != TLS_FINGERPRINT_LEN)
		return false;
	memcpy(ret, sum, TLS_FINGERPRINT_LEN);
	return true;
}

enum yb_err tls_connection_connect(struct tls_context *context, int fd,
				   const char *host,
				   struct tls_connection **ret)
{
	enum yb_err err = connection_new(context, fd, ret);

	if (err != YB_OK)
		return err;
	SSL_set_connect_state((*ret)->ssl);
	if (host != NULL &&
	    (SSL_set_tlsext_host_name((*ret)->ssl, host) != 1 ||
	     (context->verify && SSL_set1_host((*ret)->ssl, host) != 1))) {
		tls_connection_free(ret);
		return YB_INVALID;
	}
	return YB_OK;
}

void tls_connection_free(struct tls_connection **c)
{
	if (*c == NULL)
		return;
	SSL_free((*c)->ssl);
	free(*c);
	*c = NULL;
}

/* What a call that returned `got` means. */
static enum yb_err outcome(struct tls_connection *c, int got)
{
	switch (SSL_get_error(c->ssl, got)) {
	case SSL_ERROR_NONE:
		return YB_OK;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return YB_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		c->closed = true;
		return YB_GONE;
	}
	/* After a fatal error OpenSSL wants no further call on it. */
	c->closed = true;
	ERR_clear_error();
	return YB_INVALID;
}

void tls_connection_follow(struct tls_connection *c, bool followed)
{
	c->followed = followed;
}

enum yb_err tls_connection_handshake(struct tls_connection *c)
{
	enum yb_err err;

	if (c->closed)
		return YB_GONE;
	ERR_clear_error();
	/* Our first flight is what the peer waits for. */
	c->socket.more = c->followed && c->socket.spoke;
	err = outcome(c, SSL_do_handshake(c->ssl));
	/* So it was not our last word: after a HelloRetryRequest. */
	if (err == YB_AGAIN)
		socket_bio_push(&c->socket);
	return err;
}

enum yb_err tls_connection_read(struct tls_connection *c, uint8_t *p, size_t n,
				size_t *ret_n)
{
	int got;

	if (c->closed)
		return YB_GONE;
	ERR_clear_error();
	/* A record that was read earlier says nothing of the socket now. */
	c->socket.drained = false;
	got = SSL_read(c->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
	if (got > 0) {
		*ret_n = (size_t)got;
		return YB_OK;
	}
	return outcome(c, got);
}

bool tls_connection_is_drained(const struct tls_connection *c)
{
	return c->socket.drained && SSL_has_pending(c->ssl) == 0;
}

bool tls_connection_wants_room(const struct tls_connection *c)
{
	return SSL_want_write(c->ssl);
}

enum yb_err tls_connection_write(struct tls_connection *c, struct span s,
				 size_t *ret_n)
{
	int got;

	if (c->closed)
		return YB_GONE;
	ERR_clear_error();
	c->socket.more = c->followed;
	got = SSL_write(c->ssl, s.p, s.n > INT_MAX ? INT_MAX : (int)s.n);
	if (got > 0) {
		*ret_n = (size_t)got;
		return YB_OK;
	}
	return outcome(c, got);
}

enum yb_err tls_connection_close(struct tls_connection *c)
{
	int got;

	if (c->closed && SSL_get_shutdown(c->ssl) == 0)
		return YB_GONE; /* broken: a notice cannot be sent */
	ERR_clear_error();
	c->socket.more = true; /* the end of the stream */
	got = SSL_shutdown(c->ssl);
	/* 0: ours is sent, the peer's has not come. */
	return got >= 0 ? YB_OK : outcome(c, got);
}

/* A struct tls_session is OpenSSL's own under a name of ours. */
struct tls_session *tls_connection_session(struct tls_connection *c)
{
	SSL_SESSION *session = SSL_get1_session(c->ssl);

	if (session != NULL && SSL_SESSION_is_resumable(session) != 1) {
		SSL_SESSION_free(session);
		session = NULL;
	}
	/* What is freed without a notice, OpenSSL will not resume. */
	SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	return (struct tls_session *)session;
}

void tls_session_free(struct tls_session **session)
{
	SSL_SESSION_free((SSL_SESSION *)*session);
	*session = NULL;
}

void tls_connection_resume(struct tls_connection *c,
			   struct tls_session *session)
{
	/* It copies nothing, and counts a reference. */
	if (SSL_set_session(c->ssl, (SSL_SESSION *)session) != 1)
		ERR_clear_error();
}

bool tls_connection_resumed(const struct tls_connection *c)
{
	return SSL_session_reused(c->ssl) == 1;
}

const char *tls_connection_version(const struct tls_connection *c)
{
	return SSL_get_version(c->ssl);
}

const char *tls_connection_cipher(const struct tls_connection *c)
{
	return SSL_get_cipher_name(c->ssl);
}

bool tls_connection_exporter(struct tls_connection *c,
			     uint8_t ret[TLS_EXPORTER_LEN])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	/* RFC 9266 section 4.2: with TLS 1.2 only where the extended master
	 * secret (RFC 7627) makes it unique. An SSL that is not through its
	 * handshake has nothing to export. */
	if (!SSL_is_init_finished(c->ssl) ||
	    (SSL_version(c->ssl) < TLS1_3_VERSION &&
	     SSL_get_extms_support(c->ssl) != 1))
		return false;
	/* Section 2: "Context value: Zero-length string". */
	if (SSL_export_keying_material(c->ssl, ret, TLS_EXPORTER_LEN, label,
				       sizeof label - 1, (const uint8_t *)"", 0,
				       1) == 1)
		return true;
	ERR_clear_error();
	return false;
}

size_t tls_connection_end_point(const struct tls_connection *c,
				uint8_t ret[TLS_END_POINT_MAX])
{
	X509 *own = SSL_get_certificate(c->ssl);
	const EVP_MD *md;
	int nid = NID_undef;
	unsigned n = 0;

	/* RFC 5929 section 4.1: the hash of the certificate's signature; "if
	 * ... MD5 or SHA-1, use SHA-256"; without one, or with several, the
	 * binding is undefined. */
	if (own == NULL ||
	    X509_get_signature_info(own, &nid, NULL, NULL, NULL) != 1) {
		ERR_clear_error();
		return 0;
	}
	if (nid == NID_md5 || nid == NID_sha1)
		nid = NID_sha256;
	md = nid == NID_undef ? NULL : EVP_get_digestbynid(nid);
	if (md == NULL || EVP_MD_get_size(md) > TLS_END_POINT_MAX ||
	    X509_digest(own, md, ret, &n) != 1) {
		ERR_clear_error();
		return 0;
	}
	return n;
}
