/*
 * One TLS connection over a non-blocking socket. The socket stays the
 * caller's.
 */
#ifndef TLS_CONNECTION_H
#define TLS_CONNECTION_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "tls/context.h"

struct tls_connection;

enum {
	TLS_EXPORTER_LEN = 32,    /* RFC 9266 section 2 */
	TLS_END_POINT_MAX = 64,   /* of SHA-512 */
	TLS_FINGERPRINT_LEN = 32, /* a certificate's SHA-256 */
	TLS_RECORD_MAX = 16384,   /* RFC 8446 section 5.1 */
};

YB_CHECKED enum yb_err tls_connection_accept(struct tls_context *context,
					     int fd,
					     struct tls_connection **ret);

/*
 * Has the client asked for a certificate, before the handshake; it need not
 * have one, and one that is not to be trusted is as good as none. Such a
 * connection gets no ticket, so that each proves the key anew. Without
 * tls_context_trust_clients() nothing is asked. NOMEM.
 */
YB_CHECKED enum yb_err tls_connection_ask_certificate(struct tls_connection *c);

/*
 * Whether the client has proved to own a certificate that an authority of
 * ours, its dates and its purpose (RFC 5280 section 4.2.1.12: clientAuth)
 * speak for; then the SHA-256 of it.
 */
bool tls_connection_certificate(const struct tls_connection *c,
				uint8_t ret[TLS_FINGERPRINT_LEN]);

/* `host` is sent as SNI and, with a verifying context, checked; or NULL. */
YB_CHECKED enum yb_err tls_connection_connect(struct tls_context *context,
					      int fd, const char *host,
					      struct tls_connection **ret);

/* Takes NULL. Sends nothing. */
void tls_connection_free(struct tls_connection **c);

/*
 * Whether what is written from now on is followed by more at once: its packets
 * may then wait for that. Also by what follows the handshake. No at first.
 */
void tls_connection_follow(struct tls_connection *c, bool followed);

/* YB_OK once done; AGAIN until the socket is ready; INVALID, GONE. */
YB_CHECKED enum yb_err tls_connection_handshake(struct tls_connection *c);

/*
 * Reads at most `n` octets. AGAIN; GONE after the peer's close notice, after
 * which nothing is read any more (threat 3); INVALID if the connection broke
 * or ended without a notice (threat 7).
 */
YB_CHECKED enum yb_err tls_connection_read(struct tls_connection *c, uint8_t *p,
					   size_t n, size_t *ret_n);

/*
 * Whether all that the socket had is read, so that nothing is there before it
 * is ready again. The end of the stream may be.
 */
bool tls_connection_is_drained(const struct tls_connection *c);

/* Whether the last AGAIN was for want of room to send. */
bool tls_connection_wants_room(const struct tls_connection *c);

/*
 * Writes some octets, at most one record of TLS_RECORD_MAX. AGAIN: offer the
 * same octets again when the socket is ready; they may have moved. GONE,
 * INVALID.
 */
YB_CHECKED enum yb_err tls_connection_write(struct tls_connection *c,
					    struct span s, size_t *ret_n);

/*
 * Sends the close notice, which may wait for the end of the stream: the caller
 * is to shut the socket down, or close it. AGAIN until there is room.
 */
YB_CHECKED enum yb_err tls_connection_close(struct tls_connection *c);

/*
 * The channel binding "tls-exporter" (RFC 9266); false if this connection has
 * none that is unique to it.
 */
bool tls_connection_exporter(struct tls_connection *c,
			     uint8_t ret[TLS_EXPORTER_LEN]);

/*
 * The channel binding "tls-server-end-point" of a server's side (RFC 5929
 * section 4); how many octets, 0 if it is undefined for the certificate.
 */
size_t tls_connection_end_point(const struct tls_connection *c,
				uint8_t ret[TLS_END_POINT_MAX]);

/*
 * Resumption, a client's side. A session is taken right before the connection
 * is freed, and outlives it; NULL if the server gave none that can be resumed
 * (RFC 8446 section 2.2 has it come behind the handshake). It is offered to a
 * further connection before its handshake; the server need not take it.
 */
struct tls_session;
struct tls_session *tls_connection_session(struct tls_connection *c);
void tls_session_free(struct tls_session **session);
void tls_connection_resume(struct tls_connection *c,
			   struct tls_session *session);
bool tls_connection_resumed(const struct tls_connection *c);

/* "TLSv1.3" and the cipher, static, for logs. */
const char *tls_connection_version(const struct tls_connection *c);
const char *tls_connection_cipher(const struct tls_connection *c);

#endif
