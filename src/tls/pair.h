/*
 * A certificate with its chain and the key that belongs to it, looked at
 * before it is used: what is wrong is said in words, and when it ends.
 */
#ifndef TLS_PAIR_H
#define TLS_PAIR_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

enum {
	TLS_REASON_MAX = 200,
	TLS_NAME_MAX = 256,
	/* A certificate that ends within these days is told of. */
	TLS_ENDS_SOON_DAYS = 21,
};

struct tls_pair_facts {
	char name[TLS_NAME_MAX]; /* the first that it is made out to */
	int64_t from_s, until_s; /* seconds since 1970 */
};

/*
 * Whether `chain` is a PEM certificate, each further one of which has signed
 * the one before it, and `key` the PEM key of the first. INVALID with the
 * reason in words.
 */
YB_CHECKED enum yb_err tls_pair_check(struct span chain, struct span key,
				      char reason[TLS_REASON_MAX],
				      struct tls_pair_facts *ret);

/* The SHA-256 of the first PEM certificate in `pem`; INVALID if there is none.
 */
YB_CHECKED enum yb_err tls_fingerprint(struct span pem, uint8_t ret[32]);

/* What anybody can see of a chain, without its key. */
struct tls_chain_facts {
	struct tls_pair_facts first;
	size_t certificates;
	bool made_out_to_host; /* the first, to the name that was given */
	bool known_here;       /* by the authorities of this system */
};

/* INVALID if there is no PEM certificate in it. NOMEM. */
YB_CHECKED enum yb_err tls_chain_look(struct span chain, const char *host,
				      struct tls_chain_facts *ret);

/*
 * Words about the time of a certificate that is over, not yet begun, or
 * about to end; false, and nothing written, where all is well.
 */
bool tls_pair_tell_time(const struct tls_pair_facts *facts, int64_t now_s,
			char text[TLS_REASON_MAX]);

#endif
