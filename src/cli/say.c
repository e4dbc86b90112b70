#include "cli/say.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/logline.h"

void say_error(const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)fputs("yubin: ", stderr);
	say_text(stderr, text);
	(void)fputc('\n', stderr);
}

void say_refusal(const char *subject, const char *reason)
{
	if (*subject == 0 || strstr(reason, subject) != NULL)
		say_error("%s", reason);
	else
		say_error("%s: %s", subject, reason);
}

const char *say_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void say_note(const char *format, ...)
{
	va_list args;

	if (isatty(STDERR_FILENO) == 0)
		return;
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

void say_text(FILE *to, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != 0;
	     p++) {
		/* ESC and its kin would be commands to a terminal. */
		if ((*p < 0x20 && *p != '\n') || *p == 0x7f)
			(void)fprintf(to, "\\x%02x", *p);
		else
			(void)fputc(*p, to);
	}
}

void say_time(char ret[SAY_TEXT_MAX], int64_t seconds)
{
	time_t at = (time_t)seconds;
	struct tm tm;

	if (seconds == 0 || gmtime_r(&at, &tm) == NULL ||
	    strftime(ret, SAY_TEXT_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		(void)snprintf(ret, SAY_TEXT_MAX, "never");
}

void say_octets(char ret[SAY_TEXT_MAX], uint64_t octets)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
	double n = (double)octets;
	size_t unit = 0;

	for (; n >= 999.5 && unit + 1 < sizeof units / sizeof units[0]; unit++)
		n /= 1000;
	(void)snprintf(ret, SAY_TEXT_MAX, "%.*f %s",
		       unit > 0 && n < 9.95 ? 1 : 0, n, units[unit]);
}

void say_duration(char ret[SAY_TEXT_MAX], uint64_t ms)
{
	unsigned long long s = ms / 1000;

	if (s < 60)
		(void)snprintf(ret, SAY_TEXT_MAX, "%llu s", s);
	else if (s < 3600)
		(void)snprintf(ret, SAY_TEXT_MAX, "%llu min", s / 60);
	else if (s < 24 * 3600ull)
		(void)snprintf(ret, SAY_TEXT_MAX, "%llu h %llu min", s / 3600,
			       s / 60 % 60);
	else
		(void)snprintf(ret, SAY_TEXT_MAX, "%llu d %llu h",
			       s / (24 * 3600ull), s / 3600 % 24);
}

bool say_point(const char *text, int64_t *ret_s)
{
	char stamp[LOGLINE_STAMP_MAX];

	if (logline_since(text, (int64_t)time(NULL), stamp, ret_s))
		return true;
	say_error("\"%s\" is no time: write 10m, 2h or 3d ago, 2026-11-21, or "
		  "\"2026-11-21 13:50\", with a Z behind it for UTC",
		  text);
	return false;
}

void say_problem(void *file, const struct config_problem *p)
{
	if (p->line > 0)
		(void)fprintf(stderr, "%s:%u:%u: ", (const char *)file, p->line,
			      p->column);
	else
		(void)fputs("yubin: ", stderr);
	say_text(stderr, p->text);
	(void)fputc('\n', stderr);
}

struct config *say_config(const struct invocation *inv)
{
	const char *given = invocation_option(inv, "config");
	const char *file = given != NULL ? given : config_default_file();
	struct config *c = calloc(1, sizeof *c);

	if (c == NULL) {
		say_error("out of memory");
		return NULL;
	}
	if (config_load(file, say_problem, (void *)(uintptr_t)file, c) == YB_OK)
		return c;
	free(c);
	return NULL;
}

int say_exit(enum yb_err err)
{
	switch (err) {
	case YB_OK:
		return COMMAND_OK;
	case YB_BUSY:
		return COMMAND_BUSY;
	case YB_DENIED:
		return COMMAND_AUTH;
	default:
		return COMMAND_FAILED;
	}
}

/* ---- JSON ---- */

static void put_string(struct json *j, const char *text)
{
	(void)fputc('"', j->to);
	for (const unsigned char *p = (const unsigned char *)text; *p != 0;
	     p++) {
		if (*p == '"' || *p == '\\')
			(void)fprintf(j->to, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			(void)fprintf(j->to, "\\u%04x", *p);
		else
			(void)fputc(*p, j->to);
	}
	(void)fputc('"', j->to);
}

static void put_key(struct json *j, const char *key)
{
	if (!j->first)
		(void)fputc(',', j->to);
	j->first = 0;
	if (j->depth > 0)
		(void)fprintf(j->to, "\n%*s", j->depth * 2, "");
	if (key == NULL)
		return;
	put_string(j, key);
	(void)fputs(": ", j->to);
}

void json_open(struct json *j, const char *key, char bracket)
{
	if (j->depth == 0)
		j->first = 1;
	put_key(j, key);
	(void)fputc(bracket, j->to);
	j->depth++;
	j->first = 1;
}

void json_close(struct json *j, char bracket)
{
	j->depth--;
	if (!j->first)
		(void)fprintf(j->to, "\n%*s", j->depth * 2, "");
	(void)fputc(bracket, j->to);
	j->first = 0;
	if (j->depth == 0)
		(void)fputc('\n', j->to);
}

void json_str(struct json *j, const char *key, const char *value)
{
	put_key(j, key);
	put_string(j, value);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	put_key(j, key);
	(void)fprintf(j->to, "%llu", (unsigned long long)value);
}

void json_real(struct json *j, const char *key, double value)
{
	put_key(j, key);
	(void)fprintf(j->to, "%.3f", value);
}

void json_bool(struct json *j, const char *key, int value)
{
	put_key(j, key);
	(void)fputs(value ? "true" : "false", j->to);
}

void json_null(struct json *j, const char *key)
{
	put_key(j, key);
	(void)fputs("null", j->to);
}
