/*
 * The canonical form of account names, and what a name may consist of at all
 * (threat 13). A canonical address is at most AUTH_ADDRESS_MAX octets of
 * `local@domain`: the domain in lower case letters, digits, hyphens and dots,
 * international ones as A-labels, the local part in lower case ASCII, or
 * prepared by SASLprep where it is not ASCII, out of letters, digits and few
 * signs. It never becomes a path.
 */
#ifndef AUTH_NAME_H
#define AUTH_NAME_H

#include "auth/auth.h"

enum {
	NAME_LOCAL_MAX = 64,   /* RFC 5321 section 4.5.3.1.1 */
	NAME_DOMAIN_MAX = 253, /* what RFC 1035's 255 octets hold as text */
	NAME_LABEL_MAX = 63,   /* RFC 1035 section 2.3.4 */
};

struct name {
	size_t n;
	char text[AUTH_ADDRESS_MAX + 1]; /* with NUL */
};

enum name_use {
	NAME_FIND, /* of a login or a recipient */
	/* Of a new account. "+" is refused, since "alice+list" is the mailbox
	 * `list` of alice; so are code points not assigned yet. */
	NAME_MAKE,
};

static inline struct span name_span(const struct name *name)
{
	return (struct span){ (const uint8_t *)name->text, name->n };
}

/* What stands behind the @. */
struct span name_domain(const struct name *name);

/* Whether the local part is "postmaster". */
bool name_is_postmaster(const struct name *name);

/*
 * Brings `in` into canonical form. Without an @ it gets `default_domain`,
 * which may be empty. INVALID if it is no name; NOMEM.
 */
YB_CHECKED enum yb_err name_canonical(struct span in,
				      const char *default_domain,
				      enum name_use use, struct name *ret);

/* The same for an alias, which may be "@example.org": a catch-all. */
YB_CHECKED enum yb_err name_canonical_alias(struct span in,
					    const char *default_domain,
					    struct name *ret);

/* The catch-all of a canonical domain. */
void name_catch_all(struct span domain, struct name *ret);
bool name_is_catch_all(const struct name *name);

/*
 * "alice@x" of "alice+list@x". False if there is no detail behind a local
 * part, or `delimiter` is 0.
 */
bool name_without_detail(const struct name *name, char delimiter,
			 struct name *ret);

/* The same local part at another canonical domain; INVALID if too long. */
YB_CHECKED enum yb_err name_at_domain(const struct name *name,
				      struct span domain, struct name *ret);

/* The same for a domain alone, into `ret` with its NUL. */
YB_CHECKED enum yb_err name_canonical_domain(struct span in,
					     char ret[NAME_DOMAIN_MAX + 1]);

/*
 * RFC 5321 section 4.1.2: "alice"@x and alice@x are the same mailbox. Writes
 * `in` without quotes and backslashes; as it is if it has none. INVALID.
 */
YB_CHECKED enum yb_err
name_unquote(struct span in, uint8_t dst[AUTH_ADDRESS_MAX], size_t *ret_n);

#endif
