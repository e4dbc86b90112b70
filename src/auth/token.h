/*
 * Access tokens (OAUTHBEARER, XOAUTH2): whose one is, somebody outside says,
 * who is asked by the caller and not from here. A good answer is remembered
 * for a while under an HMAC of the token. A token lets in the account that it
 * names, as the main password would, also where an app password is required:
 * it was made for one program and ends by itself.
 *
 * All else is as for other proofs (attempt_grant.c): turns, delays, one answer
 * for all that is wrong. Questions that are not answered hold up nobody but
 * other tokens.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "auth/auth.h"

enum {
	/* Tokens that wait or are asked about, of at most 9 KiB each. */
	TOKENS_MAX = 1024,
	/* Of these, asked about at once: what one connection to a server of
	 * tokens carries in its time limit. */
	TOKENS_ASKED_MAX = 256,
	/* Of these, from one address; from one that failed, 1. */
	TOKENS_ASKED_PEER = 8,
	/* Answers that are remembered, of some 400 octets each. */
	TOKENS_KNOWN_MAX = 16384,
	/* What a revoked token may be good for, at most: an hour. */
	TOKENS_CACHE_MAX_S = 60 * 60,
};

/* What is to be found out. Spans are valid during the call. */
struct token_question {
	const struct auth_peer *from;
	const char *mechanism;
	struct span user; /* as whom the client asks, or empty */
	struct span token;
};

/* What a token is worth, and why it is worth nothing. */
enum token_verdict {
	TOKEN_GOOD,
	TOKEN_INACTIVE, /* unknown, expired, revoked, not yet good */
	TOKEN_AUDIENCE, /* for somebody else's service */
	TOKEN_SCOPE,    /* not for mail */
	TOKEN_NAMELESS, /* it names nobody */
	TOKEN_VERDICTS
};

struct token_answer {
	enum token_verdict verdict;
	struct span user;  /* whose a good one is */
	int64_t expires_s; /* since 1970; 0: not said */
};

struct auth_tokens {
	void *ctx;
	/*
	 * Asks; YB_OK if auth_token_answered() is called with `ticket` once,
	 * later and not from within. Else the error is the login's, a
	 * temporary one.
	 */
	enum yb_err (*ask)(void *ctx, const struct token_question *question,
			   void *ticket);
	uint32_t cache_s; /* 0: nothing is remembered */
	/* Each may be "" (sasl/oauth.h); copied. */
	const char *host; /* the only one that clients may say they mean */
	const char *scope;
	const char *configuration;
};

/*
 * Has tokens taken from now on; NULL for none. What is remembered is
 * forgotten; questions that were asked are still to be answered. NOMEM.
 */
YB_CHECKED enum yb_err auth_set_tokens(struct auth *a,
				       const struct auth_tokens *tokens);

/* `err` other than YB_OK: nobody knows, and `answer` is not looked at. */
void auth_token_answered(struct auth *a, void *ticket, enum yb_err err,
			 const struct token_answer *answer, uint64_t now_ms);

#endif
