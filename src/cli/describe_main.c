/*
 * Prints as JSON what the program can do: its commands with their options,
 * its exit codes, and what may stand in its configuration. tools/manual makes
 * the manual pages and the completions of shells from it, when the program is
 * built; it is not installed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "cli/command.h"
#include "cli/say.h"
#include "config/config.h"
#include "config/describe.h"

static void describe_options(struct json *j, const struct command_option *o)
{
	json_open(j, "options", '[');
	for (; o->name != NULL; o++) {
		char letter[2] = { o->letter, 0 };

		json_open(j, NULL, '{');
		json_str(j, "letter", letter);
		json_str(j, "name", o->name);
		json_str(j, "value", o->value != NULL ? o->value : "");
		json_str(j, "help", o->help);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void describe_commands(struct json *j)
{
	json_open(j, "commands", '[');
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];

		json_open(j, NULL, '{');
		json_str(j, "name", c->name);
		json_str(j, "args", c->args);
		json_str(j, "help", c->help);
		json_str(j, "text", c->text);
		json_bool(j, "exits", c->usage_exit == COMMAND_USAGE);
		describe_options(j, c->options);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void describe_exits(struct json *j)
{
	static const struct {
		unsigned number;
		const char *text;
	} exits[] = {
#define X(name, number, text) { number, text },
		COMMAND_EXITS(X)
#undef X
	};

	json_open(j, "exits", '[');
	for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++) {
		json_open(j, NULL, '{');
		json_u64(j, "number", exits[i].number);
		json_str(j, "text", exits[i].text);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void describe_key(struct json *j, const struct config_key *k)
{
	json_open(j, NULL, '{');
	json_str(j, "section", k->section);
	json_str(j, "key", k->key);
	json_str(j, "takes", k->takes);
	json_open(j, "choices", '[');
	for (size_t i = 0; k->choices != NULL && k->choices[i] != NULL; i++)
		json_str(j, NULL, k->choices[i]);
	json_close(j, ']');
	json_u64(j, "min", k->min);
	json_u64(j, "max", k->max);
	json_str(j, "default", k->preset);
	json_str(j, "help", k->help);
	json_close(j, '}');
}

static void describe_service(struct json *j,
			     const struct config_service_words *s)
{
	json_open(j, NULL, '{');
	json_str(j, "name", s->name);
	json_open(j, "addresses", '[');
	for (size_t i = 0; i < 2; i++)
		if (s->addresses[i] != NULL)
			json_str(j, NULL, s->addresses[i]);
	json_close(j, ']');
	json_str(j, "tls", s->tls);
	json_str(j, "help", s->help);
	json_close(j, '}');
}

/* The file that `yubin init` writes. */
static void describe_file(struct json *j)
{
	struct config *preset = malloc(sizeof *preset);
	struct buf out;

	buf_init(&out, CONFIG_FILE_MAX * 4);
	if (preset == NULL ||
	    config_defaults("/etc/yubin/yubin.yaml", preset) != YB_OK ||
	    config_print_commented(preset, &out) != YB_OK ||
	    buf_add(&out, span_of("", 1)) != YB_OK)
		exit(EXIT_FAILURE);
	json_str(j, "file", (const char *)out.p);
	buf_done(&out);
	free(preset);
}

int main(void)
{
	struct json j = { .to = stdout };
	struct config_key key;
	struct config_service_words service;

	json_open(&j, NULL, '{');
	json_str(&j, "version", YUBIN_VERSION);
	describe_commands(&j);
	describe_exits(&j);
	json_open(&j, "keys", '[');
	for (size_t i = 0; config_describe_key(i, &key); i++)
		describe_key(&j, &key);
	json_close(&j, ']');
	json_open(&j, "services", '[');
	for (size_t i = 0; config_describe_service(i, &service); i++)
		describe_service(&j, &service);
	json_close(&j, ']');
	describe_file(&j);
	json_close(&j, '}');
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
