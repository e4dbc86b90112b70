#include "mime/address.h"

#include "base/utf8.h"

/* RFC 5322 section 3.2.3, and RFC 6531 section 3.3: UTF8-non-ascii. */
static bool is_atext(uint8_t c)
{
	return c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       ascii_digit(c) ||
	       (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_let_dig(uint8_t c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || ascii_digit(c);
}

/* Dot-string = Atom *("." Atom). */
static bool is_dot_string(struct span s)
{
	bool atom = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? !atom : !is_atext(s.p[i]))
			return false;
		atom = s.p[i] != '.';
	}
	return atom;
}

/* How long the quoted string at the front of `s` is; 0 if there is none. */
static size_t quoted_len(struct span s)
{
	if (s.n == 0 || s.p[0] != '"')
		return 0;
	for (size_t i = 1; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c == '"')
			return i + 1;
		if (c == '\\' && ++i == s.n)
			return 0;
		/* qtextSMTP and quoted-pairSMTP: %d32-126; UTF-8. */
		if (s.p[i] < 32 || s.p[i] == 127)
			return 0;
	}
	return 0;
}

/*
 * How strictly to read. What is in use and harmless beyond the RFC: dots at
 * any place of a local part, which a large carrier in Japan gave out for
 * years, and underscores in names of hosts.
 */
enum reading { STRICT, AS_IN_USE };

static bool is_local(struct span s, enum reading reading)
{
	if (reading == STRICT)
		return is_dot_string(s);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && !is_atext(s.p[i]))
			return false;
	return s.n > 0;
}

/*
 * sub-domain = Let-dig [Ldh-str]; RFC 1035 gives it 63 octets. A U-label may
 * have more as long as its A-label has not, which lookup will find.
 */
static bool is_sub_domain(struct span s, enum reading reading)
{
	if (s.n == 0 || (s.n > 63 && utf8_is_ascii(s)) || s.p[0] == '-' ||
	    s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x80 && !is_let_dig(s.p[i]) && s.p[i] != '-' &&
		    (s.p[i] != '_' || reading == STRICT))
			return false;
	return true;
}

static bool is_domain(struct span s, enum reading reading)
{
	if (s.n == 0 || s.n > ADDRESS_DOMAIN_MAX || s.p[s.n - 1] == '.')
		return false;
	while (s.n > 0)
		if (!is_sub_domain(span_cut(&s, '.'), reading))
			return false;
	return true;
}

bool address_is_domain(struct span s)
{
	return is_domain(s, STRICT);
}

/* Four numbers from 0 to 255. RFC 5321's Snum may have leading zeros; what
 * reads "010" as 8 elsewhere makes us refuse those. */
static bool is_ipv4(struct span s)
{
	if (s.n == 0 || s.p[s.n - 1] == '.')
		return false;
	for (int i = 0; i < 4; i++) {
		struct span part = span_cut(&s, '.');
		unsigned v = 0;

		if (part.n == 0 || part.n > 3 ||
		    (part.n > 1 && part.p[0] == '0'))
			return false;
		for (size_t k = 0; k < part.n; k++) {
			if (!ascii_digit(part.p[k]))
				return false;
			v = v * 10 + (unsigned)(part.p[k] - '0');
		}
		if (v > 255 || (s.n == 0 && i < 3))
			return false;
	}
	return s.n == 0;
}

static bool is_hex16(struct span s)
{
	if (s.n == 0 || s.n > 4)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = ascii_lower(s.p[i]);

		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return false;
	}
	return true;
}

/* Groups of `s`, two for a final IPv4 address; -1 if malformed. */
static int ipv6_groups(struct span s, bool may_end_ipv4)
{
	int groups = 0;

	while (s.n > 0) {
		bool last = span_find(s, ':') == s.n;
		struct span part = span_cut(&s, ':');

		if (!last && s.n == 0)
			return -1; /* ends with a colon */
		if (last && may_end_ipv4 && is_ipv4(part))
			return groups + 2;
		if (!is_hex16(part))
			return -1;
		if (++groups > 8)
			return -1;
	}
	return groups;
}

