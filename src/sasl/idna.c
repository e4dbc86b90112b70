#include "sasl/idna.h"

#include <idn2.h>
#include <string.h>

enum {
	/* Longer ones would not fit as A-labels, which are never shorter
	 * than a character a code point of up to four octets. */
	IN_MAX = 4 * IDNA_DOMAIN_MAX,
};

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x80)
			return false;
	return true;
}

/* RFC 5891 section 5, without the mappings of older rules for sharp s and
 * its likes; upper case and widths are mapped as RFC 5895 has it. */
static enum yb_err convert(const char *text, char ret[IDNA_DOMAIN_MAX + 1])
{
	uint8_t *found = NULL;
	int rc = idn2_lookup_u8((const uint8_t *)text, &found,
				IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	enum yb_err err = YB_OK;

	if (rc == IDN2_MALLOC)
		return YB_NOMEM;
	if (rc != IDN2_OK)
		return YB_INVALID;
	if (!span_to_str(span_str((const char *)found), ret,
			 IDNA_DOMAIN_MAX + 1))
		err = YB_INVALID;
	idn2_free(found);
	return err;
}

enum yb_err idna_to_ascii(struct span domain, char ret[IDNA_DOMAIN_MAX + 1])
{
	char text[IN_MAX + 1], made[IDNA_DOMAIN_MAX + 1];
	enum yb_err err = YB_OK;

	if (!span_to_str(domain, text, sizeof text))
		return YB_INVALID;
	if (is_ascii(domain)) {
		if (!span_to_str(domain, made, sizeof made))
			return YB_INVALID;
	} else {
		err = convert(text, made);
	}
	if (err != YB_OK)
		return err;
	for (size_t i = 0; i < sizeof made; i++) {
		ret[i] = (char)ascii_lower((uint8_t)made[i]);
		if (made[i] == 0)
			break;
	}
	return YB_OK;
}

void idna_to_shown(const char *ascii, char ret[IDNA_SHOWN_MAX + 1])
{
	char *found = NULL;
	bool good = strstr(ascii, "xn--") != NULL &&
		    idn2_to_unicode_8z8z(ascii, &found, 0) == IDN2_OK &&
		    span_to_str(span_str(found), ret, IDNA_SHOWN_MAX + 1);

	if (!good && !span_to_str(span_str(ascii), ret, IDNA_SHOWN_MAX + 1))
		*ret = 0;
	idn2_free(found);
}
