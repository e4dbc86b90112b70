/*
 * The parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8
 * (RFC 6531), and those of DSN (RFC 3461). The latter are checked to the
 * letter and change nothing: DSN is not offered, since we send no reports.
 */
#include "proto/smtp_server.h"

#include "base/cleanup.h"
#include "base/codec.h"
#include "base/num.h"
#include "base/utf8.h"
#include "proto/smtp_private.h"

enum {
	/* RFC 3461 section 4.4: "up to 100 characters in length". */
	ENVID_MAX = 100,
	/* RFC 3461 section 4.2: "up to 500 characters". */
	ORCPT_MAX = 500,
	/* The longest list that means anything has four. */
	PARAMS_MAX = 16,
};

/* RFC 1870 section 5: 1*20DIGIT, so leading zeros are allowed. */
static bool get_size(struct smtp_params *p, struct span value)
{
	if (value.n > NUM_U64_DIGITS)
		return false;
	while (value.n > 1 && value.p[0] == '0')
		value = span_skip(value, 1);
	return num_parse(value, UINT64_MAX, &p->size);
}

/* RFC 6152 section 2: either way we keep every octet of a line. */
static bool get_body(struct smtp_params *p, struct span value)
{
	(void)p;
	return span_eq_nocase(value, SPAN_LIT("7BIT")) ||
	       span_eq_nocase(value, SPAN_LIT("8BITMIME"));
}

static bool get_utf8(struct smtp_params *p, struct span value)
{
	(void)value; /* there is none: the table says so */
	p->utf8 = true;
	return true;
}

static bool get_ret(struct smtp_params *p, struct span value)
{
	(void)p;
	return span_eq_nocase(value, SPAN_LIT("FULL")) ||
	       span_eq_nocase(value, SPAN_LIT("HDRS"));
}

/*
 * "prior to encoding as xtext MUST consist entirely of printable (graphic and
 * white space) characters": never CR, LF or NUL (threat 40).
 */
static bool is_printable_xtext(struct span value)
{
	uint8_t text[ORCPT_MAX];
	size_t n;

	if (value.n > sizeof text || !xtext_parse(value, text, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

static bool get_envid(struct smtp_params *p, struct span value)
{
	(void)p;
	return value.n <= ENVID_MAX && is_printable_xtext(value);
}

static bool get_notify(struct smtp_params *p, struct span value)
{
	(void)p;
	/* "NEVER" stands alone; the others are a list. */
	if (span_eq_nocase(value, SPAN_LIT("NEVER")))
		return true;
	if (value.p[value.n - 1] == ',')
		return false;
	while (value.n > 0) {
		struct span word = span_cut(&value, ',');

		if (!span_eq_nocase(word, SPAN_LIT("SUCCESS")) &&
		    !span_eq_nocase(word, SPAN_LIT("FAILURE")) &&
		    !span_eq_nocase(word, SPAN_LIT("DELAY")))
			return false;
	}
	return true;
}

/* RFC 6533 section 3: with SMTPUTF8, "utf-8" addresses may come as they are. */
static bool is_unitext(struct span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < 0x21 || value.p[i] == 0x7f ||
		    value.p[i] == '+' || value.p[i] == '=')
			return false;
	return utf8_is_valid(value);
}

static bool get_orcpt(struct smtp_params *p, struct span value)
{
	bool fits = value.n <= ORCPT_MAX;
	struct span type = span_cut(&value, ';');

	if (!fits || type.n == 0 || value.n == 0)
		return false;
	/* addr-type = atom */
	for (size_t i = 0; i < type.n; i++)
		if (!ascii_digit(type.p[i]) && type.p[i] != '-' &&
		    (ascii_lower(type.p[i]) < 'a' ||
		     ascii_lower(type.p[i]) > 'z'))
			return false;
	if (p->utf8 && span_eq_nocase(type, SPAN_LIT("utf-8")))
		return is_unitext(value);
	return is_printable_xtext(value);
}

static const struct {
	const char *name;
	enum smtp_params_of of;
	bool has_value;
	bool (*get)(struct smtp_params *p, struct span value);
} known[] = {
	{ "SIZE", SMTP_PARAMS_OF_MAIL, true, get_size },
	{ "BODY", SMTP_PARAMS_OF_MAIL, true, get_body },
	{ "SMTPUTF8", SMTP_PARAMS_OF_MAIL, false, get_utf8 },
	{ "RET", SMTP_PARAMS_OF_MAIL, true, get_ret },
	{ "ENVID", SMTP_PARAMS_OF_MAIL, true, get_envid },
	{ "NOTIFY", SMTP_PARAMS_OF_RCPT, true, get_notify },
	{ "ORCPT", SMTP_PARAMS_OF_RCPT, true, get_orcpt },
};

static enum smtp_param_verdict
get_param(struct smtp_params *p, enum smtp_params_of of, struct span param)
{
	size_t at = span_find(param, '=');
	struct span name = span_head(param, at);
	struct span value = span_skip(param, at + 1);

	for (unsigned i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i].of != of ||
		    !span_eq_nocase(name, span_str(known[i].name)))
			continue;
		if ((p->seen & 1u << i) != 0 ||
		    known[i].has_value != (at < param.n) ||
		    (known[i].has_value && value.n == 0))
			return SMTP_PARAM_WRONG;
		p->seen |= 1u << i;
		return known[i].get(p, value) ? SMTP_PARAM_GOOD
					      : SMTP_PARAM_WRONG;
	}
	return SMTP_PARAM_UNKNOWN;
}

enum smtp_param_verdict smtp_params_read(const struct smtp_server *s,
					 enum smtp_params_of of,
					 struct span rest,
					 struct smtp_params *ret)
{
	enum smtp_param_verdict verdict = SMTP_PARAM_GOOD;

	*ret = (struct smtp_params){ .utf8 = s->utf8 };
	/* RFC 5321 section 2.2.1: HELO brings no extensions. */
	if (rest.n > 0 && !s->esmtp)
		return SMTP_PARAM_UNKNOWN;
	for (int i = 0; rest.n > 0 && verdict == SMTP_PARAM_GOOD; i++) {
		if (i == PARAMS_MAX)
			return SMTP_PARAM_WRONG;
		verdict = get_param(ret, of, span_cut(&rest, ' '));
		rest = span_trim(rest);
	}
	return verdict;
}

const char *smtp_params_refusal(enum smtp_param_verdict verdict)
{
	/* RFC 5321 section 4.1.1.11: 555 if not recognized. */
	return verdict == SMTP_PARAM_UNKNOWN
		       ? "555 5.5.4 parameter not supported"
		       : "501 5.5.4 wrong parameter";
}
