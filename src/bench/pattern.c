#include "bench/pattern.h"

#include "base/num.h"

/* Takes "04d" from the front of `s`. */
static bool take_number(struct span *s, struct pattern *p)
{
	if (p->has_number)
		return false;
	if (s->n > 0 && s->p[0] == '0') {
		p->zeros = true;
		*s = span_skip(*s, 1);
	}
	while (s->n > 0 && ascii_digit(s->p[0])) {
		p->width = p->width * 10 + (unsigned)(s->p[0] - '0');
		if (p->width > PATTERN_WIDTH_MAX)
			return false;
		*s = span_skip(*s, 1);
	}
	if (s->n == 0 || s->p[0] != 'd')
		return false;
	*s = span_skip(*s, 1);
	p->has_number = true;
	p->number_at = p->n;
	return true;
}

enum yb_err pattern_parse(const char *text, struct pattern *ret)
{
	struct span s = span_str(text);

	*ret = (struct pattern){ 0 };
	if (s.n == 0)
		return YB_INVALID;
	if (s.n > PATTERN_TEXT_MAX)
		return YB_TOO_BIG;
	while (s.n > 0) {
		uint8_t c = s.p[0];

		s = span_skip(s, 1);
		if (c < 0x20 || c == 0x7f)
			return YB_INVALID; /* would end the command */
		if (c == '%' && (s.n == 0 || s.p[0] != '%')) {
			if (!take_number(&s, ret))
				return YB_INVALID;
			continue;
		}
		if (c == '%')
			s = span_skip(s, 1);
		ret->text[ret->n++] = (char)c;
	}
	return YB_OK;
}

size_t pattern_put(const struct pattern *p, uint64_t number,
		   char dst[PATTERN_NAME_MAX])
{
	size_t at = p->has_number ? p->number_at : p->n;
	size_t digits = num_len(number);
	size_t n = at;

	memcpy(dst, p->text, at);
	if (!p->has_number)
		return n;
	for (; digits < p->width; digits++)
		dst[n++] = p->zeros ? '0' : ' ';
	n += num_put((uint8_t *)dst + n, number);
	memcpy(dst + n, p->text + at, p->n - at);
	return n + p->n - at;
}
