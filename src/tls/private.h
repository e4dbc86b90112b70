/* What the files of this module share; nobody else includes it. */
#ifndef TLS_PRIVATE_H
#define TLS_PRIVATE_H

#include <stdbool.h>
#include <openssl/ssl.h>

#include "tls/context.h"

struct tls_context {
	SSL_CTX *ssl; /* with the default certificate */
	/* Those that a client may ask for by name (SNI), the server's. */
	SSL_CTX **named;
	size_t named_n;
	const char *service, *alpn;
	STACK_OF(X509_NAME) * client_cas; /* trusted about clients, or NULL */
	bool server;
	bool verify;
};

/* OpenSSL's last complaint, or `otherwise` if it has none. Static. */
const char *tls_why(const char *otherwise);

/* NULL once chain and key are in use; else the reason, static. */
const char *tls_use_pair(SSL_CTX *ssl, struct span chain, struct span key);

#endif
