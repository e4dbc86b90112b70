#include "base/utf8.h"

/* The shortest code point that takes so many octets. */
static const uint32_t shortest[] = { 0, 0, 0x80, 0x800, 0x10000 };

/* Octets of a character that starts with `lead`; 0 if none does. */
static size_t utf8_len(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xc0 || lead >= 0xf8)
		return 0;
	if (lead < 0xe0)
		return 2;
	return lead < 0xf0 ? 3 : 4;
}

/* Octets of the character at the front of `s`; 0 if it is not UTF-8. */
static size_t utf8_char(struct span s)
{
	uint8_t lead = s.p[0];
	size_t n = utf8_len(lead);
	uint32_t point = n > 1 ? lead & (0x7fu >> n) : lead;

	if (n == 0 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s.p[i] & 0x3f);
	}
	/* RFC 3629 section 3: no longer form than needed, no surrogates. */
	if (point < shortest[n] || point > 0x10ffff ||
	    (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return n;
}

bool utf8_is_valid(struct span s)
{
	while (s.n > 0) {
		size_t n = utf8_char(s);

		if (n == 0)
			return false;
		s = span_skip(s, n);
	}
	return true;
}

bool utf8_is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x80)
			return false;
	return true;
}
