#include "cli/logline.h"

#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"

static const char *const levels[] = { "debug", "info", "warn", "error" };

/* Fields that name an account. */
static const char *const accounts[] = { "account", "user", "recipient",
					"watched" };

int logline_level(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (span_eq(name, span_str(levels[i])))
			return (int)i;
	return -1;
}

/* ---- time ---- */

static bool read_ago(const char *text, int64_t *ret_s)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char *end;
	unsigned long long n;

	if (!ascii_digit((uint8_t)*text))
		return false;
	n = strtoull(text, &end, 10);
	/* A hundred years of seconds; more is a slip of the finger. */
	if (n > 3155760000ull || *end == 0 || end[1] != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (*end == units[i].unit) {
			*ret_s = (int64_t)n * units[i].seconds;
			return true;
		}
	return false;
}

static bool read_date(const char *text, int64_t *ret_s)
{
	static const char *const forms[] = {
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y-%m-%dT%H:%M",    "%Y-%m-%d",
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);

		if (end == NULL || (*end != 0 && strcmp(end, "Z") != 0))
			continue;
		*ret_s = (int64_t)(*end == 'Z' ? timegm(&tm) : mktime(&tm));
		return true;
	}
	return false;
}

bool logline_since(const char *text, int64_t now_s,
		   char ret_stamp[LOGLINE_STAMP_MAX], int64_t *ret_s)
{
	int64_t at;
	time_t t;
	struct tm tm;

	if (read_ago(text, &at))
		at = now_s - at;
	else if (!read_date(text, &at))
		return false;
	t = (time_t)at;
	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(ret_stamp, LOGLINE_STAMP_MAX, "%Y-%m-%dT%H:%M:%S", &tm) ==
		    0)
		return false;
	*ret_s = at;
	return true;
}

/* ---- fields ---- */

/* The value behind a key's "="; how many octets of `s` it takes. */
static size_t read_quoted(struct span s, char ret[LOGLINE_VALUE_MAX])
{
	size_t at = 1, n = 0;

	while (at < s.n && s.p[at] != '"') {
		if (s.p[at] == '\\' && at + 1 < s.n &&
		    (s.p[at + 1] == '"' || s.p[at + 1] == '\\'))
			at++;
		if (n < LOGLINE_VALUE_MAX - 1)
			ret[n++] = (char)s.p[at];
		at++;
	}
	ret[n] = 0;
	return at < s.n ? at + 1 : 0;
}

bool logline_next(struct span *rest, struct span *ret_key,
		  char ret_value[LOGLINE_VALUE_MAX])
{
	struct span s = span_trim(*rest);
	size_t at = span_find(s, '='), n;
	struct span value = span_skip(s, at + 1);

	*ret_key = span_head(s, at);
	if (at == s.n || at == 0 || span_find(*ret_key, ' ') < at)
		return false;
	if (value.n > 0 && value.p[0] == '"') {
		n = read_quoted(value, ret_value);
		if (n == 0)
			return false;
	} else {
		n = span_find(value, ' ');
		(void)span_to_str(
			span_head(value, n < LOGLINE_VALUE_MAX ? n : 0),
			ret_value, LOGLINE_VALUE_MAX);
	}
	*rest = span_skip(value, n);
	return true;
}

static bool names_account(struct span key, const char *value, const char *want)
{
	for (size_t i = 0; i < ARRAY_LEN(accounts); i++)
		if (span_eq(key, span_str(accounts[i])))
			return span_eq_nocase(span_str(value), span_str(want));
	return false;
}

bool logline_matches(struct span line, const struct logline_filter *f)
{
	char value[LOGLINE_VALUE_MAX];
	bool session = f->session == NULL, account = f->account == NULL;
	bool peer = f->peer == NULL, level = f->level <= 0;
	bool since = f->since[0] == 0;
	struct span key;

	while (logline_next(&line, &key, value)) {
		if (!since && span_eq(key, SPAN_LIT("ts")))
			since = strcmp(value, f->since) >= 0;
		else if (!level && span_eq(key, SPAN_LIT("level")))
			level = logline_level(span_str(value)) >= f->level;
		else if (!session && span_eq(key, SPAN_LIT("session")))
			session = strcmp(value, f->session) == 0;
		else if (!peer && span_eq(key, SPAN_LIT("peer")))
			peer = strcmp(value, f->peer) == 0;
		else if (!account)
			account = names_account(key, value, f->account);
	}
	return session && account && peer && level && since;
}

/* ---- printing ---- */

static void print_json_text(FILE *to, struct span s)
{
	(void)fputc('"', to);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			(void)fprintf(to, "\\%c", s.p[i]);
		else if (s.p[i] < ' ' || s.p[i] >= 0x7f)
			(void)fprintf(to, "\\u%04x", s.p[i]);
		else
			(void)fputc(s.p[i], to);
	}
	(void)fputc('"', to);
}

/* Every value is a string, so that a field has one type for ever. */
static void print_json(FILE *to, struct span line)
{
	struct span rest = line, key;
	char value[LOGLINE_VALUE_MAX];
	const char *comma = "";

	(void)fputc('{', to);
	while (logline_next(&rest, &key, value)) {
		(void)fputs(comma, to);
		print_json_text(to, key);
		(void)fputs(": ", to);
		print_json_text(to, span_str(value));
		comma = ", ";
	}
	if (*comma == 0) {
		(void)fputs("\"text\": ", to);
		print_json_text(to, line);
	}
	(void)fputs("}\n", to);
}

static const char *colour_of(struct span line)
{
	struct span key;
	char value[LOGLINE_VALUE_MAX];

	while (logline_next(&line, &key, value)) {
		if (!span_eq(key, SPAN_LIT("level")))
			continue;
		if (strcmp(value, "error") == 0)
			return "\033[31m";
		return strcmp(value, "warn") == 0 ? "\033[33m" : "";
	}
	return "";
}

/* What others wrote into the file is no command for the terminal either. */
static void print_text(FILE *to, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			(void)fprintf(to, "\\x%02x", s.p[i]);
		else
			(void)fputc(s.p[i], to);
}

void logline_print(FILE *to, struct span line, enum logline_form form)
{
	const char *colour = "";

	if (form == LOGLINE_JSON) {
		print_json(to, line);
		return;
	}
	if (form == LOGLINE_COLOUR)
		colour = colour_of(line);
	(void)fputs(colour, to);
	print_text(to, line);
	(void)fputs(*colour != 0 ? "\033[0m\n" : "\n", to);
}
