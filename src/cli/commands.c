#include "cli/command.h"

#include <limits.h>
#include <sysexits.h>

#include "cli/cmd.h"

/* Every command that reads the configuration takes it. */
#define CONFIG_OPTION                              \
	{ 'c', "config", "FILE",                   \
	  "the configuration; else $YUBIN_CONFIG," \
	  " else /etc/yubin/yubin.yaml" }
#define JSON_OPTION { 0, "json", NULL, "print JSON" }
#define PASSWORD_OPTIONS                                               \
	{ 0, "password-stdin", NULL,                                   \
	  "take the password from standard input" },                   \
		{ 0, "allow-weak", NULL, "take a weak password too" }
#define END { 0, NULL, NULL, NULL }

static const struct command_option init_options[] = {
	{ 0, "loopback", NULL, "listen on 127.0.0.1 only, without root" },
	{ 0, "port-base", "N",
	  "with --loopback: each service listens on N (2000) plus its port" },
	{ 0, "hostname", "NAME", "the name of this server in the mail world" },
	END
};
static const struct command_option plain_options[] = { CONFIG_OPTION, END };
static const struct command_option check_options[] = {
	CONFIG_OPTION,
	{ 0, "show", NULL, "print what differs from the defaults" },
	JSON_OPTION, END
};
static const struct command_option json_options[] = { CONFIG_OPTION,
						      JSON_OPTION, END };
static const struct command_option password_options[] = {
	CONFIG_OPTION, PASSWORD_OPTIONS, JSON_OPTION, END
};
static const struct command_option remove_options[] = {
	CONFIG_OPTION,
	{ 0, "yes", NULL, "do not ask" },
	JSON_OPTION, END
};
static const struct command_option deliver_options[] = {
	CONFIG_OPTION,
	{ 'f', "from", "SENDER",
	  "the envelope's sender; without it the empty one" },
	{ 't', "to", NULL, "to all in To, Cc and Bcc; Bcc is dropped" },
	END
};

const struct command commands[] = {
	{ "init", "[DIR]", 0, 1, init_options, COMMAND_USAGE,
	  "Make what a server needs: configuration, certificates, folders",
	  "Without DIR: /etc/yubin, /var/lib/yubin and /run/yubin. With DIR "
	  "everything is\n"
	  "below it. Run by root it also makes the system users yubin, "
	  "yubin-auth and\n"
	  "yubin-worker. What is there already stays as it is, so it can be "
	  "repeated.\n", cmd_init },
	{ "serve", "", 0, 0, plain_options, COMMAND_USAGE,
	  "Run the server",
	  "It stays in the foreground, logs to standard error unless the "
	  "configuration says\n"
	  "otherwise, and ends in order on SIGTERM or Ctrl-C.\n", cmd_serve },
	{ "check", "", 0, 0, check_options, COMMAND_USAGE,
	  "Check the configuration and the files that it names",
	  "Tells all errors with file, line and column. With --show it prints "
	  "what differs\n"
	  "from the defaults.\n", cmd_check },
	{ "status", "", 0, 0, json_options, COMMAND_USAGE,
	  "Show the processes and listeners of the running server",
	  "Exit code 3 if a process is down at present.\n", cmd_status },
	{ "account add", "ADDRESS", 1, 1, password_options, COMMAND_USAGE,
	  "Make an account, and its domain local if it is new",
	  "Prints a generated password, once, on standard output.\n",
	  cmd_account_add },
	{ "account list", "", 0, 0, json_options, COMMAND_USAGE,
	  "List all accounts", "", cmd_account_list },
	{ "account show", "ADDRESS", 1, 1, json_options, COMMAND_USAGE,
	  "Show an account, and what to type into a mail program", "",
	  cmd_account_show },
	{ "account password", "ADDRESS", 1, 1, password_options, COMMAND_USAGE,
	  "Give an account a new password",
	  "Prints a generated one, once, on standard output.\n",
	  cmd_account_password },
	{ "account remove", "ADDRESS", 1, 1, remove_options, COMMAND_USAGE,
	  "Remove an account and all its mail",
	  "Says how many messages that are, and asks first.\n",
	  cmd_account_remove },
	{ "deliver", "ADDRESS...", 0, UINT_MAX, deliver_options, EX_USAGE,
	  "Deliver the message on standard input",
	  "A client of the LMTP socket, for mail systems that hand mail to a "
	  "program. A first\n"
	  "line that starts with \"From \" is dropped, line ends are repaired. "
	  "An address\n"
	  "without a domain gets default_domain. On failure the first line of "
	  "output is an\n"
	  "RFC 3463 code and the reason.\n"
	  "\n"
	  "With several addresses the worst outcome that can still change "
	  "decides: 75 if any\n"
	  "of them may succeed later, and then the message comes again to "
	  "all; so mail systems\n"
	  "should give one address at a time.\n"
	  "\n"
	  "Exit codes (sysexits.h):\n"
	  "    0  delivered to all\n"
	  "   64  wrong usage, or not an address\n"
	  "   65  refused for ever, such as too large a message\n"
	  "   67  no such account\n"
	  "   75  not now: no server, busy, disk full, wrong configuration, any "
	  "other error\n", cmd_deliver },
};

const size_t commands_n = sizeof commands / sizeof commands[0];
