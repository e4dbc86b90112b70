#include "sasl/name.h"

/*
 * RFC 5802 section 5.1: "if the server receives a username that contains '='
 * not followed by either '2C' or '3D', then the server MUST fail the
 * authentication".
 */
bool sasl_name_read(struct span s, uint8_t dst[SASL_USER_MAX], size_t *ret_n)
{
	size_t n = 0;

	while (s.n > 0 && n < SASL_USER_MAX) {
		if (s.p[0] != '=') {
			dst[n++] = s.p[0];
			s = span_skip(s, 1);
			continue;
		}
		if (span_starts(s, SPAN_LIT("=2C")))
			dst[n++] = ',';
		else if (span_starts(s, SPAN_LIT("=3D")))
			dst[n++] = '=';
		else
			return false;
		s = span_skip(s, 3);
	}
	*ret_n = n;
	return s.n == 0 && n > 0;
}
