/*
 * The server half of SASL (RFC 4422): takes the client's responses, gives
 * challenges and, in the end, what is to be verified. It knows no account,
 * verifies nothing and holds the secret only until it is freed: one small
 * value, embedded in whatever drives the exchange.
 *
 *	out = sasl_server_start(&s, mechanism, &channel, response,
 *				has_response, &result);
 *	while (out == SASL_CHALLENGE)
 *		out = sasl_server_step(&s, response, &result);
 *	... result.user and so on, if out == SASL_CREDENTIALS ...
 *	sasl_server_done(&s);
 *
 * A mechanism that carries an access token ends in SASL_TOKEN instead; what is
 * said about one that is refused, oauth_put_refusal() makes. APOP comes as one
 * response: timestamp NUL user NUL digest.
 *
 * SCRAM asks in between: at SASL_WANTS_SALT sasl_server_salt() goes on, at
 * SASL_PROOF keys are tried, then sasl_server_accept() or _refuse() goes on.
 */
#ifndef SASL_SERVER_H
#define SASL_SERVER_H

#include "sasl/digest.h"
#include "sasl/oauth.h"
#include "sasl/scram.h"

/*
 * The mechanisms, in the order in which they are offered: enum, name, flags,
 * and the function that takes a response.
 */
#define SASL_MECHANISMS(X)                                                     \
	X(EXTERNAL, "EXTERNAL", SASL_WANTS_CERTIFICATE, external)              \
	X(SCRAM_SHA_256_PLUS, "SCRAM-SHA-256-PLUS", SASL_BINDS_CHANNEL, scram) \
	X(SCRAM_SHA_256, "SCRAM-SHA-256", 0, scram)                            \
	X(OAUTHBEARER, "OAUTHBEARER", SASL_CARRIES_TOKEN, token)               \
	X(XOAUTH2, "XOAUTH2", SASL_CARRIES_TOKEN, token)                       \
	X(PLAIN, "PLAIN", SASL_SECRET_IN_CLEAR, plain)                         \
	X(LOGIN, "LOGIN", SASL_SECRET_IN_CLEAR, login)                         \
	X(SCRAM_SHA_1, "SCRAM-SHA-1", SASL_LEGACY, scram)                      \
	X(CRAM_MD5, "CRAM-MD5", SASL_LEGACY, cram_md5)                         \
	X(APOP, "APOP", SASL_LEGACY | SASL_NOT_LISTED, apop)

enum sasl_mechanism_flags {
	/* Sends the password itself: only inside TLS. */
	SASL_SECRET_IN_CLEAR = 1 << 0,
	/* Binds the login to the TLS connection: only where there is one. */
	SASL_BINDS_CHANNEL = 1 << 1,
	/* RFC 7628 section 3: "TLS MUST be used", always; and somebody has to
	 * say what a token is worth. */
	SASL_CARRIES_TOKEN = 1 << 2,
	/* TLS has proved who it is: only for clients with a certificate. */
	SASL_WANTS_CERTIFICATE = 1 << 5,
	/* For old programs, with secrets of their own. */
	SASL_LEGACY = 1 << 3,
	/* No mechanism of AUTH, but a command that is carried like one. */
	SASL_NOT_LISTED = 1 << 4,
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
	/* Longer passwords only cost time; as auth.h says. */
	SASL_PASSWORD_MAX = 1024,
	/* SCRAM's first message with two names, every octet of them escaped,
	 * is longer than "authzid NUL authcid NUL password". */
	SASL_RESPONSE_MAX =
		2 * 3 * SASL_USER_MAX + SCRAM_CLIENT_NONCE_MAX + 256,
	/* All names, each with a space, and the NUL. */
	SASL_LIST_MAX = 256,
};

