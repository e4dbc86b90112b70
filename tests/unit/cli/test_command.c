/*
 * The command line: what is understood, what is refused and with which words,
 * and that the table and the help agree.
 */
#include "unit/unit.h"

#include <sysexits.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/command.h"

enum { WORDS_MAX = 12 };

struct line {
	char text[256];
	char *argv[WORDS_MAX + 1];
	int argc;
};

/* Cuts at spaces; "_" stands for an empty word. */
static void cut(struct line *l, const char *text)
{
	char *word;

	memset(l, 0, sizeof *l);
	(void)snprintf(l->text, sizeof l->text, "yubin %s", text);
	for (word = strtok(l->text, " "); word != NULL;
	     word = strtok(NULL, " ")) {
		assert_true(l->argc < WORDS_MAX);
		if (strcmp(word, "_") == 0)
			*word = 0;
		l->argv[l->argc++] = word;
	}
}

static enum command_ask parse(struct line *l, const char *text,
			      struct command_parse *p)
{
	cut(l, text);
	return command_parse(l->argc, l->argv, p);
}

static const char *option(const struct command_parse *p, const char *name)
{
	const char *value = invocation_option(&p->inv, name);

	return value != NULL ? value : "(none)";
}

static void test_good_lines(void **state)
{
	struct command_parse p;
	struct line l;

	(void)state;
	assert_int_equal(parse(&l, "serve", &p), COMMAND_ASK_RUN);
	assert_string_equal(p.inv.command->name, "serve");
	assert_int_equal(p.inv.args_n, 0);
	assert_null(p.inv.args[0]);
	assert_string_equal(option(&p, "config"), "(none)");

	assert_int_equal(
		parse(&l, "account add -c x.yaml a@b.c --allow-weak", &p),
		COMMAND_ASK_RUN);
	assert_string_equal(p.inv.command->name, "account add");
	assert_string_equal(option(&p, "config"), "x.yaml");
	assert_string_equal(option(&p, "allow-weak"), "");
	assert_string_equal(option(&p, "json"), "(none)");
	assert_int_equal(p.inv.args_n, 1);
	assert_string_equal(p.inv.args[0], "a@b.c");
	assert_null(p.inv.args[1]);

	assert_int_equal(parse(&l,
			       "deliver x@y.z -tf me@y.z -cfile z@y.z -- "
			       "-f -",
			       &p),
			 COMMAND_ASK_RUN);
	assert_string_equal(option(&p, "from"), "me@y.z");
	assert_string_equal(option(&p, "to"), "");
	assert_string_equal(option(&p, "config"), "file");
	assert_int_equal(p.inv.args_n, 4);
	assert_string_equal(p.inv.args[0], "x@y.z");
	assert_string_equal(p.inv.args[1], "z@y.z");
	assert_string_equal(p.inv.args[2], "-f");
	assert_string_equal(p.inv.args[3], "-");

	assert_int_equal(parse(&l, "deliver --from=a=b --config= x", &p),
			 COMMAND_ASK_RUN);
	assert_string_equal(option(&p, "from"), "a=b");
	assert_string_equal(option(&p, "config"), "");

	/* An option's value may look like an option; "" is a value. */
	assert_int_equal(parse(&l, "deliver -f -t x", &p), COMMAND_ASK_RUN);
	assert_string_equal(option(&p, "from"), "-t");
	assert_int_equal(parse(&l, "deliver -f _ x", &p), COMMAND_ASK_RUN);
	assert_string_equal(option(&p, "from"), "");
	assert_int_equal(parse(&l, "init", &p), COMMAND_ASK_RUN);
	assert_int_equal(parse(&l, "init dir --port-base 5", &p),
			 COMMAND_ASK_RUN);
}

