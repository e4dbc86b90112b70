/*
 * What all TLS connections of a service share: certificate, key, versions,
 * session tickets. Connections keep the context they began with, so that a
 * reload swaps it for those that come.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include "base/err.h"
#include "base/span.h"

struct tls_context;

/*
 * A server's context from a PEM chain (its own certificate first) and the PEM
 * key that belongs to it. `service` ("pop3", "smtp") separates the tickets of
 * services (threat 6). A client that offers ALPN has to offer `alpn` among its
 * protocols, or the handshake ends with alert 120 (RFC 7301, threat 4); NULL:
 * ALPN is not looked at. TLS 1.2 and 1.3 (RFC 8996). INVALID, with a readable
 * reason in `ret_reason` if that is not NULL (valid until the next call).
 */
YB_CHECKED enum yb_err tls_context_server(struct span chain, struct span key,
					  const char *service, const char *alpn,
					  const char **ret_reason,
					  struct tls_context **ret);

/*
 * Sessions of a server are resumed by what `secret`, of any length, gives:
 * those of all contexts of its service that have the same. Until then its
 * tickets are its own. NOMEM, UNSUPPORTED: nothing has changed.
 */
YB_CHECKED enum yb_err tls_context_tickets(struct tls_context *context,
					   struct span secret);

/*
 * A further certificate with its key, for clients that ask for one of its
 * names (RFC 6066 section 3; "*" stands for one label). Whoever asks for a
 * name that no certificate has, or for none, gets the first. Two of one set
 * of names, RSA and ECDSA, are offered together. INVALID, as above; NOMEM.
 */
YB_CHECKED enum yb_err tls_context_add(struct tls_context *context,
				       struct span chain, struct span key,
				       const char **ret_reason);

/*
 * Whom to believe about clients: PEM certificates of authorities. For the
 * connections that tls_connection_ask_certificate() is called for; after the
 * last tls_context_add(). INVALID if there is none in it; NOMEM.
 */
YB_CHECKED enum yb_err tls_context_trust_clients(struct tls_context *context,
						 struct span ca);

/*
 * A client's context that trusts the PEM certificates in `ca`; with an empty
 * span, nothing is verified: for measuring only.
 */
YB_CHECKED enum yb_err tls_context_client(struct span ca,
					  struct tls_context **ret);

/* The only version that it speaks from now on; for measuring. */
enum tls_version { TLS_VERSION_ANY, TLS_VERSION_1_2, TLS_VERSION_1_3 };
void tls_context_only(struct tls_context *context, enum tls_version version);

void tls_context_free(struct tls_context **context);

/* Has OpenSSL open and load what it wants; before a process is caged. */
void tls_prepare(void);
/* When the first of its certificates ends: seconds since 1970. */
int64_t tls_context_not_after(const struct tls_context *context);

/*
 * A TLS 1.2 and a TLS 1.3 handshake with itself in memory, so that OpenSSL
 * has loaded and allocated what it wants before the process is caged.
 */
YB_CHECKED enum yb_err tls_context_warm_up(struct tls_context *context);

#endif
