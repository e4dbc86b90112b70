/*
 * Octets as text and back: hexadecimal, base64 (RFC 4648 section 4, strict:
 * padding required, no foreign characters, no loose bits) and base32 without
 * padding in the alphabet of UIDLs; xtext (RFC 3461 section 4).
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/span.h"

static inline size_t base64_len(size_t n)
{
	return (n + 2) / 3 * 4;
}

/* Writes 2 * s.n lower-case digits. */
void hex_put(uint8_t *dst, struct span s);

/* Reads 2 * n digits of either case into `dst`; false if `s` is not that. */
bool hex_parse(struct span s, uint8_t *dst, size_t n);

/* Writes base64_len(s.n) octets; how many. */
size_t base64_put(uint8_t *dst, struct span s);

/*
 * Decodes into `dst`, which needs s.n / 4 * 3 octets and may be where `s` is.
 * False if `s` is not base64; what `dst` then holds is undefined.
 */
bool base64_parse(struct span s, uint8_t *dst, size_t *ret_n);

enum { BASE32_ID_LEN = 26 };

/* A 128-bit id in 26 characters of 2-7 and a-z, as UIDLs show it. */
void base32_put_id(uint8_t dst[BASE32_ID_LEN], const uint8_t id[16]);

/* Back again; false if `s` is not what base32_put_id() writes. */
bool base32_parse_id(struct span s, uint8_t ret_id[16]);

/*
 * Decodes xtext, "+" with two upper-case digits for what is not printable,
 * into `dst`, which needs s.n octets. False if `s` is not that. Any octet may
 * come out: whoever wants text looks at it (threat 40).
 */
bool xtext_parse(struct span s, uint8_t *dst, size_t *ret_n);

#endif
