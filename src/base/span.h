/*
 * Borrowed octets. A span owns nothing and NUL ends nothing; it is valid as
 * long as what it points into. Parsers take spans from the front of others.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p;
	size_t n;
};

#define SPAN_NONE ((struct span){ NULL, 0 })
/* A span of a string literal, without its NUL. */
#define SPAN_LIT(text) \
	((struct span){ (const uint8_t *)(text), sizeof(text) - 1 })

static inline struct span span_of(const void *p, size_t n)
{
	return (struct span){ p, n };
}

static inline struct span span_str(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

/* The first `n` octets, or all if there are fewer. */
static inline struct span span_head(struct span s, size_t n)
{
	return (struct span){ s.p, n < s.n ? n : s.n };
}

/* What follows the first `n` octets; empty if there are fewer. */
static inline struct span span_skip(struct span s, size_t n)
{
	if (n >= s.n)
		return (struct span){ s.n > 0 ? s.p + s.n : s.p, 0 };
	return (struct span){ s.p + n, s.n - n };
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_starts(struct span s, struct span with)
{
	return s.n >= with.n && span_eq(span_head(s, with.n), with);
}

static inline uint8_t ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static inline uint8_t ascii_upper(uint8_t c)
{
	return c >= 'a' && c <= 'z' ? (uint8_t)(c & ~0x20) : c;
}

static inline bool ascii_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Equal but for the case of ASCII letters. Not for secrets. */
bool span_eq_nocase(struct span a, struct span b);

/* Whether `s` starts with `with`, the case of ASCII letters aside. */
bool span_starts_nocase(struct span s, struct span with);

/* Where `c` stands first in `s`; s.n if nowhere. */
size_t span_find(struct span s, uint8_t c);

/* Where `c` stands last in `s`; s.n if nowhere. */
size_t span_find_last(struct span s, uint8_t c);

/*
 * Cuts what stands before the first `sep` off the front of `rest`, and drops
 * the separator. Without one it returns all and leaves `rest` empty.
 */
struct span span_cut(struct span *rest, uint8_t sep);

/* Without spaces and tabs at both ends. */
struct span span_trim(struct span s);

/*
 * Copies `s` to `dst` of `cap` octets and ends it with NUL. False, and an
 * empty string, if it does not fit or holds a NUL.
 */
bool span_to_str(struct span s, char *dst, size_t cap);

#endif
