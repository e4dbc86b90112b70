/*
 * Access tokens in SASL: OAUTHBEARER (RFC 7628) and XOAUTH2, which has no RFC
 * and is described by those who run it (Google, Microsoft):
 *
 *	n,a=alice@example.org,^Ahost=h^Aport=995^Aauth=Bearer TOKEN^A^A
 *	user=alice@example.org^Aauth=Bearer TOKEN^A^A
 *
 * where ^A is the octet 1. Both answer a failure with JSON in a challenge,
 * which the client has to answer before it hears that it failed. A token is a
 * password: it is never shown and is wiped by whoever holds it.
 */
#ifndef SASL_OAUTH_H
#define SASL_OAUTH_H

#include "base/buf.h"
#include "sasl/name.h"

enum oauth_form { OAUTH_BEARER, OAUTH_XOAUTH2 };

enum {
	/* RFC 5034 section 4: a line has at most 12288 octets, in base64. */
	OAUTH_MESSAGE_MAX = 12288 / 4 * 3,
	/* As long as a configuration's texts are (CONFIG_TEXT_MAX). */
	OAUTH_HINT_MAX = 255,
	/* A scope and a URL, each octet of them escaped, and their names. */
	OAUTH_REFUSAL_MAX = 2 * 2 * OAUTH_HINT_MAX + 128,
};

/* What a client says. Spans are of the message. */
struct oauth_claim {
	size_t user_n; /* 0: whoever the token names */
	uint8_t user[SASL_USER_MAX];
	struct span host;  /* where it says it connected to, or empty */
	struct span token; /* empty: it only asks what is wanted */
};

/*
 * Takes a message apart. False if it is malformed: an octet, a key or a value
 * that the grammar does not have, "auth" missing or twice, a token that is no
 * b64token (RFC 6750 section 2.1).
 */
bool oauth_read(enum oauth_form form, struct span message,
		struct oauth_claim *ret);

/* Why it failed: names of RFC 6750 section 3.1. */
enum oauth_status { OAUTH_INVALID_REQUEST, OAUTH_INVALID_TOKEN };

/*
 * Writes what is said about a failure, with its NUL (RFC 7628 section 3.2.2).
 * `scope` is what a token needs, `configuration` the URL of an OpenID
 * provider's description; each is left out if it is empty, and has at most
 * OAUTH_HINT_MAX octets of printable ASCII.
 */
void oauth_put_refusal(enum oauth_form form, enum oauth_status status,
		       struct span scope, struct span configuration,
		       char ret[OAUTH_REFUSAL_MAX]);

/*
 * The client's side: the message for a token. An empty `host` is left out, and
 * `port` 0. SYNTAX for a user or token that cannot be sent; NOMEM, TOO_BIG.
 * The caller wipes the buffer.
 */
YB_CHECKED enum yb_err oauth_put_message(struct buf *out, enum oauth_form form,
					 struct span user, struct span host,
					 unsigned port, struct span token);

#endif