enum sasl_outcome {
	SASL_CHALLENGE,   /* send result.challenge, which may be empty */
	SASL_CREDENTIALS, /* verify result.user with result.password */
	SASL_TOKEN,       /* ask whom result.token names; result.user may be
			   * empty, and so may the token: it is refused */
	SASL_WANTS_SALT,  /* of result.user: go on with _salt() */
	SASL_IDENTITY,    /* whoever TLS has proved, as result.authzid */
	SASL_DIGEST,      /* of result.user: try secrets with _fits() */
	SASL_PROOF,       /* _try() keys, then _accept() or _refuse() */
	SASL_DONE,        /* what was accepted is now in force */
	SASL_REFUSED,     /* the channel binding is wrong: it is over */
	SASL_FAIL,        /* malformed: the exchange is over */
};

/*
 * Spans point into the exchange or the response given last. With REFUSED and
 * FAIL, and after _refuse(), `challenge` is what the mechanism has to say
 * about it; it may be empty.
 */
struct sasl_result {
	struct span challenge;
	struct span authzid; /* as whom to act; empty: as `user` */
	struct span user;    /* authentication identity */
	struct span password;
	struct span token;
	struct span host; /* with a token: to what it is meant; may be empty */
};

struct sasl_server {
	enum sasl_mechanism mechanism;
	unsigned step;
	size_t user_n;
	uint8_t user[SASL_USER_MAX]; /* LOGIN: from its first response */
	struct oauth_claim claim;    /* of a token */
	struct sasl_digest digest;   /* APOP, CRAM-MD5 */
	struct scram scram;
	struct scram_names names;           /* SCRAM: from its first response */
	char last_words[OAUTH_REFUSAL_MAX]; /* "e=..." */
};

/* Finds a mechanism by name, in either case; false if there is none. */
bool sasl_mechanism_find(struct span name, enum sasl_mechanism *ret);
const char *sasl_mechanism_name(enum sasl_mechanism m);
unsigned sasl_mechanism_flags(enum sasl_mechanism m);

/*
 * The names of a set of 1 << enum sasl_mechanism, with a space between, as
 * CAPA and EHLO list them.
 */
void sasl_mechanism_list(unsigned set, char ret[SASL_LIST_MAX]);

/* Every mechanism that goes with TLS, or without; none that is legacy. */
unsigned sasl_mechanism_set(bool tls);

/* Of these, those whose tokens somebody has to look up. */
unsigned sasl_mechanism_tokens(void);

/*
 * Begins an exchange. `channel` is all zeros without TLS. `has_response` tells
 * an empty initial response from none (RFC 4422 section 4.3.a).
 */
enum sasl_outcome sasl_server_start(struct sasl_server *s,
				    enum sasl_mechanism mechanism,
				    const struct sasl_channel *channel,
				    struct span response, bool has_response,
				    struct sasl_result *ret);

/* The client's answer to the challenge. */
enum sasl_outcome sasl_server_step(struct sasl_server *s, struct span response,
				   struct sasl_result *ret);

/* After WANTS_SALT: CHALLENGE, or FAIL. */
enum sasl_outcome sasl_server_salt(struct sasl_server *s, struct span salt,
				   uint32_t iterations,
				   struct sasl_result *ret);

/* After DIGEST, for each secret that the user may have. */
YB_CHECKED enum yb_err sasl_server_fits(const struct sasl_server *s,
					struct span secret, bool *ret_fits);

/* After PROOF, for each key that the user may have; `h` gets other keys. Of
 * SCRAM-SHA-1 a key has SCRAM_SHA_1_KEY_LEN octets, here and in _accept(). */
YB_CHECKED enum yb_err sasl_server_try(const struct sasl_server *s,
				       struct hmac *h,
				       const uint8_t stored_key[SCRAM_KEY_LEN],
				       bool *ret_fits);

/* After PROOF: CHALLENGE with the server's own proof, or FAIL. */
enum sasl_outcome sasl_server_accept(struct sasl_server *s, struct hmac *h,
				     const uint8_t server_key[SCRAM_KEY_LEN],
				     struct sasl_result *ret);

/* After PROOF: what to say; the exchange is over. */
void sasl_server_refuse(struct sasl_server *s, struct sasl_result *ret);

/* Wipes what it held. */
void sasl_server_done(struct sasl_server *s);

#endif
