/*
 * SASLprep (RFC 4013): one form for user names and passwords that look alike,
 * however a keyboard composes them. ASCII without controls stays as it is.
 */
#ifndef SASL_SASLPREP_H
#define SASL_SASLPREP_H

#include "base/err.h"
#include "base/span.h"

enum saslprep_use {
	/* RFC 3454 section 7: kept for later; unassigned points are refused. */
	SASLPREP_STORED,
	/* RFC 3454 section 7: compared with such; unassigned points pass. */
	SASLPREP_QUERY,
};

enum {
	/* As long as the longest thing prepared, a password (auth.h). */
	SASLPREP_IN_MAX = 1024,
	/* NFKC makes up to 18 characters of one (U+FDFA); bounded anyhow. */
	SASLPREP_OUT_MAX = 4 * SASLPREP_IN_MAX,
};

/*
 * Writes the prepared form of `s` to `dst` of SASLPREP_OUT_MAX octets. SYNTAX
 * if `s` is not UTF-8, holds NUL, or holds what RFC 4013 prohibits; TOO_BIG;
 * NOMEM. The caller wipes `dst`.
 */
YB_CHECKED enum yb_err saslprep(struct span s, enum saslprep_use use,
				uint8_t dst[SASLPREP_OUT_MAX], size_t *ret_n);

#endif
