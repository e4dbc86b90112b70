#include "sasl/saslprep.h"

#include <stringprep.h>

#include "base/buf.h"
#include "base/utf8.h"

/* RFC 4013: printable ASCII is neither mapped, composed nor prohibited. */
static bool is_printable_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

static enum yb_err err_of(int rc)
{
	switch (rc) {
	case STRINGPREP_OK:
		return YB_OK;
	case STRINGPREP_TOO_SMALL_BUFFER:
		return YB_TOO_BIG;
	case STRINGPREP_MALLOC_ERROR:
	case STRINGPREP_NFKC_FAILED:
		return YB_NOMEM;
	default:
		return YB_SYNTAX;
	}
}

enum yb_err saslprep(struct span s, enum saslprep_use use,
		     uint8_t dst[SASLPREP_OUT_MAX], size_t *ret_n)
{
	char text[SASLPREP_OUT_MAX];
	Stringprep_profile_flags flags = 0;
	enum yb_err err;

	if (s.n > SASLPREP_IN_MAX)
		return YB_TOO_BIG;
	if (is_printable_ascii(s)) {
		if (s.n > 0)
			memcpy(dst, s.p, s.n);
		*ret_n = s.n;
		return YB_OK;
	}
	if (!utf8_is_valid(s) || !span_to_str(s, text, sizeof text))
		return YB_SYNTAX;
	if (use == SASLPREP_STORED)
		flags = STRINGPREP_NO_UNASSIGNED;
	err = err_of(stringprep(text, sizeof text, flags, stringprep_saslprep));
	if (err == YB_OK) {
		*ret_n = strlen(text);
		memcpy(dst, text, *ret_n);
	}
	mem_wipe(text, sizeof text);
	return err;
}
