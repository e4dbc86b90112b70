/*
 * For the codecs of wire.h alone: which of 64 octets are which, as masks,
 * octet i in bit i. Whatever spans octets (CRLF, dots behind line ends) is
 * then a shift and an AND, without a branch an octet or a line.
 */
#ifndef MIME_WIRE_SCAN_H
#define MIME_WIRE_SCAN_H

#include "base/span.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { WIRE_BLOCK = 64 };

struct wire_masks {
	uint64_t cr, lf, dot, nul, high;
};

/* One octet at a time: for hosts without SSE2, and for tests to compare. */
static inline struct wire_masks wire_masks_plain(const uint8_t *p)
{
	struct wire_masks m = { 0 };

	for (unsigned i = 0; i < WIRE_BLOCK; i++) {
		m.cr |= (uint64_t)(p[i] == '\r') << i;
		m.lf |= (uint64_t)(p[i] == '\n') << i;
		m.dot |= (uint64_t)(p[i] == '.') << i;
		m.nul |= (uint64_t)(p[i] == 0) << i;
		m.high |= (uint64_t)(p[i] >> 7) << i;
	}
	return m;
}

#ifdef __SSE2__
static inline uint64_t wire_mask16(__m128i v, char c, unsigned shift)
{
	__m128i hit = _mm_cmpeq_epi8(v, _mm_set1_epi8(c));

	return (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << shift;
}

static inline struct wire_masks wire_masks(const uint8_t *p)
{
	struct wire_masks m = { 0 };

	for (unsigned i = 0; i < WIRE_BLOCK; i += 16) {
		__m128i v = _mm_loadu_si128((const void *)(p + i));

		m.cr |= wire_mask16(v, '\r', i);
		m.lf |= wire_mask16(v, '\n', i);
		m.dot |= wire_mask16(v, '.', i);
		m.nul |= wire_mask16(v, 0, i);
		m.high |= (uint64_t)(uint32_t)_mm_movemask_epi8(v) << i;
	}
	return m;
}
#else
static inline struct wire_masks wire_masks(const uint8_t *p)
{
	return wire_masks_plain(p);
}
#endif

/* The masks of up to 64 octets; beyond the end there is ordinary text. */
static inline struct wire_masks wire_masks_head(struct span s)
{
	uint8_t padded[WIRE_BLOCK];

	if (s.n >= WIRE_BLOCK)
		return wire_masks(s.p);
	memset(padded, 'a', sizeof padded);
	memcpy(padded, s.p, s.n);
	return wire_masks(padded);
}

#endif
