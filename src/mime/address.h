/*
 * Mailboxes and paths as SMTP has them (RFC 5321 section 4.1.2, RFC 6531
 * section 3.3): checked, and cut into parts.
 */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "base/err.h"
#include "base/span.h"

enum {
	/* RFC 5321 4.5.3.1.1: a local part has at most 64 octets. */
	ADDRESS_LOCAL_MAX = 64,
	/* RFC 5321 4.5.3.1.2: a domain has at most 255. */
	ADDRESS_DOMAIN_MAX = 255,
	/* RFC 5321 4.5.3.1.3: a path has 256 with its < and >. */
	ADDRESS_MAX = 254,
};

/* Views into what was parsed. */
struct address {
	struct span local;  /* as it came: quotes and backslashes included */
	struct span domain; /* or an address literal, with its brackets */
};

/*
 * Parses all of `s` as Mailbox: a dot-string or quoted string, "@", a domain
 * or address literal. SYNTAX, or TOO_BIG past a limit above. An empty quoted
 * local part is refused, though the grammar has it (threat 41). UTF-8 may
 * stand wherever a letter may (RFC 6531 section 3.3); who did not agree to it
 * looks with utf8_is_ascii(). C1 controls are refused.
 */
YB_CHECKED enum yb_err address_parse(struct span s, struct address *ret);

/* Whether `s` is a Domain: letters, digits and inner hyphens, dots between. */
bool address_is_domain(struct span s);

/*
 * Takes a path, "<" to ">", off the front of `rest`. A source route, such as
 * "<@a,@b:user@c>", "MUST be accepted, SHOULD NOT be generated, and SHOULD be
 * ignored" (RFC 5321 section 4.1.1.3). `ret` is what stands between, without
 * the route: a mailbox, empty for the null path, or "postmaster" in any case.
 * SYNTAX, TOO_BIG. Mail is taken from senders whose local parts have dots in
 * wrong places and whose domains have underscores; address_parse() refuses
 * both.
 */
YB_CHECKED enum yb_err address_cut_path(struct span *rest, struct span *ret);

#endif
