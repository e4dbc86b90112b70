/*
 * Numbers as text, strictly: decimal digits only, no sign, no spaces, no
 * leading zeros but "0" itself, and nothing that overflows (threat 17).
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/span.h"

/* Digits of the largest uint64_t. */
enum { NUM_U64_DIGITS = 20 };

/* Reads all of `s` as a number of at most `max`; false if it is none. */
bool num_parse(struct span s, uint64_t max, uint64_t *ret);

/* Writes `v` in decimal to `dst`, at most NUM_U64_DIGITS octets; how many. */
size_t num_put(uint8_t *dst, uint64_t v);

/* How many octets num_put() would write. */
size_t num_len(uint64_t v);

/* Little-endian integers in files and messages. */
static inline void put_le16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline void put_le64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline uint16_t get_le16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint32_t get_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t get_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "files are little-endian; a big-endian host needs swaps here");

#endif
