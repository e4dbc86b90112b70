#include "config/nearest.h"

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Three rows of the usual table are alive: this one and the two above. */
size_t word_distance(struct span a, struct span b)
{
	size_t rows[3][NEAREST_WORD_MAX + 1];
	size_t *above2 = rows[0], *above = rows[1], *row = rows[2];

	if (a.n > NEAREST_WORD_MAX || b.n > NEAREST_WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		above[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *oldest = above2;
		uint8_t ca = ascii_lower(a.p[i - 1]);

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			uint8_t cb = ascii_lower(b.p[j - 1]);

			row[j] = min_size(above[j], row[j - 1]) + 1;
			row[j] = min_size(row[j], above[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca != cb &&
			    ca == ascii_lower(b.p[j - 2]) &&
			    cb == ascii_lower(a.p[i - 2]))
				row[j] = min_size(row[j], above2[j - 2] + 1);
		}
		above2 = above;
		above = row;
		row = oldest;
	}
	return above[b.n];
}

const char *word_nearest(struct span word, const char *const *words, size_t n)
{
	const char *best = NULL;
	size_t best_distance = word.n / 3 > 0 ? word.n / 3 : 1;

	for (size_t i = 0; i < n; i++) {
		size_t d = word_distance(word, span_str(words[i]));

		if (d > best_distance || (best != NULL && d == best_distance))
			continue;
		/* Nothing of the word would be left. */
		if (d >= word.n || d >= strlen(words[i]))
			continue;
		best = words[i];
		best_distance = d;
	}
	return best;
}
