/*
 * The known word that somebody who typed another one probably meant.
 */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

#include "base/span.h"

/* Longer words are not mistyped names of ours, and cost square time. */
enum { NEAREST_WORD_MAX = 40 };

/*
 * How many letters have to be left out, added, replaced, or swapped with
 * their neighbour to make `b` of `a`; case does not count. SIZE_MAX for words
 * beyond NEAREST_WORD_MAX.
 */
size_t word_distance(struct span a, struct span b);

/*
 * Of `n` words the nearest to `word`; NULL if none is near enough to be worth
 * mentioning: more than a third of its letters, and at least one, may be off.
 */
const char *word_nearest(struct span word, const char *const *words, size_t n);

#endif
