#include "cli/command.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "cli/say.h"
#include "config/nearest.h"

/* More names than any table of ours; only for suggestions. */
enum { NAMES_MAX = 128 };

/* ---- what was given ---- */

static size_t option_index(const struct command *c, const char *name)
{
	size_t i = 0;

	while (c->options[i].name != NULL &&
	       strcmp(c->options[i].name, name) != 0)
		i++;
	return i;
}

const char *invocation_option(const struct invocation *inv, const char *name)
{
	size_t i = option_index(inv->command, name);

	assert(inv->command->options[i].name != NULL);
	return inv->values[i];
}

bool invocation_number(const struct invocation *inv, const char *name,
		       unsigned long max, unsigned long *ret)
{
	const char *text = invocation_option(inv, name);
	uint64_t v;

	if (text == NULL)
		return true;
	if (!num_parse(span_str(text), max, &v)) {
		say_error("--%s takes a number from 0 to %lu, not \"%s\"", name,
			  max, text);
		return false;
	}
	*ret = (unsigned long)v;
	return true;
}

/* ---- finding the command ---- */

/* How many words of the command's name stand in argv, from the first on. */
static int words_given(const struct command *c, int argc, char **argv)
{
	struct span rest = span_str(c->name);
	int n = 0;

	while (rest.n > 0 && n < argc &&
	       span_eq(span_cut(&rest, ' '), span_str(argv[n])))
		n++;
	return n;
}

static int words_of(const struct command *c)
{
	int n = 1;

	for (const char *p = c->name; *p != 0; p++)
		n += *p == ' ';
	return n;
}

/* The word with that number, from 0 on; empty behind the last. */
static struct span word_of(const struct command *c, int at)
{
	struct span rest = span_str(c->name), word = SPAN_NONE;

	for (int i = 0; i <= at; i++)
		word = span_cut(&rest, ' ');
	return word;
}

/* argv without the program's name: NULL if it names no whole command. */
static const struct command *find_command(int argc, char **argv)
{
	for (size_t i = 0; i < commands_n; i++)
		if (words_given(&commands[i], argc, argv) ==
		    words_of(&commands[i]))
			return &commands[i];
	return NULL;
}

/* How many words are right, at most: the rest of some command is missing. */
static int find_group(int argc, char **argv)
{
	int most = 0;

	for (size_t i = 0; i < commands_n; i++) {
		int n = words_given(&commands[i], argc, argv);

		if (n > most)
			most = n;
	}
	return most;
}

static enum command_ask wrong(struct command_parse *ret, const char *format,
			      ...) __attribute__((format(printf, 2, 3)));

static enum command_ask wrong(struct command_parse *ret, const char *format,
			      ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret->error, sizeof ret->error, format, args);
	va_end(args);
	return COMMAND_ASK_WRONG;
}

/* argv[at] is no word of a command that starts with those before it. */
static enum command_ask unknown_word(struct command_parse *ret, char **argv,
				     int at)
{
	char words[NAMES_MAX][NEAREST_WORD_MAX];
	const char *names[NAMES_MAX];
	const char *group = ret->group != NULL ? ret->group : "";
	size_t n = 0;
	const char *near;

	for (size_t i = 0; i < commands_n && n < NAMES_MAX; i++) {
		struct span s = word_of(&commands[i], at);

		if (words_given(&commands[i], at, argv) == at && s.n > 0 &&
		    span_to_str(s, words[n], sizeof words[n])) {
			names[n] = words[n];
			n++;
		}
	}
	near = word_nearest(span_str(argv[at]), names, n);
	return wrong(ret, "there is no command \"%s%s%.80s\"%s%s%s", group,
		     *group != 0 ? " " : "", argv[at],
		     near != NULL ? "; did you mean \"" : "",
		     near != NULL ? near : "", near != NULL ? "\"?" : "");
}

/* ---- options ---- */

struct cursor {
	char **argv;
	int argc, at;
	unsigned kept; /* arguments, moved to the front of argv */
	struct command_parse *ret;
};

static enum command_ask unknown_option(struct command_parse *ret,
				       const char *text)
{
	const struct command *c = ret->inv.command;
	const char *names[NAMES_MAX];
	struct span word = span_str(text);
	size_t n = 0;
	const char *near;

	while (word.n > 0 && word.p[0] == '-')
		word = span_skip(word, 1);
	word = span_head(word, span_find(word, '='));
	for (; c->options[n].name != NULL && n < NAMES_MAX; n++)
		names[n] = c->options[n].name;
	near = word_nearest(word, names, n);
	return wrong(ret, "%s has no option \"%.80s\"%s%s%s", c->name, text,
		     near != NULL ? "; did you mean \"--" : "",
		     near != NULL ? near : "", near != NULL ? "\"?" : "");
}

