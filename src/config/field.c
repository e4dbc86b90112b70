/*
 * One field: from text, to text, compared. The kinds are few; everything else
 * is in the table of schema.c.
 */
#include "config/schema.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/num.h"
#include "config/nearest.h"
#include "config/problem.h"
#include "os/network.h"

/* RFC 1035 2.3.4: labels of 63; a name of 253 without its last dot. */
enum { LABEL_MAX = 63, DOMAIN_MAX = 253 };
/* "-worker" comes behind it, and Linux takes names of 32. */
enum { USER_MAX = 24 };
/* It is shown on a line of RFC 1939's at most 512 octets. */
enum { URL_MAX = 200 };
enum { CHOICES_MAX = 8 };

static char *text_of(const struct config_field *f, struct config *c)
{
	return (char *)c + f->offset;
}

static const char *const_text_of(const struct config_field *f,
				 const struct config *c)
{
	return (const char *)c + f->offset;
}

static uint64_t number_of(const struct config_field *f, const struct config *c)
{
	const uint8_t *p = (const uint8_t *)c + f->offset;

	return f->size == sizeof(uint64_t) ? get_le64(p) : get_le32(p);
}

static void set_number(const struct config_field *f, struct config *c,
		       uint64_t v)
{
	uint8_t *p = (uint8_t *)c + f->offset;

	if (f->size == sizeof(uint64_t))
		put_le64(p, v);
	else
		put_le32(p, (uint32_t)v);
}

static bool is_number(const struct config_field *f)
{
	return f->kind == FIELD_VERSION || f->kind == FIELD_CHOICE ||
	       f->kind == FIELD_COUNT || f->kind == FIELD_OCTETS;
}

static bool is_alnum(uint8_t c)
{
	c = ascii_lower(c);
	return ascii_digit(c) || (c >= 'a' && c <= 'z');
}

