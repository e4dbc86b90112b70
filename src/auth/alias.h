/*
 * Domains and aliases, changed and listed by commands. A refusal leaves a
 * text that says what is in the way; it is valid until the next call.
 *
 * Targets are accounts and aliases of this server. What an alias leads to
 * cannot be removed while it does, and no alias can lead to itself: what was
 * accepted once always has a home.
 */
#ifndef AUTH_ALIAS_H
#define AUTH_ALIAS_H

#include "auth/auth.h"

/*
 * Makes a domain ours; `alias_of` is empty, or the domain that it is another
 * name of: mail and nothing else then comes there as if to that one. EXISTS;
 * NOT_FOUND and INVALID with a reason.
 */
YB_CHECKED enum yb_err auth_domain_add(struct auth *a, struct span name,
				       struct span alias_of,
				       const char **ret_reason);

/* NOT_FOUND; IN_USE with who is still there. */
YB_CHECKED enum yb_err auth_domain_remove(struct auth *a, struct span name,
					  const char **ret_reason);

struct auth_domain {
	const char *name;
	const char *shown;    /* as people write it */
	const char *alias_of; /* or "" */
	int64_t created_s;    /* seconds since 1970 */
	uint64_t accounts_n, aliases_n;
};

/* False stops the walk. */
typedef bool auth_domain_fn(void *ctx, const struct auth_domain *domain);

YB_CHECKED enum yb_err auth_domain_each(struct auth *a, struct span after,
					auth_domain_fn *each, void *ctx);

/*
 * Adds targets to an alias, new or not. "@example.org" is the catch-all of a
 * domain. EXISTS if it is an account; NOT_FOUND, INVALID, TOO_MANY with a
 * reason, which names the target.
 */
YB_CHECKED enum yb_err auth_alias_add(struct auth *a, struct span alias,
				      const struct span *targets, size_t n,
				      const char **ret_reason);

/* Takes targets away, or the whole alias with `n` 0. NOT_FOUND; IN_USE. */
YB_CHECKED enum yb_err auth_alias_remove(struct auth *a, struct span alias,
					 const struct span *targets, size_t n,
					 const char **ret_reason);

/* One target of an alias. False stops the walk. */
typedef bool auth_alias_fn(void *ctx, const char *alias, const char *target);

/* All in order, from behind that target of that alias. */
YB_CHECKED enum yb_err auth_alias_each(struct auth *a, struct span alias,
				       struct span target, auth_alias_fn *each,
				       void *ctx);

#endif
