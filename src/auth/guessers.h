/*
 * Who guesses, as commands show and forgive it.
 */
#ifndef AUTH_GUESSERS_H
#define AUTH_GUESSERS_H

#include "auth/auth.h"

enum auth_guesser_kind {
	AUTH_GUESSER_ADDRESS,
	AUTH_GUESSER_NETWORK,
	AUTH_GUESSER_ACCOUNT,
	AUTH_GUESSER_PASSWORD, /* one password at many accounts; not shown */
	AUTH_GUESSER_KINDS
};

struct auth_guesser {
	enum auth_guesser_kind kind;
	uint8_t address[16]; /* of an address or network */
	const char *account; /* or "" */
	uint32_t failures;   /* not forgiven yet */
	bool slowed;         /* over its budget */
};

/* False stops the walk. */
typedef bool auth_guesser_fn(void *ctx, const struct auth_guesser *guesser);

/* Kind by kind, the latest first; from behind number `after` of them. */
void auth_guessers_each(struct auth *a, uint64_t after, auth_guesser_fn *each,
			void *ctx);

/* Forgets an address with its network, or an account; NOT_FOUND. */
YB_CHECKED enum yb_err auth_forgive_address(struct auth *a,
					    const uint8_t address[16]);
YB_CHECKED enum yb_err auth_forgive_account(struct auth *a, struct span name);

#endif
