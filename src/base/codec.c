#include "base/codec.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/* RFC 4648 section 6, in lower case. */
static const char base32_digits[] = "abcdefghijklmnopqrstuvwxyz234567";

void hex_put(uint8_t *dst, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		dst[2 * i] = (uint8_t)hex_digits[s.p[i] >> 4];
		dst[2 * i + 1] = (uint8_t)hex_digits[s.p[i] & 15];
	}
}

static int hex_value(uint8_t c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_parse(struct span s, uint8_t *dst, size_t n)
{
	if (s.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_value(s.p[2 * i]);
		int low = hex_value(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		dst[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

size_t base64_put(uint8_t *dst, struct span s)
{
	uint8_t *to = dst;

	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		uint32_t v = (uint32_t)s.p[i] << 16;

		if (left > 1)
			v |= (uint32_t)s.p[i + 1] << 8;
		if (left > 2)
			v |= s.p[i + 2];
		*to++ = (uint8_t)base64_digits[v >> 18];
		*to++ = (uint8_t)base64_digits[v >> 12 & 63];
		*to++ = left > 1 ? (uint8_t)base64_digits[v >> 6 & 63] : '=';
		*to++ = left > 2 ? (uint8_t)base64_digits[v & 63] : '=';
	}
	return (size_t)(to - dst);
}

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_digit(c))
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Decodes one group of four; how many octets it holds, or 0 if malformed. */
static size_t base64_group(const uint8_t *from, bool last, uint8_t out[3])
{
	size_t digits = 4;
	uint32_t v = 0;

	if (last && from[3] == '=')
		digits = from[2] == '=' ? 2 : 3;
	for (size_t i = 0; i < 4; i++) {
		int d = i < digits ? base64_value(from[i]) : 0;

		if (d < 0)
			return 0;
		v = v << 6 | (uint32_t)d;
	}
	/* RFC 4648 section 3.5: pad bits must be zero. */
	if ((digits == 3 && (v & 0xff) != 0) ||
	    (digits == 2 && (v & 0xffff) != 0))
		return 0;
	out[0] = (uint8_t)(v >> 16);
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)v;
	return digits - 1;
}

bool base64_parse(struct span s, uint8_t *dst, size_t *ret_n)
{
	size_t n = 0;

	if (s.n % 4 != 0)
		return false;
	for (size_t i = 0; i < s.n; i += 4) {
		uint8_t out[3];
		size_t got = base64_group(s.p + i, i + 4 == s.n, out);

		if (got == 0)
			return false;
		memcpy(dst + n, out, got);
		n += got;
	}
	*ret_n = n;
	return true;
}

void base32_put_id(uint8_t dst[BASE32_ID_LEN], const uint8_t id[16])
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t at = 0;

	for (size_t i = 0; i < 16; i++) {
		bits = bits << 8 | id[i];
		for (held += 8; held >= 5; held -= 5)
			dst[at++] =
				(uint8_t)base32_digits[bits >> (held - 5) & 31];
	}
	dst[at] = (uint8_t)base32_digits[bits << (5 - held) & 31];
}

static int base32_value(uint8_t c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

bool base32_parse_id(struct span s, uint8_t ret_id[16])
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t at = 0;

	if (s.n != BASE32_ID_LEN)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int d = base32_value(s.p[i]);

		if (d < 0)
			return false;
		bits = bits << 5 | (uint32_t)d;
		held += 5;
		if (held >= 8 && at < 16) {
			held -= 8;
			ret_id[at++] = (uint8_t)(bits >> held);
		}
	}
	/* Two bits are left over; another value would be a second name. */
	return at == 16 && (bits & ((1u << held) - 1)) == 0;
}

/* ---- xtext ---- */

/* hexchar: two digits of "0" to "9" and "A" to "F" only. */
static bool parse_hexchar(struct span s, uint8_t *ret)
{
	struct span digits = span_head(s, 2);

	for (size_t i = 0; i < digits.n; i++)
		if (digits.p[i] >= 'a' && digits.p[i] <= 'f')
			return false;
	return hex_parse(digits, ret, 1);
}

bool xtext_parse(struct span s, uint8_t *dst, size_t *ret_n)
{
	size_t n = 0;

	while (s.n > 0) {
		uint8_t c = s.p[0];

		/* xchar: "!" to "~" but "+" and "=" */
		if (c < '!' || c > '~' || c == '=')
			return false;
		s = span_skip(s, 1);
		if (c == '+') {
			if (!parse_hexchar(s, &c))
				return false;
			s = span_skip(s, 2);
		}
		dst[n++] = c;
	}
	*ret_n = n;
	return true;
}
