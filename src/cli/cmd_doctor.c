#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/doctor.h"
#include "os/socket.h"

/* Exit codes of their own: what monitoring takes for good, warning, bad. */
enum { EXIT_FINE = 0, EXIT_WARNINGS = 1, EXIT_ERRORS = 2 };

static const struct {
	const char *word, *mark, *colour;
} looks[DOCTOR_STATES] = {
	[DOCTOR_FINE] = { "fine", "ok", "\033[32m" },
	[DOCTOR_SKIPPED] = { "skipped", "--", "\033[2m" },
	[DOCTOR_WARNING] = { "warning", "!", "\033[33m" },
	[DOCTOR_ERROR] = { "error", "WRONG", "\033[1;31m" },
};

/* ---- telling ---- */

enum { TEXT_MAX = 1024, WIDTH = 78 };

/* Words of `text` from column `at` on, broken before the screen ends. */
static void print_wrapped(const char *text, int at)
{
	int column = at;

	while (*text != 0) {
		int n = (int)strcspn(text, " ");

		if (column > at && column + 1 + n > WIDTH) {
			(void)printf("\n%*s", at, "");
			column = at;
		} else if (column > at) {
			(void)putchar(' ');
			column++;
		}
		for (int i = 0; i < n; i++)
			(void)putchar((unsigned char)text[i] < ' ' ? '?'
								   : text[i]);
		column += n;
		text += n;
		text += *text == ' ';
	}
	(void)putchar('\n');
}

static void print_finding(struct doctor *d, enum doctor_state state,
			  const char *section, const char *text,
			  const char *way_out)
{
	if (d->section == NULL || strcmp(d->section, section) != 0)
		(void)printf("\n%s%s%s\n", d->colour ? "\033[1m" : "", section,
			     d->colour ? "\033[0m" : "");
	d->section = section;
	(void)printf("  %s%-5s%s  ", d->colour ? looks[state].colour : "",
		     looks[state].mark, d->colour ? "\033[0m" : "");
	print_wrapped(text, 9);
	if (way_out != NULL) {
		(void)printf("         -> ");
		print_wrapped(way_out, 12);
	}
	(void)fflush(stdout); /* the next one may take seconds */
}

void doctor_tell(struct doctor *d, enum doctor_state state, const char *section,
		 const char *way_out, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	d->counts[state]++;
	if (!d->as_json) {
		print_finding(d, state, section, text, way_out);
		return;
	}
	json_open(&d->json, NULL, '{');
	json_str(&d->json, "check", section);
	json_str(&d->json, "state", looks[state].word);
	json_str(&d->json, "text", text);
	if (way_out != NULL)
		json_str(&d->json, "way_out", way_out);
	json_close(&d->json, '}');
}

/* ---- the configuration ---- */

static void on_problem(void *ctx, const struct config_problem *p)
{
	struct doctor *d = ctx;

	if (p->line > 0)
		doctor_tell(d, DOCTOR_ERROR, "configuration",
			    "change the file, then run `yubin check`",
			    "line %u, column %u: %s", p->line, p->column,
			    p->text);
	else
		doctor_tell(d, DOCTOR_ERROR, "configuration",
			    "see `yubin init --help`", "%s", p->text);
}

static bool read_config(struct doctor *d, const char *file, struct config *c)
{
	if (config_load(file, on_problem, d, c) != YB_OK) {
		if (d->counts[DOCTOR_ERROR] == 0)
			doctor_tell(d, DOCTOR_ERROR, "configuration",
				    "see `yubin init --help`",
				    "%s cannot be read", file);
		return false;
	}
	d->config = c;
	doctor_tell(d, DOCTOR_FINE, "configuration", NULL, "%s is valid", file);
	return true;
}

/* ---- the round ---- */

static void visit_all(struct doctor *d, const struct invocation *inv)
{
	doctor_files(d);
	doctor_certificates(d);
	doctor_clock(d);
	doctor_disk(d);
	doctor_server(d);
	doctor_ports(d);
	doctor_outside(d);
	if (invocation_option(inv, "no-dns") == NULL)
		doctor_dns(d);
	doctor_store(d);
	if (invocation_option(inv, "no-mail") == NULL)
		doctor_round_trip(d);
}

static void begin(struct doctor *d, const char *file)
{
	if (d->as_json) {
		json_open(&d->json, NULL, '{');
		json_str(&d->json, "config", file);
		json_str(&d->json, "version", YUBIN_VERSION);
		json_open(&d->json, "findings", '[');
		return;
	}
	(void)printf("yubin %s looks at %s\n", YUBIN_VERSION, file);
}

static int end(struct doctor *d)
{
	const unsigned *n = d->counts;

	if (d->as_json) {
		json_close(&d->json, ']');
		json_u64(&d->json, "fine", n[DOCTOR_FINE]);
		json_u64(&d->json, "skipped", n[DOCTOR_SKIPPED]);
		json_u64(&d->json, "warnings", n[DOCTOR_WARNING]);
		json_u64(&d->json, "errors", n[DOCTOR_ERROR]);
		json_close(&d->json, '}');
	} else {
		(void)printf("\n%u fine, %u to think about, %u wrong, %u not "
			     "looked at\n",
			     n[DOCTOR_FINE], n[DOCTOR_WARNING], n[DOCTOR_ERROR],
			     n[DOCTOR_SKIPPED]);
	}
	return n[DOCTOR_ERROR] > 0     ? EXIT_ERRORS
	       : n[DOCTOR_WARNING] > 0 ? EXIT_WARNINGS
				       : EXIT_FINE;
}

static bool is_resolver(const char *text)
{
	struct socket_address a;

	if (text == NULL || (socket_address_parse(text, &a) == YB_OK &&
			     a.any.sa_family == AF_INET))
		return true;
	say_error("--resolver %s: write \"192.0.2.1:53\"", text);
	return false;
}

int cmd_doctor(const struct invocation *inv)
{
	const char *given = invocation_option(inv, "config");
	const char *file = given != NULL ? given : config_default_file();
	AUTO_FREE struct doctor *d = calloc(1, sizeof *d);
	AUTO_FREE struct config *c = calloc(1, sizeof *c);

	if (c == NULL || d == NULL) {
		say_error("out of memory");
		return EXIT_ERRORS;
	}
	d->as_json = invocation_option(inv, "json") != NULL;
	d->colour = isatty(STDOUT_FILENO) != 0;
	d->json.to = stdout;
	d->resolver = invocation_option(inv, "resolver");
	if (!is_resolver(d->resolver))
		return COMMAND_USAGE;
	begin(d, file);
	if (read_config(d, file, c)) {
		visit_all(d, inv);
		live_close(&d->live);
	}
	return end(d);
}
