/* What the files of this module share; nobody else includes it. */
#ifndef TLS_PRIVATE_H
#define TLS_PRIVATE_H

#include <stdbool.h>
#include <openssl/ssl.h>

#include "tls/context.h"

struct tls_context {
	SSL_CTX *ssl;
	bool server;
	bool verify;
};

#endif
