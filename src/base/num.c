#include "base/num.h"

bool num_parse(struct span s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > NUM_U64_DIGITS || (s.p[0] == '0' && s.n > 1))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t digit = (uint64_t)(s.p[i] - '0');

		if (!ascii_digit(s.p[i]))
			return false;
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v > max)
		return false;
	*ret = v;
	return true;
}

size_t num_len(uint64_t v)
{
	uint64_t limit = 10;
	size_t n = 1;

	/* Ten times the last limit would pass 2^64: one digit more at most. */
	for (; n < NUM_U64_DIGITS - 1 && v >= limit; limit *= 10)
		n++;
	return n == NUM_U64_DIGITS - 1 && v >= limit ? n + 1 : n;
}

size_t num_put(uint8_t *dst, uint64_t v)
{
	size_t n = num_len(v);

	for (size_t i = n; i-- > 0; v /= 10)
		dst[i] = (uint8_t)('0' + v % 10);
	return n;
}