static void test_help_and_version(void **state)
{
	static const char *const all[] = { "--help", "-h", "help" };
	struct command_parse p;
	struct line l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		assert_int_equal(parse(&l, all[i], &p), COMMAND_ASK_HELP);
		assert_null(p.inv.command);
		assert_null(p.group);
	}
	assert_int_equal(parse(&l, "account --help", &p), COMMAND_ASK_HELP);
	assert_string_equal(p.group, "account");
	assert_int_equal(parse(&l, "account add --help", &p), COMMAND_ASK_HELP);
	assert_string_equal(p.inv.command->name, "account add");
	/* Also where the rest would be wrong. */
	assert_int_equal(parse(&l, "serve x y -h", &p), COMMAND_ASK_HELP);
	assert_int_equal(parse(&l, "--version", &p), COMMAND_ASK_VERSION);
	assert_int_equal(parse(&l, "-V", &p), COMMAND_ASK_VERSION);
}

static const struct {
	const char *line, *error;
} bads[] = {
	{ "", "a command is missing" },
	{ "sevre", "there is no command \"sevre\"; did you mean \"serve\"?" },
	{ "zzz", "there is no command \"zzz\"" },
	{ "acount add x", "did you mean \"account\"?" },
	{ "account", "account needs one of: " },
	{ "account ad x",
	  "there is no command \"account ad\"; did you mean \"add\"?" },
	{ "account zzz", "there is no command \"account zzz\"" },
	{ "-c x serve", "options go behind the command: yubin COMMAND -c" },
	{ "serve x", "serve takes no arguments, and \"x\" is one too many" },
	{ "account add", "account add needs ADDRESS" },
	{ "account add a b",
	  "account add takes only ADDRESS, and \"b\" is one too many" },
	{ "serve --confg x", "serve has no option \"--confg\"; did you mean "
			     "\"--config\"?" },
	{ "serve --confg=x", "did you mean \"--config\"?" },
	{ "serve --", NULL },
	{ "serve -x", "serve has no option \"-x\"" },
	{ "serve -c", "--config needs a value: FILE" },
	{ "serve --config", "--config needs a value: FILE" },
	{ "serve -c a -c b", "--config is given twice" },
	{ "status --json --json", "--json is given twice" },
	{ "status --json=yes", "--json takes no value" },
	{ "deliver -tx a", "deliver has no option \"-tx\"" },
	{ "status -", "status takes no arguments" },
	{ "status _", "status takes no arguments" },
};

static void test_bad_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		struct command_parse p;
		struct line l;
		enum command_ask ask = parse(&l, bads[i].line, &p);

		if (bads[i].error == NULL) {
			assert_int_equal(ask, COMMAND_ASK_RUN);
			continue;
		}
		if (ask != COMMAND_ASK_WRONG ||
		    strstr(p.error, bads[i].error) == NULL)
			fail_msg("%s: %d %s", bads[i].line, ask, p.error);
	}
}

static void test_long_words_are_cut(void **state)
{
	char word[5000];
	char yubin[] = "yubin", serve[] = "serve";
	char *argv[] = { yubin, word, NULL, NULL };
	struct command_parse p;

	(void)state;
	memset(word, 'x', sizeof word);
	word[sizeof word - 1] = 0;
	assert_int_equal(command_parse(2, argv, &p), COMMAND_ASK_WRONG);
	word[0] = word[1] = '-';
	argv[1] = serve;
	argv[2] = word;
	assert_int_equal(command_parse(3, argv, &p), COMMAND_ASK_WRONG);
	assert_true(strlen(p.error) < 300);
}

/* The table keeps its own rules, so that every command can be trusted. */
static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];
		size_t n = 0;

		assert_non_null(c->run);
		assert_true(c->args_min <= c->args_max);
		/* One line, without a full stop: --help adds it. */
		assert_null(strchr(c->help, '\n'));
		assert_true(c->help[strlen(c->help) - 1] != '.');
		assert_true(*c->text == 0 ||
			    c->text[strlen(c->text) - 1] == '\n');
		for (; c->options[n].name != NULL; n++) {
			const struct command_option *o = &c->options[n];

			/* -h and --help are everybody's. */
			assert_true(o->letter != 'h');
			assert_string_not_equal(o->name, "help");
			for (size_t k = 0; k < n; k++) {
				assert_string_not_equal(o->name,
							c->options[k].name);
				assert_true(o->letter == 0 ||
					    o->letter != c->options[k].letter);
			}
		}
		assert_true(n <= COMMAND_OPTIONS_MAX);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(c->name, commands[k].name);
	}
}

