/*
 * Commands as data: one table (commands.c) makes parsing, --help, and the
 * checks of both. A command's own file holds only what it does.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct config;

/* One table for all; `yubin deliver` alone speaks sysexits.h. */
#define COMMAND_EXITS(X)                                \
	X(OK, 0, "done")                                \
	X(FAILED, 1, "failed")                          \
	X(USAGE, 2, "wrong usage")                      \
	X(PARTLY, 3, "partly done")                     \
	X(CONFIG, 10, "the configuration is not valid") \
	X(NOT_RUNNING, 11, "the server does not run")   \
	X(BUSY, 12, "in use by another process")        \
	X(AUTH, 13, "authentication failed")            \
	X(INTERRUPTED, 130, "interrupted")

/* clang-format off */
enum command_exit {
#define X(name, number, text) COMMAND_##name = number,
	COMMAND_EXITS(X)
#undef X
};
/* clang-format on */

/* No command has more options. */
enum { COMMAND_OPTIONS_MAX = 32, COMMAND_NAME_MAX = 64 };

struct command_option {
	char letter;       /* of the short form, or 0 */
	const char *name;  /* of the long form, without its dashes */
	const char *value; /* what it takes, for the help; NULL: a switch */
	const char *help;
};

struct invocation;

struct command {
	const char *name; /* of one or more words: "account add" */
	const char *args; /* as the help shows them, or "" */
	unsigned args_min, args_max;
	const struct command_option *options; /* ends with a NULL name */
	int usage_exit;   /* 2, or what mail systems understand */
	const char *help; /* one line, no full stop */
	/*
	 * Paragraphs for --help and the manual page, or "". One that begins
	 * with "Examples:", "Files:" or "Exit codes" is a section there.
	 */
	const char *text;
	int (*run)(const struct invocation *inv);
};

extern const struct command commands[];
extern const size_t commands_n;

/* What was asked for. Everything points into argv and the table. */
struct invocation {
	const struct command *command;
	const char *values[COMMAND_OPTIONS_MAX]; /* "" for a switch; or NULL */
	const char *const *args;                 /* ends with NULL */
	unsigned args_n;
};

/* The option's value, "" for a switch, NULL if it was not given. */
const char *invocation_option(const struct invocation *inv, const char *name);

/* The same for a number of at most `max`; false with the text told. */
bool invocation_number(const struct invocation *inv, const char *name,
		       unsigned long max, unsigned long *ret);

enum command_ask {
	COMMAND_ASK_RUN,  /* `ret` says what */
	COMMAND_ASK_HELP, /* of ret->command, or `group`, or of all */
	COMMAND_ASK_VERSION,
	COMMAND_ASK_WRONG, /* `error` says why; ret->command where known */
};

struct command_parse {
	struct invocation inv;
	const char *group; /* the words that several commands start with */
	char group_text[COMMAND_NAME_MAX];
	char error[512];
};

/* Reads argv, whose arguments it may put into another order. */
enum command_ask command_parse(int argc, char **argv,
			       struct command_parse *ret);

/* Help of one command; of a group ("account"); of all, with NULL. */
void command_help(const struct command *command, struct buf *out);
void commands_help(const char *group, struct buf *out);

#endif