/* RFC 5321 section 4.1.3: IPv6-addr, in full or with one "::". */
static bool is_ipv6(struct span s)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		int before, behind;

		if (s.p[i] != ':' || s.p[i + 1] != ':')
			continue;
		before = ipv6_groups(span_head(s, i), false);
		behind = ipv6_groups(span_skip(s, i + 2), true);
		/* "The '::' represents at least 2 16-bit groups of zeros." */
		return before >= 0 && behind >= 0 && before + behind <= 6;
	}
	return ipv6_groups(s, true) == 8;
}

/*
 * "[192.0.2.1]" or "[IPv6:2001:db8::1]". The General-address-literal needs a
 * registered tag, and none is.
 */
static bool is_literal(struct span s)
{
	if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = span_of(s.p + 1, s.n - 2);
	if (span_starts_nocase(s, SPAN_LIT("IPv6:")))
		return is_ipv6(span_skip(s, 5));
	return is_ipv4(s);
}

/* U+0080 to U+009F: some terminals take them for commands. */
static bool has_c1_control(struct span s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == 0xc2 && s.p[i + 1] < 0xa0)
			return true;
	return false;
}

static enum yb_err parse(struct span s, enum reading reading,
			 struct address *ret)
{
	bool quoted = s.n > 0 && s.p[0] == '"';
	size_t at = quoted ? quoted_len(s) : span_find(s, '@');
	struct address a;

	if (at >= s.n || s.p[at] != '@')
		return YB_SYNTAX;
	a.local = span_head(s, at);
	a.domain = span_skip(s, at + 1);
	if (a.local.n > ADDRESS_LOCAL_MAX || a.domain.n > ADDRESS_DOMAIN_MAX ||
	    s.n > ADDRESS_MAX)
		return YB_TOO_BIG;
	if (!utf8_is_valid(s) || has_c1_control(s))
		return YB_SYNTAX;
	/* A quoted local part was checked when its end was found. */
	if (quoted ? a.local.n == 2 : !is_local(a.local, reading))
		return YB_SYNTAX;
	if (!is_domain(a.domain, reading) && !is_literal(a.domain))
		return YB_SYNTAX;
	*ret = a;
	return YB_OK;
}

enum yb_err address_parse(struct span s, struct address *ret)
{
	return parse(s, STRICT, ret);
}

/*
 * Where the path at the front of `s` ends, behind its ">"; 0 without one. A
 * ">" inside a quoted local part does not count.
 */
static size_t path_len(struct span s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == '>' && !quoted)
			return i + 1;
	}
	return 0;
}

/* A-d-l = At-domain *( "," At-domain ), with the ":" behind it. */
static bool skip_route(struct span *s)
{
	size_t colon = span_find(*s, ':');
	struct span route = span_head(*s, colon);

	if (colon == s->n)
		return false;
	*s = span_skip(*s, colon + 1);
	if (route.p[route.n - 1] == ',')
		return false;
	while (route.n > 0) {
		struct span hop = span_cut(&route, ',');

		if (hop.n == 0 || hop.p[0] != '@' ||
		    !is_domain(span_skip(hop, 1), AS_IN_USE))
			return false;
	}
	return true;
}

enum yb_err address_cut_path(struct span *rest, struct span *ret)
{
	size_t n = path_len(*rest);
	struct span path = span_head(*rest, n);
	struct address ignored;
	enum yb_err err;

	if (n < 2 || path.p[0] != '<')
		return YB_SYNTAX;
	if (n > ADDRESS_MAX + 2)
		return YB_TOO_BIG;
	path = span_of(path.p + 1, n - 2);
	if (!utf8_is_valid(path))
		return YB_SYNTAX;
	if (path.n > 0 && path.p[0] == '@' && !skip_route(&path))
		return YB_SYNTAX;
	/* RFC 5321 section 4.1.1.3: postmaster needs no domain. */
	if (path.n > 0 && !span_eq_nocase(path, SPAN_LIT("postmaster"))) {
		err = parse(path, AS_IN_USE, &ignored);
		if (err != YB_OK)
			return err;
	} else if (path.n == 0 && n > 2) {
		return YB_SYNTAX; /* a route to nowhere */
	}
	*rest = span_skip(*rest, n);
	*ret = path;
	return YB_OK;
}
