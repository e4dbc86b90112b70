#include "auth/name.h"

#include "base/cleanup.h"
#include "sasl/idna.h"
#include "sasl/saslprep.h"

/*
 * Signs in a local part beside letters and digits. RFC 5321 allows more; left
 * out is what routes mail (% ! : @), what paths and shells read (/ \ ` $ | *
 * ? { } # "), and what nobody has in an address.
 */
static bool is_local_sign(uint8_t c, enum name_use use)
{
	return c == '.' || c == '-' || c == '_' || c == '=' || c == '&' ||
	       c == '\'' || c == '~' || (c == '+' && use == NAME_FIND);
}

static bool is_letter_or_digit(uint8_t c)
{
	return ascii_digit(c) ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* RFC 5321's Dot-string: no dot at an end, no two in a row. */
static bool is_local(struct span local, enum name_use use)
{
	uint8_t last = '.';

	if (local.n == 0 || local.n > NAME_LOCAL_MAX)
		return false;
	for (size_t i = 0; i < local.n; i++) {
		uint8_t c = local.p[i];

		if (c < 0x80 && !is_letter_or_digit(c) &&
		    !is_local_sign(c, use))
			return false;
		if (c == '.' && last == '.')
			return false;
		last = c;
	}
	return last != '.';
}

static bool is_label(struct span label)
{
	if (label.n == 0 || label.n > NAME_LABEL_MAX || label.p[0] == '-' ||
	    label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!is_letter_or_digit(label.p[i]) && label.p[i] != '-')
			return false;
	return true;
}

/* RFC 3696 section 2: a top-level domain is never "all-numeric", so that
 * "127.0.0.1" is an address and no name. A host of one label may be one. */
static bool is_number(struct span label)
{
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_digit(label.p[i]))
			return false;
	return true;
}

static bool is_domain(struct span domain)
{
	struct span rest = domain, label = rest;

	if (domain.n == 0 || domain.n > NAME_DOMAIN_MAX ||
	    domain.p[domain.n - 1] == '.')
		return false;
	while (rest.n > 0) {
		label = span_cut(&rest, '.');
		if (!is_label(label))
			return false;
	}
	return label.n == domain.n || !is_number(label);
}

static void put_lower(char *dst, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		dst[i] = (char)ascii_lower(s.p[i]);
	dst[s.n] = 0;
}

enum yb_err name_canonical_domain(struct span in, char ret[NAME_DOMAIN_MAX + 1])
{
	char ascii[IDNA_DOMAIN_MAX + 1];
	enum yb_err err = idna_to_ascii(in, ascii);

	if (err == YB_OK && !is_domain(span_str(ascii)))
		err = YB_INVALID;
	if (err == YB_OK)
		put_lower(ret, span_str(ascii));
	return err;
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x80)
			return false;
	return true;
}

/* Joins what was found to be good. */
static enum yb_err join(struct span local, struct span domain,
			enum name_use use, struct name *ret)
{
	char ascii[NAME_DOMAIN_MAX + 1];
	enum yb_err err;

	if (!is_local(local, use))
		return YB_INVALID;
	err = name_canonical_domain(domain, ascii);
	if (err != YB_OK)
		return err;
	domain = span_str(ascii);
	if (local.n + 1 + domain.n > AUTH_ADDRESS_MAX)
		return YB_INVALID;
	put_lower(ret->text, local);
	ret->text[local.n] = '@';
	put_lower(ret->text + local.n + 1, domain);
	ret->n = local.n + 1 + domain.n;
	return YB_OK;
}

enum yb_err name_canonical(struct span in, const char *default_domain,
			   enum name_use use, struct name *ret)
{
	UNSET uint8_t prepared[SASLPREP_OUT_MAX];
	size_t at = span_find_last(in, '@');
	struct span local = span_head(in, at);
	struct span domain =
		at < in.n ? span_skip(in, at + 1) : span_str(default_domain);
	enum yb_err err;

	if (local.n > NAME_LOCAL_MAX)
		return YB_INVALID;
	if (is_ascii(local))
		return join(local, domain, use, ret);
	err = saslprep(local,
		       use == NAME_MAKE ? SASLPREP_STORED : SASLPREP_QUERY,
		       prepared, &local.n);
	if (err != YB_OK)
		return err == YB_NOMEM ? err : YB_INVALID;
	local.p = prepared;
	return join(local, domain, use, ret);
}

enum yb_err name_canonical_alias(struct span in, const char *default_domain,
				 struct name *ret)
{
	char ascii[NAME_DOMAIN_MAX + 1];
	enum yb_err err;

	if (in.n == 0 || in.p[0] != '@')
		return name_canonical(in, default_domain, NAME_FIND, ret);
	err = name_canonical_domain(span_skip(in, 1), ascii);
	if (err != YB_OK)
		return err;
	name_catch_all(span_str(ascii), ret);
	return YB_OK;
}

void name_catch_all(struct span domain, struct name *ret)
{
	ret->text[0] = '@';
	put_lower(ret->text + 1, domain);
	ret->n = 1 + domain.n;
}

bool name_is_catch_all(const struct name *name)
{
	return name->text[0] == '@';
}

bool name_without_detail(const struct name *name, char delimiter,
			 struct name *ret)
{
	struct span all = name_span(name);
	size_t at = span_find_last(all, '@');
	size_t cut = span_find(span_head(all, at), (uint8_t)delimiter);

	if (delimiter == 0 || cut == 0 || cut >= at)
		return false;
	memcpy(ret->text, name->text, cut);
	memcpy(ret->text + cut, name->text + at, all.n - at + 1);
	ret->n = cut + all.n - at;
	return true;
}

enum yb_err name_at_domain(const struct name *name, struct span domain,
			   struct name *ret)
{
	size_t local = span_find_last(name_span(name), '@') + 1;

	if (local + domain.n > AUTH_ADDRESS_MAX)
		return YB_INVALID;
	memcpy(ret->text, name->text, local);
	put_lower(ret->text + local, domain);
	ret->n = local + domain.n;
	return YB_OK;
}

struct span name_domain(const struct name *name)
{
	struct span all = name_span(name);

	return span_skip(all, span_find_last(all, '@') + 1);
}

bool name_is_postmaster(const struct name *name)
{
	return span_starts(name_span(name), SPAN_LIT("postmaster@"));
}

enum yb_err name_unquote(struct span in, uint8_t dst[AUTH_ADDRESS_MAX],
			 size_t *ret_n)
{
	bool inside = in.n > 0 && in.p[0] == '"';
	size_t n = 0, i = inside ? 1 : 0;

	if (in.n > AUTH_ADDRESS_MAX)
		return YB_INVALID;
	for (; i < in.n; i++) {
		if (inside && in.p[i] == '"') {
			inside = false;
			/* Only the whole local part may be quoted. */
			if (i + 1 < in.n && in.p[i + 1] != '@')
				return YB_INVALID;
			continue;
		}
		if (inside && in.p[i] == '\\' && ++i == in.n)
			return YB_INVALID;
		/* A quoted @ would change its meaning outside the quotes. */
		if (inside && in.p[i] == '@')
			return YB_INVALID;
		dst[n++] = in.p[i];
	}
	if (inside)
		return YB_INVALID;
	*ret_n = n;
	return YB_OK;
}
