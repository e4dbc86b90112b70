#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/say.h"
#include "cli/supervise.h"
#include "os/fd.h"

/* What the server tells of a reload, a row each. */
struct row {
	char kind[16];
	uint64_t line, column; /* of a number: the number */
	char text[CONFIG_PATH_LEN + 128];
};

/* The kinds, and the names of their lists in JSON. */
static const struct {
	const char *kind, *list, *words;
} kinds[] = {
	{ "problem", "problems", "" },
	{ "note", "notes", "note: " },
	{ "changed", "changed", "changed: " },
	{ "restart", "needs_restart", "needs a restart: " },
};

struct teller {
	const char *file;
	bool as_json;
	struct json json;
	size_t problems;
};

static void read_row(struct control_reader *r, struct row *row)
{
	control_get_str(r, row->kind, sizeof row->kind);
	row->line = control_get_u64(r);
	row->column = control_get_u64(r);
	control_get_str(r, row->text, sizeof row->text);
}

static void print_problem(struct teller *t, const struct row *row)
{
	struct config_problem p = { .line = (unsigned)row->line,
				    .column = (unsigned)row->column };

	t->problems++;
	(void)snprintf(p.text, sizeof p.text, "%.500s", row->text);
	if (!t->as_json) {
		say_problem((void *)(uintptr_t)t->file, &p);
		return;
	}
	json_open(&t->json, NULL, '{');
	json_u64(&t->json, "line", p.line);
	json_u64(&t->json, "column", p.column);
	json_str(&t->json, "text", p.text);
	json_close(&t->json, '}');
}

static void print_row(struct teller *t, size_t kind, const struct row *row)
{
	if (kind == 0) {
		print_problem(t, row);
	} else if (t->as_json) {
		json_str(&t->json, NULL, row->text);
	} else {
		(void)fputs(kinds[kind].words, stdout);
		say_text(stdout, row->text);
		(void)putchar('\n');
	}
}

/* The rows of one kind; a copy of the reader, so that each kind sees all. */
static void print_kind(struct teller *t, size_t kind, struct control_reader r)
{
	if (t->as_json)
		json_open(&t->json, kinds[kind].list, '[');
	while (control_has_more(&r)) {
		struct row row;

		read_row(&r, &row);
		if (!r.bad && strcmp(row.kind, kinds[kind].kind) == 0)
			print_row(t, kind, &row);
	}
	if (t->as_json)
		json_close(&t->json, ']');
}

static uint64_t find_number(struct control_reader r)
{
	struct row row;

	while (control_has_more(&r)) {
		read_row(&r, &row);
		if (!r.bad && strcmp(row.kind, "number") == 0)
			return row.line;
	}
	return 0;
}

static int exit_of(enum yb_err err)
{
	switch (err) {
	case YB_OK:
		return COMMAND_OK;
	case YB_INVALID:
		return COMMAND_CONFIG;
	case YB_TIMEOUT:
		return COMMAND_PARTLY;
	default:
		return say_exit(err);
	}
}

static int tell(struct teller *t, enum yb_err err, struct control_reader reply)
{
	if (t->as_json)
		json_open(&t->json, NULL, '{');
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		print_kind(t, i, reply);
	if (t->as_json) {
		json_u64(&t->json, "number", find_number(reply));
		json_bool(&t->json, "reloaded", err == YB_OK);
		json_close(&t->json, '}');
	} else if (err == YB_OK) {
		(void)printf("reloaded: configuration number %llu\n",
			     (unsigned long long)find_number(reply));
	} else if (err == YB_BUSY && t->problems == 0) {
		say_error("the server is starting, ending, or reloading "
			  "already; try again");
	} else if (err == YB_TIMEOUT) {
		say_error("not every process has followed");
	} else {
		say_error("nothing was changed%s%s",
			  t->problems > 0 ? "" : ": ",
			  t->problems > 0 ? "" : err_text(err));
	}
	return exit_of(err);
}

/* The file cannot even be read here: where the server is, is not known. */
struct broken {
	struct teller *t;
	bool begun;
};

static void on_problem(void *ctx, const struct config_problem *p)
{
	struct broken *b = ctx;
	struct row row = { .line = p->line, .column = p->column };

	if (b->t->as_json && !b->begun) {
		json_open(&b->t->json, NULL, '{');
		json_open(&b->t->json, kinds[0].list, '[');
	}
	b->begun = true;
	(void)snprintf(row.text, sizeof row.text, "%s", p->text);
	print_problem(b->t, &row);
}

static int tell_broken(struct broken *b)
{
	if (b->t->as_json && b->begun) {
		json_close(&b->t->json, ']');
		json_bool(&b->t->json, "reloaded", false);
		json_close(&b->t->json, '}');
	} else {
		say_error("nothing was changed");
	}
	return COMMAND_CONFIG;
}

int cmd_reload(const struct invocation *inv)
{
	const char *given = invocation_option(inv, "config");
	struct teller t = { .file = given != NULL ? given
						  : config_default_file(),
			    .as_json = invocation_option(inv, "json") != NULL,
			    .json.to = stdout };
	struct broken broken = { .t = &t };
	AUTO_FREE struct config *c = calloc(1, sizeof *c);
	AUTO_FREE uint8_t *buffer = malloc(PACKET_MAX);
	struct control_reader reply;
	enum yb_err err;
	int code;

	if (c == NULL || buffer == NULL)
		return COMMAND_FAILED;
	if (config_load(t.file, on_problem, &broken, c) != YB_OK)
		return tell_broken(&broken);
	code = supervise_order(c, CONTROL_RELOAD, buffer, &reply, &err);
	return code == COMMAND_OK ? tell(&t, err, reply) : code;
}