bool config_is_domain(struct span s)
{
	struct span rest = s;

	if (s.n == 0 || s.n > DOMAIN_MAX || s.p[s.n - 1] == '.')
		return false;
	while (rest.n > 0) {
		struct span label = span_cut(&rest, '.');

		if (label.n == 0 || label.n > LABEL_MAX ||
		    !is_alnum(label.p[0]) || !is_alnum(label.p[label.n - 1]))
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_alnum(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return true;
}

static bool is_user(struct span s)
{
	if (s.n > USER_MAX || s.n == 0 || ascii_digit(s.p[0]) || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!(is_alnum(s.p[i]) || s.p[i] == '-' || s.p[i] == '_') ||
		    (s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return false;
	return true;
}

static bool is_url(struct span s)
{
	if (!span_starts(s, SPAN_LIT("https://")) &&
	    !span_starts(s, SPAN_LIT("http://")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
			return false;
	return s.n <= URL_MAX;
}

/* RFC 6750 section 5.3: a token is sent over TLS, and nowhere else. */
static bool is_endpoint(struct span s)
{
	static const char *const here[] = { "http://127.0.0.1", "http://[::1]",
					    "http://localhost" };
	bool safe = span_starts(s, SPAN_LIT("https://"));

	for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
		struct span rest = span_skip(s, strlen(here[i]));

		safe = safe ||
		       (span_starts(s, span_str(here[i])) &&
			(rest.n == 0 || rest.p[0] == ':' || rest.p[0] == '/'));
	}
	/* "@" would make a name of what looks like a host. */
	return safe && is_url(s) && span_find(s, '@') == s.n &&
	       span_find(s, '#') == s.n;
}

static bool is_printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return s.p[0] != ' ' && s.p[s.n - 1] != ' ';
}

enum yb_err config_join_path(const char *base, struct span path,
			     char ret[CONFIG_PATH_LEN])
{
	bool absolute = path.n > 0 && path.p[0] == '/';
	char text[CONFIG_PATH_LEN];
	int n;

	/* What is printed in short has to be read as the same path. */
	while (!absolute && span_starts(path, SPAN_LIT("./"))) {
		path = span_skip(path, 2);
		while (path.n > 0 && path.p[0] == '/')
			path = span_skip(path, 1);
	}
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	if (!span_to_str(path, text, sizeof text))
		return YB_TOO_BIG;
	if (absolute || path.n == 0)
		n = snprintf(ret, CONFIG_PATH_LEN, "%s",
			     absolute ? text : base);
	else
		n = snprintf(ret, CONFIG_PATH_LEN, "%s/%s",
			     strcmp(base, "/") == 0 ? "" : base, text);
	return n >= 0 && n < CONFIG_PATH_LEN ? YB_OK : YB_TOO_BIG;
}

/* ---- from text ---- */

static enum yb_err set_text(const struct config_field *f, struct span text,
			    struct config *c, char *reason)
{
	static const struct {
		enum field_kind kind;
		bool (*is)(struct span s);
		const char *want;
	} kinds[] = {
		{ FIELD_DOMAIN, config_is_domain,
		  "a domain name, such as mail.example.org" },
		{ FIELD_USER, is_user,
		  "a system user's name of at most 24 small letters" },
		{ FIELD_TEXT, is_printable,
		  "text of at most 255 octets of ASCII, no space at its ends" },
		{ FIELD_ENDPOINT, is_endpoint,
		  "an address that starts with https:// (http:// to this "
		  "machine alone; at most 200 octets, no @, # or spaces)" },
		{ FIELD_URL, is_url,
		  "an address that starts with https:// (at most 200 octets, "
		  "no spaces)" },
	};
	size_t i = 0;

	while (kinds[i].kind != f->kind)
		i++;
	if (kinds[i].is(text) && span_to_str(text, text_of(f, c), f->size))
		return YB_OK;
	(void)snprintf(reason, FIELD_REASON_MAX, "\"%s\" is not %s",
		       show_span(text).text, kinds[i].want);
	return YB_INVALID;
}

static enum yb_err set_path(const struct config_field *f, struct span text,
			    struct config *c, char *reason)
{
	char path[CONFIG_PATH_LEN];

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] >= 0x20 && text.p[i] != 0x7f)
			continue;
		(void)snprintf(reason, FIELD_REASON_MAX,
			       "\"%s\" has a control character",
			       show_span(text).text);
		return YB_INVALID;
	}
	if (config_join_path(c->base, text, path) != YB_OK) {
		(void)snprintf(reason, FIELD_REASON_MAX,
			       "\"%s\" is longer than %d octets",
			       show_span(text).text, CONFIG_PATH_LEN - 1);
		return YB_INVALID;
	}
	memcpy(text_of(f, c), path, sizeof path);
	return YB_OK;
}

static enum yb_err set_choice(const struct config_field *f, struct span text,
			      struct config *c, char *reason)
{
	size_t n = 0;
	const char *near;
	int at;

	for (; f->choices[n] != NULL; n++) {
		if (!span_eq(text, span_str(f->choices[n])))
			continue;
		set_number(f, c, n);
		return YB_OK;
	}
	near = word_nearest(text, f->choices, n);
	at = snprintf(reason, FIELD_REASON_MAX, "\"%s\" is not one of",
		      show_span(text).text);
	for (size_t i = 0; i < n && at < FIELD_REASON_MAX; i++)
		at += snprintf(reason + at, (size_t)(FIELD_REASON_MAX - at),
			       "%s %s", i > 0 ? "," : "", f->choices[i]);
	if (near != NULL && at < FIELD_REASON_MAX)
		(void)snprintf(reason + at, (size_t)(FIELD_REASON_MAX - at),
			       "; did you mean \"%s\"?", near);
	return YB_INVALID;
}

/* Takes "K", "M" or "G" off the end, with or without "B" or "iB". */
static uint64_t cut_unit(struct span *text)
{
	static const char units[] = "KMG";
	struct span s = *text;

	if (s.n > 1 && ascii_lower(s.p[s.n - 1]) == 'b')
		s.n--;
	if (s.n > 1 && ascii_lower(s.p[s.n - 1]) == 'i')
		s.n--;
	for (unsigned i = 0; s.n > 1 && units[i] != 0; i++) {
		if (ascii_upper(s.p[s.n - 1]) != (uint8_t)units[i])
			continue;
		s.n--;
		*text = span_trim(s);
		return 1ull << 10 * (i + 1);
	}
	return 1;
}

/* Writes a number of octets with the largest unit that divides it. */
static void put_octets(char ret[32], uint64_t v)
{
	static const char units[] = "GMK";

	for (unsigned i = 0; v > 0 && units[i] != 0; i++) {
		unsigned shift = 10 * (3 - i);

		if (v % (1ull << shift) != 0)
			continue;
		(void)snprintf(ret, 32, "%llu%c",
			       (unsigned long long)(v >> shift), units[i]);
		return;
	}
	(void)snprintf(ret, 32, "%llu", (unsigned long long)v);
}

static enum yb_err set_count(const struct config_field *f, struct span text,
			     struct config *c, char *reason)
{
	bool octets = f->kind == FIELD_OCTETS;
	struct span digits = text;
	uint64_t unit = octets ? cut_unit(&digits) : 1;
	uint64_t v;
	char least[32], most[32];

	if (num_parse(digits, UINT64_MAX / unit, &v) && v * unit >= f->min &&
	    v * unit <= f->max) {
		set_number(f, c, v * unit);
		return YB_OK;
	}
	if (f->kind == FIELD_VERSION) {
		bool newer = num_parse(text, UINT32_MAX, &v) && v > f->max;

		(void)snprintf(reason, FIELD_REASON_MAX,
			       "\"%s\" is %s: this program knows %d%s",
			       show_span(text).text,
			       newer ? "of a newer Yubin" : "no version",
			       CONFIG_VERSION,
			       newer ? "; use the Yubin that it was written for"
				     : "");
		return YB_INVALID;
	}
	if (octets) {
		put_octets(least, f->min);
		put_octets(most, f->max);
	} else {
		(void)snprintf(least, sizeof least, "%llu",
			       (unsigned long long)f->min);
		(void)snprintf(most, sizeof most, "%llu",
			       (unsigned long long)f->max);
	}
	(void)snprintf(reason, FIELD_REASON_MAX,
		       "\"%s\" is not a number from %s to %s%s",
		       show_span(text).text, least, most,
		       octets ? ", such as 500K, 50M or 1G" : "");
	return YB_INVALID;
}

static enum yb_err set_networks(const struct config_field *f, struct span text,
				struct config *c, char *reason)
{
	struct span rest = text, word;
	struct network ignored;

	while ((word = networks_cut(&rest)).n > 0) {
		if (network_parse(word, &ignored) == YB_OK)
			continue;
		(void)snprintf(reason, FIELD_REASON_MAX,
			       "\"%s\" is not a network; write "
			       "\"192.0.2.0/24\", \"2001:db8::/32\" or one "
			       "address, with no bits set behind the mask",
			       show_span(word).text);
		return YB_INVALID;
	}
	if (!span_to_str(text, text_of(f, c), f->size)) {
		*text_of(f, c) = 0;
		(void)snprintf(reason, FIELD_REASON_MAX,
			       "is too long a list: %zu octets at most",
			       f->size - 1);
		return YB_INVALID;
	}
	return YB_OK;
}

enum yb_err field_set(const struct config_field *f, struct span text,
		      struct config *c, char reason[FIELD_REASON_MAX])
{
	if (text.n == 0 && f->may_be_empty) {
		*text_of(f, c) = 0;
		return YB_OK;
	}
	if (text.n == 0) {
		(void)snprintf(reason, FIELD_REASON_MAX, "must not be empty");
		return YB_INVALID;
	}
	switch (f->kind) {
	case FIELD_DOMAIN:
	case FIELD_URL:
	case FIELD_USER:
	case FIELD_ENDPOINT:
	case FIELD_TEXT:
		return set_text(f, text, c, reason);
	case FIELD_PATH:
		return set_path(f, text, c, reason);
	case FIELD_CHOICE:
		return set_choice(f, text, c, reason);
	case FIELD_NETWORKS:
		return set_networks(f, text, c, reason);
	case FIELD_VERSION:
	case FIELD_COUNT:
	case FIELD_OCTETS:
		return set_count(f, text, c, reason);
	}
	return YB_INVALID;
}

/* ---- to text ---- */

const char *config_short_path(const struct config *c, const char *path)
{
	size_t n = strlen(c->base);

	if (n > 1 && strncmp(path, c->base, n) == 0 && path[n] == '/' &&
	    path[n + 1] != 0 && path[n + 1] != '/' &&
	    strncmp(path + n + 1, "./", 2) != 0)
		return path + n + 1;
	return path;
}

enum yb_err config_print_quoted(const char *text, struct buf *out)
{
	enum yb_err err = buf_add_u8(out, '"');

	for (; err == YB_OK && *text != 0; text++) {
		if (*text == '"' || *text == '\\')
			err = buf_add_u8(out, '\\');
		if (err == YB_OK)
			err = buf_add_u8(out, (uint8_t)*text);
	}
	return err == YB_OK ? buf_add_u8(out, '"') : err;
}

/* Words that YAML could take for something else are quoted. */
static enum yb_err print_text(const char *text, struct buf *out)
{
	bool plain = *text == '/' || is_alnum((uint8_t)*text);

	for (const char *p = text; plain && *p != 0; p++)
		plain = is_alnum((uint8_t)*p) || strchr("./-_", *p) != NULL;
	return plain ? buf_addf(out, "%s", text)
		     : config_print_quoted(text, out);
}

/* As a list, each between quotes: colons and slashes mean much to YAML. */
static enum yb_err print_networks(const char *text, struct buf *out)
{
	struct span rest = span_str(text), word;
	enum yb_err err = buf_addf(out, "[");

	for (int i = 0; err == YB_OK && (word = networks_cut(&rest)).n > 0; i++)
		err = buf_addf(out, "%s\"%.*s\"", i > 0 ? ", " : "",
			       (int)word.n, (const char *)word.p);
	return err == YB_OK ? buf_addf(out, "]") : err;
}

enum yb_err field_print(const struct config_field *f, const struct config *c,
			struct buf *out)
{
	char octets[32];

	switch (f->kind) {
	case FIELD_DOMAIN:
	case FIELD_URL:
	case FIELD_USER:
	case FIELD_ENDPOINT:
	case FIELD_TEXT:
		return print_text(const_text_of(f, c), out);
	case FIELD_NETWORKS:
		return print_networks(const_text_of(f, c), out);
	case FIELD_PATH:
		return print_text(config_short_path(c, const_text_of(f, c)),
				  out);
	case FIELD_CHOICE:
		return print_text(f->choices[number_of(f, c)], out);
	case FIELD_OCTETS:
		put_octets(octets, number_of(f, c));
		return buf_addf(out, "%s", octets);
	case FIELD_VERSION:
	case FIELD_COUNT:
		return buf_addf(out, "%llu",
				(unsigned long long)number_of(f, c));
	}
	return YB_INVALID;
}

/* ---- as they are ---- */

void field_copy(const struct config_field *f, const struct config *from,
		struct config *to)
{
	memcpy((uint8_t *)to + f->offset, (const uint8_t *)from + f->offset,
	       f->size);
}

bool field_is_same(const struct config_field *f, const struct config *a,
		   const struct config *b)
{
	if (is_number(f))
		return number_of(f, a) == number_of(f, b);
	return strcmp(const_text_of(f, a), const_text_of(f, b)) == 0;
}

bool field_is_valid(const struct config_field *f, const struct config *c)
{
	const char *text = const_text_of(f, c);
	uint64_t choices = 0;

	if (!is_number(f))
		return memchr(text, 0, f->size) != NULL &&
		       (*text != 0 || f->may_be_empty);
	if (f->kind != FIELD_CHOICE)
		return number_of(f, c) >= f->min && number_of(f, c) <= f->max;
	while (f->choices[choices] != NULL)
		choices++;
	return number_of(f, c) < choices;
}