/* Everything that is understood stands in the help. */
/* Every run of white space becomes one space: help is broken into lines. */
static void squeeze(char *text)
{
	char *to = text;

	for (const char *p = text; *p != 0; p++) {
		bool space = *p == ' ' || *p == '\n';

		if (!space)
			*to++ = *p;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	}
	*to = 0;
}

/* The list of all commands fits a terminal of 80 columns. */
static void check_width(const char *text)
{
	while (*text != 0) {
		size_t n = strcspn(text, "\n");

		assert_in_range(n, 0, 80);
		text += n + (text[n] != 0);
	}
}

static void test_help_is_whole(void **state)
{
	struct buf all;

	(void)state;
	buf_init(&all, 64 * 1024);
	commands_help(NULL, &all);
	assert_ok(buf_add_u8(&all, 0));
	check_width((char *)all.p);
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];
		struct buf out;
		char want[64];

		assert_non_null(strstr((char *)all.p, c->name));
		buf_init(&out, 64 * 1024);
		command_help(c, &out);
		assert_ok(buf_add_u8(&out, 0));
		(void)snprintf(want, sizeof want, "Usage: yubin %s", c->name);
		assert_non_null(strstr((char *)out.p, want));
		assert_non_null(strstr((char *)out.p, c->args));
		squeeze((char *)out.p);
		for (const struct command_option *o = c->options;
		     o->name != NULL; o++) {
			(void)snprintf(want, sizeof want, "--%s", o->name);
			assert_non_null(strstr((char *)out.p, want));
			assert_non_null(strstr((char *)out.p, o->help));
		}
		assert_non_null(strstr((char *)out.p, "Exit codes"));
		buf_done(&out);
	}
	buf_clear(&all);
	commands_help("account", &all);
	assert_ok(buf_add_u8(&all, 0));
	assert_non_null(strstr((char *)all.p, "account remove"));
	assert_null(strstr((char *)all.p, "deliver"));
	buf_done(&all);
}

static void test_numbers(void **state)
{
	static const char *const wrong[] = {
		"", "-1", "+1", "01", "0x1", "1 ", "65", "99999999999999999999"
	};
	struct command_parse p;
	struct line l;
	unsigned long v = 7;

	(void)state;
	assert_int_equal(parse(&l, "init d", &p), COMMAND_ASK_RUN);
	assert_true(invocation_number(&p.inv, "port-base", 64, &v));
	assert_int_equal(v, 7); /* not given: as it was */
	assert_int_equal(parse(&l, "init d --port-base 64", &p),
			 COMMAND_ASK_RUN);
	assert_true(invocation_number(&p.inv, "port-base", 64, &v));
	assert_int_equal(v, 64);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		for (size_t k = 0; k < COMMAND_OPTIONS_MAX; k++)
			if (p.inv.values[k] != NULL)
				p.inv.values[k] = wrong[i];
		assert_false(invocation_number(&p.inv, "port-base", 64, &v));
		assert_int_equal(v, 64);
	}
}

/* Mail systems bounce on exit codes that sysexits.h does not have. */
static void test_deliver_speaks_sysexits(void **state)
{
	struct command_parse p;
	struct line l;

	(void)state;
	assert_int_equal(parse(&l, "deliver --bogus", &p), COMMAND_ASK_WRONG);
	assert_int_equal(p.inv.command->usage_exit, EX_USAGE);
	assert_int_equal(parse(&l, "status --bogus", &p), COMMAND_ASK_WRONG);
	assert_int_equal(p.inv.command->usage_exit, COMMAND_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_lines),
		cmocka_unit_test(test_help_and_version),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_long_words_are_cut),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_help_is_whole),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_deliver_speaks_sysexits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
