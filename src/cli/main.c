/*
 * Yubin's front door: roles of the server, else commands.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/command.h"
#include "cli/say.h"
#include "server/role.h"

/* All help together is a few KiB. */
enum { HELP_MAX = 64 * 1024 };

static void print_help(const struct command_parse *p, FILE *to)
{
	struct buf out;

	buf_init(&out, HELP_MAX);
	if (p->inv.command != NULL)
		command_help(p->inv.command, &out);
	else
		commands_help(p->group, &out);
	(void)fwrite(out.p, 1, out.n, to);
	buf_done(&out);
}

/* A full disk under standard output must not look like success. */
static int finish(int code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	say_error("cannot write to standard output");
	return code == COMMAND_OK ? COMMAND_FAILED : code;
}

static int tell_wrong(const struct command_parse *p)
{
	const struct command *c = p->inv.command;
	const char *what = c != NULL ? c->name : p->group;

	say_error("%s (see `yubin %s%s--help`)", p->error,
		  what != NULL ? what : "", what != NULL ? " " : "");
	return c != NULL ? c->usage_exit : COMMAND_USAGE;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
int __lsan_is_turned_off(void);

/* Looking for leaks needs ptrace, which no caged process may. */
int __lsan_is_turned_off(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}
#endif

int main(int argc, char **argv)
{
	struct command_parse p;

	if (role_is_asked(argc, argv))
		return role_main(argc, argv);
	/* A server or a reader that went away is an error, not our end. */
	(void)signal(SIGPIPE, SIG_IGN);
	switch (command_parse(argc, argv, &p)) {
	case COMMAND_ASK_RUN:
		return finish(p.inv.command->run(&p.inv));
	case COMMAND_ASK_HELP:
		print_help(&p, stdout);
		return finish(COMMAND_OK);
	case COMMAND_ASK_VERSION:
		(void)puts("yubin " YUBIN_VERSION);
		return finish(COMMAND_OK);
	case COMMAND_ASK_WRONG:
		break;
	}
	if (argc < 2) {
		print_help(&p, stderr);
		return COMMAND_USAGE;
	}
	return tell_wrong(&p);
}
