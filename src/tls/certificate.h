/*
 * Certificates that `yubin init` makes: an authority for this host alone, and
 * the server's certificate signed by it. Whoever is given the authority's
 * certificate can check the server's; real certificates replace both. Keys
 * are ECDSA on P-256, which every client of the last fifteen years knows.
 */
#ifndef TLS_CERTIFICATE_H
#define TLS_CERTIFICATE_H

#include "base/buf.h"

enum {
	CERTIFICATE_CA_DAYS = 3652, /* ten years */
	/* Apple's systems take no server certificate that lives longer. */
	CERTIFICATE_SERVER_DAYS = 825,
	/* What one of our PEM texts needs; ceiling for the buffers. */
	CERTIFICATE_PEM_MAX = 64 * 1024,
};

struct certificate_request {
	const char *hostname; /* a domain name of at most 253 octets */
	bool loopback;        /* also for localhost, 127.0.0.1 and ::1 */
	int64_t now_s;        /* seconds since 1970 */
};

/*
 * Makes an authority named after the host. Appends PEM text; wipe the buffer
 * of the key. INVALID if OpenSSL refuses, TOO_BIG, NOMEM.
 */
YB_CHECKED enum yb_err
certificate_make_ca(const struct certificate_request *request,
		    struct buf *ret_certificate, struct buf *ret_key);

/*
 * Makes a server certificate and its key, signed by the authority whose PEM
 * texts are given. Errors as above; INVALID also if these do not fit.
 */
YB_CHECKED enum yb_err
certificate_make_server(const struct certificate_request *request,
			struct span ca_certificate, struct span ca_key,
			struct buf *ret_certificate, struct buf *ret_key);

#endif
