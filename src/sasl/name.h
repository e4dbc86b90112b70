/*
 * The names in a GS2 header (RFC 5801 section 4) and in SCRAM's messages (RFC
 * 5802 section 5.1), in which "=2C" is a comma and "=3D" an equals sign.
 */
#ifndef SASL_NAME_H
#define SASL_NAME_H

#include "base/span.h"

enum {
	/* RFC 5321 4.5.3.1: an address has 254 octets; as auth.h says. */
	SASL_USER_MAX = 254,
};

/*
 * Reads the octets that a name stands for; UTF-8 is the caller's to check.
 * False if it is empty, too long, or has another "=".
 */
bool sasl_name_read(struct span s, uint8_t dst[SASL_USER_MAX], size_t *ret_n);

#endif
