#include "bench/histogram.h"

#include <assert.h>
#include <string.h>

void histogram_clear(struct histogram *h)
{
	memset(h, 0, sizeof *h);
}

/*
 * Values below HISTOGRAM_SUB have a bucket each. Above, the octave of the
 * highest set bit chooses HISTOGRAM_SUB buckets, and the bits next to it one
 * of them.
 */
static unsigned bucket_of(uint64_t value)
{
	unsigned shift;

	if (value < HISTOGRAM_SUB)
		return (unsigned)value;
	shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return shift * HISTOGRAM_SUB + (unsigned)(value >> shift);
}

/* The largest value of a bucket. */
static uint64_t top_of(unsigned bucket)
{
	unsigned shift;
	uint64_t lead;

	if (bucket < HISTOGRAM_SUB)
		return bucket;
	shift = bucket / HISTOGRAM_SUB - 1;
	lead = HISTOGRAM_SUB + bucket % HISTOGRAM_SUB;
	/* The last bucket of all wraps round to UINT64_MAX, as it should. */
	return ((lead + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	h->n++;
	h->counts[bucket_of(value)]++;
	if (value > h->max)
		h->max = value;
}

uint64_t histogram_quantile(const struct histogram *h, uint32_t per_100k)
{
	/* In two parts, so that no count overflows. */
	uint64_t rank = h->n / 100000 * per_100k +
			(h->n % 100000 * per_100k + 99999) / 100000;
	uint64_t seen = 0;

	assert(per_100k <= 100000);
	if (h->n == 0)
		return 0;
	if (rank == 0)
		rank = 1;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= rank)
			return top_of(i) < h->max ? top_of(i) : h->max;
	}
	return h->max;
}
