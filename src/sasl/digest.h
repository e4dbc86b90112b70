/*
 * The two old mechanisms that answer a timestamp with a digest of it and of a
 * secret that both sides know: APOP (RFC 1939 section 7), which is no SASL
 * mechanism but is carried like one, and CRAM-MD5 (RFC 2195). For
 * sasl/server.c, and for who greets with a timestamp.
 */
#ifndef SASL_DIGEST_H
#define SASL_DIGEST_H

#include "base/err.h"
#include "base/span.h"
#include "crypto/legacy.h"

enum {
	/* A longer host's name is left out: with it the greeting could get
	 * longer than RFC 2449 section 4 allows, 512 octets. */
	SASL_STAMP_HOST_MAX = 128,
	/* "<", 128 random bits in hexadecimal, "@", the host, ">". */
	SASL_STAMP_MAX = 1 + 32 + 1 + SASL_STAMP_HOST_MAX + 1,
};

struct sasl_digest {
	bool is_hmac; /* CRAM-MD5 */
	size_t stamp_n;
	uint8_t stamp[SASL_STAMP_MAX];
	uint8_t said[MD5_LEN]; /* by the client */
};

/*
 * Draws a timestamp in the form of RFC 822's msg-id, with its NUL. RFC 1939
 * section 7: it "MUST be different each time the POP3 server issues a banner
 * greeting"; random bits are, over restarts too. IO.
 */
YB_CHECKED enum yb_err sasl_stamp_make(const char *host,
				       char ret[SASL_STAMP_MAX + 1]);

/* Takes the stamp that the digest is over; false if it cannot be one. */
bool sasl_digest_stamp(struct sasl_digest *d, struct span stamp);

/* Takes the client's digest, 32 hexadecimal digits; false if it is none. */
bool sasl_digest_take(struct sasl_digest *d, struct span text);

/* Whether it was made with `secret`. Takes the same time either way. */
YB_CHECKED enum yb_err sasl_digest_fits(const struct sasl_digest *d,
					struct span secret, bool *ret);

#endif
