/*
 * Latencies in buckets that grow with their value: exact below 256, above
 * that within 1/128. Any 64-bit value has a bucket; adding one costs a few
 * instructions and never allocates.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_SUB_BITS = 7,
	HISTOGRAM_SUB = 1 << HISTOGRAM_SUB_BITS, /* buckets an octave */
	HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB,
};

struct histogram {
	uint64_t n; /* values added */
	uint64_t max;
	uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *h);
void histogram_add(struct histogram *h, uint64_t value);

/*
 * The value that `per_100k` of 100,000 values do not pass: 50,000 is the
 * median, 99,900 is p99.9. The top of its bucket, or the maximum if that is
 * less. 0 while empty.
 */
uint64_t histogram_quantile(const struct histogram *h, uint32_t per_100k);

#endif