/* Takes the option's value: `glued` behind it, or the next word. */
static enum command_ask take_value(struct cursor *cur, size_t option,
				   const char *glued)
{
	const struct command_option *o =
		&cur->ret->inv.command->options[option];

	if (cur->ret->inv.values[option] != NULL)
		return wrong(cur->ret, "--%s is given twice", o->name);
	if (o->value == NULL) {
		if (glued != NULL)
			return wrong(cur->ret, "--%s takes no value", o->name);
		cur->ret->inv.values[option] = "";
		return COMMAND_ASK_RUN;
	}
	if (glued == NULL && cur->at < cur->argc)
		glued = cur->argv[cur->at++];
	if (glued == NULL)
		return wrong(cur->ret, "--%s needs a value: %s", o->name,
			     o->value);
	cur->ret->inv.values[option] = glued;
	return COMMAND_ASK_RUN;
}

static enum command_ask long_option(struct cursor *cur, const char *text)
{
	const struct command *c = cur->ret->inv.command;
	const char *equals = strchr(text, '=');
	size_t n = equals != NULL ? (size_t)(equals - text) : strlen(text);

	if (strcmp(text, "--help") == 0)
		return COMMAND_ASK_HELP;
	for (size_t i = 0; c->options[i].name != NULL; i++)
		if (span_eq(span_of(text + 2, n - 2),
			    span_str(c->options[i].name)))
			return take_value(cur, i,
					  equals != NULL ? equals + 1 : NULL);
	return unknown_option(cur->ret, text);
}

/* "-t", "-f VALUE", "-fVALUE", "-tf VALUE". */
static enum command_ask short_options(struct cursor *cur, const char *text)
{
	const struct command *c = cur->ret->inv.command;

	for (const char *p = text + 1; *p != 0; p++) {
		size_t i = 0;
		enum command_ask ask;

		if (*p == 'h')
			return COMMAND_ASK_HELP;
		while (c->options[i].name != NULL && c->options[i].letter != *p)
			i++;
		if (c->options[i].name == NULL)
			return unknown_option(cur->ret, text);
		if (c->options[i].value == NULL) {
			ask = take_value(cur, i, NULL);
			if (ask != COMMAND_ASK_RUN)
				return ask;
			continue;
		}
		return take_value(cur, i, p[1] != 0 ? p + 1 : NULL);
	}
	return COMMAND_ASK_RUN;
}

static enum command_ask check_count(struct command_parse *ret)
{
	const struct command *c = ret->inv.command;

	if (ret->inv.args_n < c->args_min)
		return wrong(ret, "%s needs %s", c->name, c->args);
	if (ret->inv.args_n <= c->args_max)
		return COMMAND_ASK_RUN;
	return wrong(ret, "%s takes %s%s, and \"%.80s\" is one too many",
		     c->name, c->args_max > 0 ? "only " : "no arguments",
		     c->args, ret->inv.args[c->args_max]);
}

static enum command_ask parse_rest(struct cursor *cur)
{
	struct invocation *inv = &cur->ret->inv;
	bool only_args = false;

	while (cur->at < cur->argc) {
		char *text = cur->argv[cur->at++];
		enum command_ask ask = COMMAND_ASK_RUN;

		if (!only_args && strcmp(text, "--") == 0)
			only_args = true;
		else if (!only_args && strncmp(text, "--", 2) == 0)
			ask = long_option(cur, text);
		else if (!only_args && text[0] == '-' && text[1] != 0)
			ask = short_options(cur, text);
		else
			cur->argv[cur->kept++] = text;
		if (ask != COMMAND_ASK_RUN)
			return ask;
	}
	cur->argv[cur->kept] = NULL;
	inv->args = (const char *const *)cur->argv;
	inv->args_n = cur->kept;
	return check_count(cur->ret);
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	       strcmp(word, "help") == 0;
}

static bool is_of_group(const struct command *c, const char *group)
{
	size_t n = strlen(group);

	return strncmp(c->name, group, n) == 0 && c->name[n] == ' ';
}

/* "account needs one of: add, list, ...". */
static enum command_ask lacks_word(struct command_parse *ret)
{
	enum command_ask ask = wrong(ret, "%s needs one of:", ret->group);
	size_t skip = strlen(ret->group) + 1;
	struct span last = SPAN_NONE;

	for (size_t i = 0; i < commands_n; i++) {
		struct span word = span_str(commands[i].name);
		size_t n = strlen(ret->error);

		if (!is_of_group(&commands[i], ret->group))
			continue;
		word = span_skip(word, skip);
		word = span_head(word, span_find(word, ' '));
		if (span_eq(word, last))
			continue;
		/* The table has room enough: all its names are short. */
		(void)snprintf(ret->error + n, sizeof ret->error - n, "%s %.*s",
			       last.n > 0 ? "," : "", (int)word.n,
			       (const char *)word.p);
		last = word;
	}
	return ask;
}

/* Words that several commands start with, and what follows them. */
static enum command_ask parse_group(int argc, char **argv,
				    struct command_parse *ret)
{
	int n = find_group(argc, argv);
	char *at = ret->group_text;

