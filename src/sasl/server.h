/*
 * The server half of SASL (RFC 4422): takes the client's responses, gives
 * challenges and, in the end, what is to be verified. It knows no account,
 * verifies nothing and holds the secret only until it is freed: one small
 * value, embedded in whatever drives the exchange.
 *
 *	out = sasl_server_start(&s, name, response, has_response, &result);
 *	while (out == SASL_CHALLENGE)
 *		out = sasl_server_step(&s, response, &result);
 *	... result.user and so on, if out == SASL_CREDENTIALS ...
 *	sasl_server_done(&s);
 */
#ifndef SASL_SERVER_H
#define SASL_SERVER_H

#include "base/span.h"

/*
 * The mechanisms, in the order in which they are offered: enum, name, flags,
 * and the function that takes a response.
 */
#define SASL_MECHANISMS(X)                             \
	X(PLAIN, "PLAIN", SASL_SECRET_IN_CLEAR, plain) \
	X(LOGIN, "LOGIN", SASL_SECRET_IN_CLEAR, login)

enum sasl_mechanism_flags {
	/* Sends the password itself: only inside TLS. */
	SASL_SECRET_IN_CLEAR = 1 << 0,
};

/* clang-format off */
enum sasl_mechanism {
#define X(id, name, flags, function) SASL_##id,
	SASL_MECHANISMS(X)
#undef X
	SASL_MECHANISM_COUNT
};
/* clang-format on */

enum {
	/* RFC 5321 4.5.3.1: an address has 254 octets; as auth.h says. */
	SASL_USER_MAX = 254,
	/* Longer passwords only cost time; as auth.h says. */
	SASL_PASSWORD_MAX = 1024,
	/* "authzid NUL authcid NUL password", the longest response of all. */
	SASL_RESPONSE_MAX = 2 * SASL_USER_MAX + SASL_PASSWORD_MAX + 2,
};

enum sasl_outcome {
	SASL_CHALLENGE,   /* send result.challenge, which may be empty */
	SASL_CREDENTIALS, /* verify result.user with result.password */
	SASL_FAIL,        /* malformed: the exchange is over */
};

/* Spans point into the exchange or the response given last. */
struct sasl_result {
	struct span challenge;
	struct span authzid; /* as whom to act; empty: as `user` */
	struct span user;    /* authentication identity */
	struct span password;
};

struct sasl_server {
	enum sasl_mechanism mechanism;
	unsigned step;
	size_t user_n;
	uint8_t user[SASL_USER_MAX]; /* LOGIN: from its first response */
};

/* Finds a mechanism by name, in either case; false if there is none. */
bool sasl_mechanism_find(struct span name, enum sasl_mechanism *ret);
const char *sasl_mechanism_name(enum sasl_mechanism m);
unsigned sasl_mechanism_flags(enum sasl_mechanism m);

/* All names with a space between, as CAPA and EHLO list them. */
const char *sasl_mechanism_list(void);

/*
 * Begins an exchange. `has_response` tells an empty initial response from
 * none (RFC 4422 section 4.3.a).
 */
enum sasl_outcome sasl_server_start(struct sasl_server *s,
				    enum sasl_mechanism mechanism,
				    struct span response, bool has_response,
				    struct sasl_result *ret);

/* The client's answer to the challenge. */
enum sasl_outcome sasl_server_step(struct sasl_server *s, struct span response,
				   struct sasl_result *ret);

/* Wipes what it held. */
void sasl_server_done(struct sasl_server *s);

#endif
