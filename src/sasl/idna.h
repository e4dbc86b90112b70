/*
 * International domain names (IDNA2008, RFC 5891): U-labels as people write
 * them, A-labels as they are looked up and kept.
 */
#ifndef SASL_IDNA_H
#define SASL_IDNA_H

#include "base/err.h"
#include "base/span.h"

/* RFC 1035's 255 octets hold as much text, and the NUL. */
enum { IDNA_DOMAIN_MAX = 253 };

/*
 * The A-label form of a domain in UTF-8, lower case, with its NUL. What is
 * ASCII already stays as it is. INVALID if it is no domain name; NOMEM.
 */
YB_CHECKED enum yb_err idna_to_ascii(struct span domain,
				     char ret[IDNA_DOMAIN_MAX + 1]);

enum {
	/* A label's 63 octets of A-label come from at most 59 characters. */
	IDNA_SHOWN_MAX = 4 * IDNA_DOMAIN_MAX,
};

/*
 * The form to show to people. What cannot be shown so stays as it is: this
 * never fails, and is never compared.
 */
void idna_to_shown(const char *ascii, char ret[IDNA_SHOWN_MAX + 1]);

#endif