	if (n == 0)
		return unknown_word(ret, argv, 0);
	for (int i = 0; i < n; i++) {
		if (i > 0)
			*at++ = ' ';
		/* They are words of the table, which are short. */
		at = stpcpy(at, argv[i]);
	}
	ret->group = ret->group_text;
	if (argc > n && is_help(argv[n]))
		return COMMAND_ASK_HELP;
	if (argc > n)
		return unknown_word(ret, argv, n);
	return lacks_word(ret);
}

enum command_ask command_parse(int argc, char **argv, struct command_parse *ret)
{
	struct cursor cur = { .argv = argv, .argc = argc, .ret = ret };

	memset(ret, 0, sizeof *ret);
	if (argc < 2)
		return wrong(ret, "a command is missing");
	if (is_help(argv[1]))
		return COMMAND_ASK_HELP;
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return COMMAND_ASK_VERSION;
	if (argv[1][0] == '-')
		return wrong(ret,
			     "options go behind the command: yubin COMMAND"
			     " %.80s",
			     argv[1]);
	ret->inv.command = find_command(argc - 1, argv + 1);
	if (ret->inv.command == NULL)
		return parse_group(argc - 1, argv + 1, ret);
	cur.at = 1 + words_of(ret->inv.command);
	return parse_rest(&cur);
}

/* ---- help ---- */

/* Help is bounded by the table; a full buffer only cuts it. */
static void add(struct buf *out, const char *text)
{
	(void)buf_add(out, span_str(text));
}

/*
 * Two columns that fit a terminal of 80: what is long on the left gets a line
 * of its own, what is long on the right is broken between words.
 */
static void add_row(struct buf *out, const char *left, const char *right)
{
	enum { COLUMN = 27, WIDTH = 79 };
	struct span rest = span_str(right);
	size_t at = strlen(left);

	add(out, left);
	if (at >= COLUMN) {
		add(out, "\n");
		at = 0;
	}
	(void)buf_addf(out, "%*s", (int)(COLUMN - at), "");
	at = COLUMN;
	while (rest.n > 0) {
		struct span word = span_cut(&rest, ' ');

		if (at > COLUMN && at + 1 + word.n > WIDTH) {
			(void)buf_addf(out, "\n%*s", COLUMN, "");
			at = COLUMN;
		} else if (at > COLUMN) {
			add(out, " ");
			at++;
		}
		(void)buf_add(out, word);
		at += word.n;
	}
	add(out, "\n");
}

static void help_options(const struct command *c, struct buf *out)
{
	if (c->options[0].name == NULL)
		return;
	add(out, "\nOptions:\n");
	for (const struct command_option *o = c->options; o->name != NULL;
	     o++) {
		char left[80];
		char letter[5] = "";

		if (o->letter != 0)
			(void)snprintf(letter, sizeof letter, "-%c, ",
				       o->letter);
		(void)snprintf(left, sizeof left, "  %s--%s%s%s", letter,
			       o->name, o->value != NULL ? " " : "",
			       o->value != NULL ? o->value : "");
		add_row(out, left, o->help);
	}
}

static void help_exits(const struct command *c, struct buf *out)
{
	static const struct {
		int number;
		const char *text;
	} exits[] = {
#define X(name, number, text) { number, text },
		COMMAND_EXITS(X)
#undef X
	};

	if (c != NULL && c->usage_exit != COMMAND_USAGE)
		return; /* its own text says them */
	add(out, "\nExit codes:\n");
	for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
		(void)buf_addf(out, "  %3d  %s\n", exits[i].number,
			       exits[i].text);
}

void command_help(const struct command *c, struct buf *out)
{
	(void)buf_addf(out, "Usage: yubin %s%s%s%s\n\n%s.\n", c->name,
		       c->options[0].name != NULL ? " [OPTION...]" : "",
		       *c->args != 0 ? " " : "", c->args, c->help);
	if (*c->text != 0)
		(void)buf_addf(out, "\n%s", c->text);
	help_options(c, out);
	help_exits(c, out);
}

void commands_help(const char *group, struct buf *out)
{
	if (group == NULL)
		add(out, "Yubin is a post office: it takes mail in, keeps it, "
			 "and hands it out.\n\n");
	(void)buf_addf(out, "Usage: yubin %s%s[OPTION...] [ARGUMENT...]\n\n",
		       group != NULL ? group : "COMMAND",
		       group != NULL ? " COMMAND " : " ");
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];
		char left[120];

		if (group != NULL && !is_of_group(c, group))
			continue;
		(void)snprintf(left, sizeof left, "  %s %s", c->name, c->args);
		add_row(out, left, c->help);
	}
	add(out, "\n`yubin COMMAND --help` says more; `yubin --version` the "
		 "version.\n");
	if (group == NULL)
		help_exits(NULL, out);
}
