/*
 * Names of many accounts from one pattern: "e%04d" gives e0000, e0001, ...
 * One %d, %Nd or %0Nd stands for the number, %% for a percent sign.
 */
#ifndef BENCH_PATTERN_H
#define BENCH_PATTERN_H

#include "base/err.h"
#include "base/span.h"

enum {
	PATTERN_TEXT_MAX = 255,
	PATTERN_WIDTH_MAX = 20,
	/* What pattern_put() needs at most, a number of 20 digits included. */
	PATTERN_NAME_MAX = PATTERN_TEXT_MAX + PATTERN_WIDTH_MAX,
};

struct pattern {
	char text[PATTERN_TEXT_MAX + 1]; /* without the number */
	size_t n;
	size_t number_at; /* where in `text` the number goes */
	bool has_number;
	bool zeros; /* fill with zeros, not with spaces */
	unsigned width;
};

/*
 * INVALID for another conversion, a second %d, a control character or
 * nothing; TOO_BIG.
 */
YB_CHECKED enum yb_err pattern_parse(const char *text, struct pattern *ret);

/* Writes the name with `number` in it; its length. */
size_t pattern_put(const struct pattern *p, uint64_t number,
		   char dst[PATTERN_NAME_MAX]);

#endif
