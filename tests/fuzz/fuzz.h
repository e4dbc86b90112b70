/*
 * What the fuzz targets share: checks that end the program, and input that is
 * cut into pieces whose memory ends where they end.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                               \
	do {                                                          \
		if (!(condition)) {                                   \
			(void)fprintf(stderr, "%s:%d: %s\n",          \
				      __FILE__, __LINE__, #condition); \
			abort();                                      \
		}                                                     \
	} while (0)

/* Takes an octet off the front; 0 if there is none. */
static inline uint8_t fuzz_take(struct span *in)
{
	uint8_t c = in->n > 0 ? in->p[0] : 0;

	*in = span_skip(*in, 1);
	return c;
}

/*
 * Takes a piece of at most `n` octets off the front, as a copy of exactly its
 * size: reading beyond it is seen. To be freed.
 */
static inline struct span fuzz_piece(struct span *in, size_t n)
{
	struct span part = span_head(*in, n);
	uint8_t *copy = malloc(part.n > 0 ? part.n : 1);

	MUST(copy != NULL);
	if (part.n > 0)
		memcpy(copy, part.p, part.n);
	*in = span_skip(*in, part.n);
	return span_of(copy, part.n);
}

static inline void fuzz_free(struct span piece)
{
	free((void *)(uintptr_t)piece.p);
}

#endif
