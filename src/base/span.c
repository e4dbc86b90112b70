#include "base/span.h"

bool span_eq_nocase(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

bool span_starts_nocase(struct span s, struct span with)
{
	return s.n >= with.n && span_eq_nocase(span_head(s, with.n), with);
}

size_t span_find(struct span s, uint8_t c)
{
	const uint8_t *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return at == NULL ? s.n : (size_t)(at - s.p);
}

size_t span_find_last(struct span s, uint8_t c)
{
	const uint8_t *at = s.n > 0 ? memrchr(s.p, c, s.n) : NULL;

	return at == NULL ? s.n : (size_t)(at - s.p);
}

struct span span_cut(struct span *rest, uint8_t sep)
{
	size_t at = span_find(*rest, sep);
	struct span part = span_head(*rest, at);

	*rest = span_skip(*rest, at == rest->n ? at : at + 1);
	return part;
}

struct span span_trim(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_skip(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool span_to_str(struct span s, char *dst, size_t cap)
{
	if (s.n >= cap || span_find(s, 0) != s.n) {
		if (cap > 0)
			dst[0] = 0;
		return false;
	}
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = 0;
	return true;
}
