/*
 * What TLS reads from and writes to: a non-blocking stream socket. OpenSSL has
 * one of its own, but that cannot be told that more octets follow at once, so
 * that each record would leave in a packet by itself.
 */
#ifndef TLS_SOCKET_BIO_H
#define TLS_SOCKET_BIO_H

#include <stdbool.h>
#include <openssl/bio.h>

struct socket_bio {
	int fd;
	bool more;    /* set by the owner: more follows at once */
	bool spoke;   /* something was sent */
	bool kept;    /* the last octets sent wait for those that follow */
	bool drained; /* the socket gave all that it had */
};

/*
 * A BIO for `s`, which stays the caller's and has to outlive it; NULL without
 * memory.
 */
BIO *socket_bio_new(struct socket_bio *s);

/* Sends what waits, since nothing follows after all. */
void socket_bio_push(struct socket_bio *s);

#endif
