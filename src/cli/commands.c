#include "cli/command.h"

#include <limits.h>
#include <sysexits.h>

#include "base/setting.h"
#include "cli/cmd.h"

/* Tables, laid out by hand. */
/* clang-format off */

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
#define SETTING_LINE(name, type, least, most, text, value, where, help) \
	"    " #name " (" text ")\n        " help "\n"
#define SETTINGS_TEXT                                                   \
	"What an account says counts, else what its domain says, else " \
	"`defaults:` in the\n"                                          \
	"configuration. NAME= takes a setting away again. Without "     \
	"any, prints those that\n"                                      \
	"are set.\n\n"                                                  \
	"Settings, with their value where nothing is set:\n"            \
	SETTINGS_SHARED(SETTING_LINE)
#define END { 0, NULL, NULL, NULL }

static const struct command_option init_options[] = {
	{ 0, "loopback", NULL, "listen on 127.0.0.1 only, without root" },
	{ 0, "port-base", "N",
	  "with --loopback: each service listens on N (2000) plus its port" },
	{ 0, "hostname", "NAME", "the name of this server in the mail world" },
	END
};
static const struct command_option domain_options[] = {
	CONFIG_OPTION,
	{ 0, "alias-of", "DOMAIN",
	  "make it another name of that domain, for mail" },
	JSON_OPTION, END
};
static const struct command_option import_options[] = {
	CONFIG_OPTION,
	{ 0, "dry-run", NULL, "only look for what is wrong" },
	{ 0, "continue", NULL, "make the others if some are wrong" },
	{ 0, "skip-existing", NULL, "accounts that exist are no error" },
	{ 0, "allow-weak", NULL, "take weak passwords too" },
	JSON_OPTION, END
};
static const struct command_option plain_options[] = { CONFIG_OPTION, END };
static const struct command_option check_options[] = {
	CONFIG_OPTION,
	{ 0, "show", NULL, "print what differs from the defaults" },
	JSON_OPTION, END
};
static const struct command_option json_options[] = { CONFIG_OPTION,
						      JSON_OPTION, END };
static const struct command_option account_add_options[] = {
	CONFIG_OPTION, PASSWORD_OPTIONS,
	{ 0, "hash-stdin", NULL,
	  "take a hash such as \"{SHA512-CRYPT}$6$...\" instead" },
	JSON_OPTION, END
};
static const struct command_option password_options[] = {
	CONFIG_OPTION, PASSWORD_OPTIONS, JSON_OPTION, END
};
static const struct command_option legacy_options[] = {
	CONFIG_OPTION,
	{ 0, "expires", "DATE|DAYS",
	  "its last day, or days from now; a year by default" },
	{ 0, "from", "CIDR,...", "only from these networks" },
	{ 0, "no-delete", NULL, "it may not delete mail" },
	JSON_OPTION, END
};
static const struct command_option certificate_options[] = {
	CONFIG_OPTION,
	{ 0, "expires", "DATE|DAYS", "its last day, or days from now" },
	{ 0, "from", "CIDR,...", "only from these networks" },
	{ 0, "no-delete", NULL, "it may not delete mail" },
	JSON_OPTION, END
};
static const struct command_option app_password_options[] = {
	CONFIG_OPTION,
	{ 0, "protocols", "LIST", "only for pop3, submission, or both" },
	{ 0, "no-delete", NULL, "it may not delete mail" },
	{ 0, "from", "CIDR,...", "only from these networks" },
	{ 0, "expires", "DATE|DAYS", "its last day, or days from now" },
	JSON_OPTION, END
};
static const struct command_option remove_options[] = {
	CONFIG_OPTION,
	{ 0, "yes", NULL, "do not ask" },
	JSON_OPTION, END
};
static const struct command_option mail_list_options[] = {
	CONFIG_OPTION,
	{ 0, "deleted", NULL, "those that `yubin mail undelete` brings back" },
	JSON_OPTION, END
};
static const struct command_option mail_show_options[] = {
	CONFIG_OPTION,
	{ 0, "headers", NULL, "the header only" },
	JSON_OPTION, END
};
static const struct command_option mail_export_options[] = {
	CONFIG_OPTION,
	{ 0, "mbox", NULL, "DEST is one file of all (the default)" },
	{ 0, "maildir", NULL, "DEST is a new Maildir" },
	{ 0, "eml", NULL, "DEST is a file of the one MESSAGE" },
	{ 0, "deleted", NULL, "deleted messages, not the others" },
	{ 0, "damaged", NULL, "what `yubin fsck --repair` put aside, into DEST" },
	JSON_OPTION, END
};
static const struct command_option mail_delete_options[] = {
	CONFIG_OPTION,
	{ 0, "all", NULL, "all messages" },
	{ 0, "yes", NULL, "do not ask" },
	JSON_OPTION, END
};
static const struct command_option mail_undelete_options[] = {
	CONFIG_OPTION,
	{ 0, "all", NULL, "all that were deleted" },
	{ 0, "since", "TIME", "deleted since: 2h, 3d, \"2026-11-21 14:30\"" },
	{ 0, "session", "ID", "deleted by it: as in the log and the list" },
	JSON_OPTION, END
};
static const struct command_option doctor_options[] = {
	CONFIG_OPTION,
	{ 0, "resolver", "ADDRESS:PORT", "ask this one about names" },
	{ 0, "no-dns", NULL, "ask nobody about names" },
	{ 0, "no-mail", NULL, "send no message through" },
	JSON_OPTION, END
};
static const struct command_option top_options[] = {
	CONFIG_OPTION,
	{ 'i', "interval", "S", "a new picture every S seconds (2)" },
	{ 's', "sort", "BY", "age, idle, in, out, account or peer" },
	{ 'r', "reverse", NULL, "the other way round" },
	{ 0, "once", NULL, "print one picture, of one second, and end" },
	{ 0, "json", NULL, "the same as JSON" },
	END
};
static const struct command_option backup_options[] = {
	CONFIG_OPTION,
	{ 0, "list", NULL, "show the runs that DEST has" },
	{ 0, "verify", NULL, "restore a run into nothing, and compare" },
	{ 0, "run", "NAME", "verify this run; else the last" },
	JSON_OPTION, END
};
static const struct command_option restore_options[] = {
	CONFIG_OPTION,
	{ 0, "all", NULL, "accounts and mail, into an empty server" },
	{ 0, "run", "NAME", "as of this run; else the last" },
	{ 0, "until", "TIME", "as of then: 2h, 3d, \"2026-11-21 14:30\"" },
	JSON_OPTION, END
};
static const struct command_option log_options[] = {
	CONFIG_OPTION,
	{ 'f', "follow", NULL, "go on with what is added" },
	{ 'n', "lines", "N", "the last N lines (with -f: 10)" },
	{ 0, "since", "TIME", "10m, 2h, 3d ago; 2026-11-21; \"... 13:50\"" },
	{ 0, "session", "ID", "of one session, such as w0.1f3a.7" },
	{ 0, "account", "ADDRESS", "of one account" },
	{ 0, "address", "IP", "of one client's address" },
	{ 0, "level", "LEVEL", "at least debug, info, warn or error" },
	{ 0, "wire", "ADDRESS", "what one account's clients say, as they do" },
	JSON_OPTION, END
};
static const struct command_option fsck_options[] = {
	CONFIG_OPTION,
	{ 0, "all", NULL, "every mailbox of every account" },
	{ 0, "repair", NULL, "put damage aside, make log and index anew" },
	{ 0, "slowly", NULL, "leave the disk to others nine tenths of the time" },
	JSON_OPTION, END
};
static const struct command_option compact_options[] = {
	CONFIG_OPTION,
	{ 0, "all", NULL, "every mailbox of every account" },
	JSON_OPTION, END
};
static const struct command_option deliver_options[] = {
	CONFIG_OPTION,
	{ 'f', "from", "SENDER",
	  "the envelope's sender; without it the empty one" },
	{ 't', "to", NULL, "to all in To, Cc and Bcc; Bcc is dropped" },
	END
};
static const struct command_option bench_options[] = {
	{ 'c', "connections", "N", "at once (8)" },
	{ 0, "seconds", "S", "measure so long (5, or what --count takes)" },
	{ 0, "count", "N", "end after N sessions of POP3, or N messages sent" },
	{ 0, "warmup", "S", "run so long before (1; 0 with --count)" },
	{ 0, "timeout", "S", "the longest wait for an answer (30)" },
	{ 0, "user", "NAME", "the one account to use" },
	{ 0, "users", "PATTERN", "accounts such as e%04d, in turn" },
	{ 0, "accounts", "N", "how many of them: numbers 0 to N-1" },
	{ 0, "password", "TEXT", "the password of each account" },
	{ 0, "pipelined", NULL, "send commands ahead of their answers" },
	{ 0, "quit-alone", NULL, "with --pipelined: but QUIT by itself" },
	{ 0, "random", NULL, "accounts in no order, not in turn" },
	{ 0, "idle", "N", "beside the load: logged in, saying nothing" },
	{ 0, "slow", "N", "beside the load: an octet now and then" },
	{ 0, "pace", "S", "of those: seconds between two octets (2)" },
	{ 0, "size", "OCTETS", "of each message sent (10240)" },
	{ 0, "stls", NULL, "TLS by STLS or STARTTLS" },
	{ 0, "tls", NULL, "TLS from the first octet" },
	{ 0, "tls-version", "V", "1.2 or 1.3 alone" },
	{ 0, "resume", NULL, "resume the TLS session before; else none is" },
	{ 0, "ca", "FILE", "verify the server's certificate by these" },
	{ 0, "server-name", "NAME", "for SNI, and what --ca verifies" },
	{ 0, "pid", "PID", "CPU and memory of this process and all below it" },
	{ 0, "cgroup", "DIR", "CPU and memory of this control group" },
	{ 0, "i-own-this-server", NULL, "measure another machine than this" },
	JSON_OPTION, END
};

const struct command commands[] = {
	{ "init", "[DIR]", 0, 1, init_options, COMMAND_USAGE,
	  "Make what a server needs: configuration, certificates, folders",
	  "Without DIR: /etc/yubin, /var/lib/yubin and /run/yubin. With DIR "
	  "everything is\n"
	  "below it. Run by root it also makes the system users yubin, "
	  "yubin-auth,\n"
	  "yubin-worker, yubin-metrics, yubin-lookup and yubin-supervisor. "
	  "What is there\n"
	  "already stays as it is, so it can be repeated.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin init --hostname mail.example.org\n"
	  "  yubin init /tmp/office --loopback\n",
	  cmd_init },
	{ "serve", "", 0, 0, plain_options, COMMAND_USAGE,
	  "Run the server",
	  "It stays in the foreground, logs to standard error unless the "
	  "configuration says\n"
	  "otherwise, and ends in order on SIGTERM or Ctrl-C.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin serve -c /etc/yubin/yubin.yaml\n",
	  cmd_serve },
	{ "check", "", 0, 0, check_options, COMMAND_USAGE,
	  "Check the configuration and the files that it names",
	  "Tells all errors with file, line and column. With --show it prints "
	  "what differs\n"
	  "from the defaults.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin check\n"
	  "  yubin check --show\n",
	  cmd_check },
	{ "status", "", 0, 0, json_options, COMMAND_USAGE,
	  "Show how the running server does",
	  "Listeners, processes, who is connected, logins and mail since the "
	  "start, free space,\n"
	  "and how long the certificate is good for.\n"
	  "Exit code 3 if a process is down at present.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin status --json\n",
	  cmd_status },
	{ "doctor", "", 0, 0, doctor_options, COMMAND_USAGE,
	  "Examine the server and what it stands on",
	  "Looks at the configuration, files and permissions, certificates, "
	  "the clock, the disk\n"
	  "and what a sync of it takes, the processes, the ports, the programs "
	  "and the server of\n"
	  "tokens that logins depend on, what DNS says of this server, the "
	  "mailboxes, and sends\n"
	  "a message in by LMTP and out by POP3 through an account that it "
	  "makes and removes.\n"
	  "What is wrong comes with a way out. Any user may run it; root sees "
	  "most.\n"
	  "\n"
	  "Exit codes: 0 all is well, 1 something to think about, 2 something "
	  "is wrong\n"
	  "\n"
	  "Examples:\n"
	  "  yubin doctor\n"
	  "  yubin doctor --json --no-mail\n", cmd_doctor },
	{ "top", "", 0, 0, top_options, COMMAND_USAGE,
	  "Show who is connected, as it changes",
	  "Each line is a session: what it came by, whose maildrop it has open "
	  "(or the first\n"
	  "recipient), from where, the version of TLS, what it does, octets in "
	  "and out, since\n"
	  "when it is here and since when nothing moved. Keys: q ends, s sorts, "
	  "r reverses,\n"
	  "arrows and space scroll.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin top\n",
	  cmd_top },
	{ "log", "", 0, 0, log_options, COMMAND_USAGE,
	  "Show the server's log",
	  "Reads the file that `log:` names, with what logrotate has put "
	  "aside (.1, .2.gz,\n"
	  "-20261121), oldest first; without a file, the journal of the unit "
	  "yubin. Lines are\n"
	  "key=value; with --json, one object a line.\n"
	  "\n"
	  "--wire shows the dialogues of an account's clients (and of those "
	  "that bring mail for\n"
	  "it) while it runs: passwords and the like as ***, bodies by their "
	  "size. The log tells\n"
	  "that somebody watches.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin log --since 2h --level warn\n"
	  "  yubin log -f --account alice@example.org\n",
	  cmd_log },
	{ "reload", "", 0, 0, json_options, COMMAND_USAGE,
	  "Have the running server read its configuration anew",
	  "The file and the certificates are checked first: if anything is "
	  "wrong, it is told,\n"
	  "and the server goes on as it was (exit code 10). Sessions keep what "
	  "they began with;\n"
	  "new ones get the new settings and certificates. Listeners are added "
	  "and removed, and\n"
	  "the log file is opened anew. What counts after a restart only is "
	  "told by its key.\n"
	  "SIGHUP does the same, and tells the log.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin reload\n",
	  cmd_reload },
	{ "restart", "", 0, 0, json_options, COMMAND_USAGE,
	  "Let the program on the disk take over, and refuse nobody meanwhile",
	  "For a new version, and for settings that need it. The program on "
	  "the disk is asked first\n"
	  "whether it can run with the configuration (exit code 10 if not). "
	  "Then sessions end\n"
	  "where they have nothing on their way; who connects waits in the "
	  "queue; messages being\n"
	  "sent are sent to their end. Mail that was accepted is on the disk. "
	  "SIGUSR2 does the same.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin restart\n",
	  cmd_restart },
	{ "domain add", "DOMAIN", 1, 1, domain_options, COMMAND_USAGE,
	  "Take mail for a domain",
	  "`yubin account add` does it by itself; this is for domains that "
	  "have only aliases,\n"
	  "or for another name of a domain. International names may be given "
	  "either way.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin domain add example.net --alias-of example.org\n",
	  cmd_domain_add },
	{ "domain list", "", 0, 0, json_options, COMMAND_USAGE,
	  "List the domains whose mail is taken",
	  "Examples:\n"
	  "  yubin domain list\n",
	  cmd_domain_list },
	{ "domain set", "DOMAIN [NAME=VALUE...]", 1, UINT_MAX, json_options,
	  COMMAND_USAGE, "Change settings of all accounts of a domain",
	  SETTINGS_TEXT
	  "\n"
	  "Examples:\n"
	  "  yubin domain set example.org quota_octets=2G\n",
	  cmd_domain_set },
	{ "domain remove", "DOMAIN", 1, 1, json_options, COMMAND_USAGE,
	  "Take no more mail for a domain",
	  "Refused while it has accounts or aliases.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin domain remove example.net\n",
	  cmd_domain_remove },
	{ "alias add", "ALIAS TARGET...", 2, UINT_MAX, json_options,
	  COMMAND_USAGE, "Let mail for an address go to others",
	  "Targets are accounts and aliases of this server; those that the "
	  "alias has already\n"
	  "stay. \"@example.org\" as ALIAS takes all mail of that domain that "
	  "nobody else has.\n"
	  "Nobody logs in as an alias.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin alias add info@example.org alice@example.org bob@example.org\n",
	  cmd_alias_add },
	{ "alias list", "", 0, 0, json_options, COMMAND_USAGE,
	  "List all aliases with their targets",
	  "Examples:\n"
	  "  yubin alias list\n",
	  cmd_alias_list },
	{ "alias remove", "ALIAS [TARGET...]", 1, UINT_MAX, json_options,
	  COMMAND_USAGE, "Remove an alias, or only some of its targets",
	  "Examples:\n"
	  "  yubin alias remove info@example.org bob@example.org\n",
	  cmd_alias_remove },
	{ "auth status", "", 0, 0, json_options, COMMAND_USAGE,
	  "Show who failed to log in, and who is slowed down for it",
	  "Failures are counted by address (IPv6: /64), network (/24, /48), "
	  "account, and\n"
	  "password where one is tried at many accounts. They slow guessing "
	  "down and are\n"
	  "forgiven with time; nobody is ever locked out.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin auth status\n",
	  cmd_auth_status },
	{ "auth forgive", "ADDRESS|IP", 1, 1, json_options, COMMAND_USAGE,
	  "Forget the failed logins of an account, or from an IP address",
	  "Examples:\n"
	  "  yubin auth forgive 192.0.2.7\n",
	  cmd_auth_forgive },
	{ "account add", "ADDRESS", 1, 1, account_add_options, COMMAND_USAGE,
	  "Make an account, and its domain local if it is new",
	  "Prints a generated password, once, on standard output. Refused with\n"
	  "accounts.directory: command, which makes accounts elsewhere.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin account add alice@example.org\n"
	  "  pwgen -s 20 1 | yubin account add alice@example.org --password-stdin\n",
	  cmd_account_add },
	{ "account list", "", 0, 0, json_options, COMMAND_USAGE,
	  "List all accounts",
	  "With accounts.directory: command those that were used here, whether "
	  "the\n"
	  "program still knows them or not.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin account list --json\n",
	  cmd_account_list },
	{ "account show", "ADDRESS", 1, 1, json_options, COMMAND_USAGE,
	  "Show an account, and what to type into a mail program",
	  "Examples:\n"
	  "  yubin account show alice@example.org\n",
	  cmd_account_show },
	{ "account set", "ADDRESS [NAME=VALUE...]", 1, UINT_MAX, json_options,
	  COMMAND_USAGE, "Change settings of an account",
	  SETTINGS_TEXT SETTINGS_OF_ACCOUNTS(SETTING_LINE)
	  "\n"
	  "Examples:\n"
	  "  yubin account set alice@example.org login=no\n",
	  cmd_account_set },
	{ "account password", "ADDRESS", 1, 1, password_options, COMMAND_USAGE,
	  "Give an account a new password",
	  "Prints a generated one, once, on standard output.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin account password alice@example.org\n",
	  cmd_account_password },
	{ "account remove", "ADDRESS", 1, 1, remove_options, COMMAND_USAGE,
	  "Remove an account and all its mail",
	  "Says how many messages that are, and asks first.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin account remove alice@example.org\n",
	  cmd_account_remove },
	{ "account import", "FILE|-", 1, 1, import_options, COMMAND_USAGE,
	  "Make many accounts, from a list",
	  "A line is address, or address,password (quotes as in CSV), or one "
	  "of Dovecot's\n"
	  "passwd-files: user:{SCHEME}hash:... Without a password one is made "
	  "and printed as\n"
	  "address,password. Hashes of crypt(3) (yescrypt, bcrypt, SHA-512, "
	  "SHA-256),\n"
	  "SCRAM-SHA-256 and PLAIN are taken. Empty lines and those that begin "
	  "with # are\n"
	  "passed over. If a line is wrong, nothing is made (exit code 1), "
	  "or, with --continue,\n"
	  "the others are (exit code 3).\n"
	  "\n"
	  "Examples:\n"
	  "  yubin account import --dry-run /etc/dovecot/users\n",
	  cmd_account_import },
	{ "account app-password add", "ADDRESS [NAME]", 1, 2,
	  app_password_options, COMMAND_USAGE,
	  "Make a password for one device or program",
	  "Prints the password, once, on standard output. What is given away "
	  "so can be\n"
	  "taken back alone, and may be held to a protocol, to networks, to "
	  "reading and to\n"
	  "an end. Without NAME it is called app-1, app-2, ...\n",
	  cmd_app_password_add },
	{ "account app-password list", "ADDRESS", 1, 1, json_options,
	  COMMAND_USAGE, "List what logs in as an account",
	  "The main password is called \"main\".\n", cmd_app_password_list },
	{ "account app-password revoke", "ADDRESS NAME", 2, 2, json_options,
	  COMMAND_USAGE, "Take an app password back",
	  "Sessions that logged in with it end at once.\n",
	  cmd_app_password_revoke },
	{ "account certificate add", "ADDRESS FILE [NAME]", 2, 3,
	  certificate_options, COMMAND_USAGE,
	  "Let a client log in by its certificate",
	  "FILE is the client's certificate in PEM; of its key nothing is "
	  "needed here. The client\n"
	  "logs in by AUTH EXTERNAL, without a password, where a listener has "
	  "`client_certificates:\n"
	  "yes`: then `tls.client_ca` names who may issue such certificates, "
	  "and the client has\n"
	  "to own the key, within the certificate's dates. A certificate "
	  "belongs to one account;\n"
	  "a new one is added before the old one ends. Without NAME it is "
	  "called certificate-1,\n"
	  "certificate-2, ...\n"
	  "\n"
	  "Examples:\n"
	  "  yubin account certificate add alice@example.org laptop.pem "
	  "laptop\n",
	  cmd_certificate_add },
	{ "account certificate list", "[ADDRESS]", 0, 1, json_options,
	  COMMAND_USAGE, "Show who may log in by a certificate",
	  "Without ADDRESS: of all accounts. With --json also the SHA-256 of "
	  "each, as\n"
	  "`openssl x509 -noout -fingerprint -sha256` prints it, without "
	  "colons.\n",
	  cmd_certificate_list },
	{ "account certificate revoke", "ADDRESS NAME", 2, 2, json_options,
	  COMMAND_USAGE, "Take a client's certificate from an account",
	  "Sessions that logged in by it end at once.\n",
	  cmd_certificate_revoke },
	{ "account legacy allow", "ADDRESS MECHANISM [NAME]", 2, 3,
	  legacy_options, COMMAND_USAGE,
	  "Let a program that knows nothing better log in",
	  "For machines that cannot be replaced yet. Makes a secret for this "
	  "one program and\n"
	  "prints it, once, on standard output; the account's password and its "
	  "app passwords\n"
	  "are never taken from such a program. MECHANISM is one of\n"
	  "    apop         the POP3 command APOP\n"
	  "    cram-md5     AUTH CRAM-MD5\n"
	  "    scram-sha-1  AUTH SCRAM-SHA-1\n"
	  "    without-tls  USER and PASS, AUTH PLAIN or LOGIN, in clear\n"
	  "and has to stand under `legacy` of a listener, which offers none of "
	  "them otherwise:\n"
	  "    pop3: {address: [\"192.0.2.1:110\"], legacy: [apop, "
	  "without-tls]}\n"
	  "Without without-tls there, all of them want TLS. After --expires, a "
	  "year if nothing\n"
	  "else is said, the secret is as good as a wrong one. For apop and "
	  "cram-md5 it is\n"
	  "kept as it is: whoever reads the directory, or a backup of it, "
	  "reads it.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin account legacy allow scan@example.org apop copier\n"
	  "  yubin account legacy allow scan@example.org without-tls --from "
	  "192.0.2.0/24\n",
	  cmd_legacy_allow },
	{ "account legacy list", "[ADDRESS]", 0, 1, json_options,
	  COMMAND_USAGE, "Show who still logs in with what old programs know",
	  "With the mechanism, when it was last used, and until when it is "
	  "allowed. Without\n"
	  "ADDRESS: of all accounts.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin account legacy list\n",
	  cmd_legacy_list },
	{ "account legacy revoke", "ADDRESS NAME", 2, 2, json_options,
	  COMMAND_USAGE, "Take an old program's secret back",
	  "Sessions that logged in with it end at once.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin account legacy revoke scan@example.org copier\n",
	  cmd_legacy_revoke },
	{ "mail list", "ADDRESS", 1, 1, mail_list_options, COMMAND_USAGE,
	  "List the messages of a maildrop",
	  "Prints uid, UIDL, when it arrived, octets, From and Subject of "
	  "each. With\n"
	  "--deleted those that were deleted within undelete_days, with when "
	  "and by whom.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin mail list alice@example.org\n"
	  "  yubin mail list alice@example.org --deleted\n",
	  cmd_mail_list },
	{ "mail show", "ADDRESS MESSAGE", 2, 2, mail_show_options,
	  COMMAND_USAGE, "Show one message",
	  "MESSAGE is a uid or a UIDL. What a terminal would obey or not show "
	  "is printed\n"
	  "as \\xNN; `yubin mail export --eml` has the octets.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin mail show alice@example.org 17\n",
	  cmd_mail_show },
	{ "mail export", "ADDRESS DEST [MESSAGE...]", 2, UINT_MAX,
	  mail_export_options, COMMAND_USAGE,
	  "Write messages to a file or a Maildir",
	  "Each message is written octet for octet as it arrived, with CRLF "
	  "line ends.\n"
	  "Without MESSAGE: all. A DEST of - is standard output. In an mbox, "
	  "and only there,\n"
	  "lines that begin with \"From \", or with > before it, get one more "
	  ">. Exit code 3\n"
	  "if messages were freed meanwhile.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin mail export alice@example.org alice.mbox\n"
	  "  yubin mail export alice@example.org alice --maildir\n",
	  cmd_mail_export },
	{ "mail delete", "ADDRESS [MESSAGE...]", 1, UINT_MAX,
	  mail_delete_options, COMMAND_USAGE, "Delete messages",
	  "MESSAGE is a uid, first-last, or a UIDL. Says how many that are, "
	  "and asks first.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin mail delete alice@example.org 17 20-25\n",
	  cmd_mail_delete },
	{ "mail undelete", "ADDRESS [MESSAGE...]", 1, UINT_MAX,
	  mail_undelete_options, COMMAND_USAGE,
	  "Bring deleted messages back",
	  "Each gets a new uid and keeps its UIDL. --since and --session "
	  "choose among all\n"
	  "that were deleted. Exit code 1 if there was nothing to bring "
	  "back.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin mail undelete alice@example.org 17\n",
	  cmd_mail_undelete },
	{ "fsck", "[ADDRESS]", 0, 1, fsck_options, COMMAND_USAGE,
	  "Check every octet of mailboxes, beside the running server",
	  "Verifies every checksum, and what sessions see against the log. "
	  "Damage is named by\n"
	  "offset and message. With --repair damaged octets are put into "
	  "files damaged.* in\n"
	  "the mailbox's folder, and log and index are made anew of all that "
	  "is good. Exit\n"
	  "code 1 if there is damage that was not repaired; 3 if only in "
	  "some of several.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin fsck --all\n"
	  "  yubin fsck alice@example.org --repair\n"
	  "  yubin fsck --all --slowly --json\n",
	  cmd_fsck },
	{ "compact", "[ADDRESS]", 0, 1, compact_options, COMMAND_USAGE,
	  "Give back the space of mail that is gone",
	  "Writes mailboxes anew without mail whose undelete_days are over, "
	  "while mail comes\n"
	  "and goes. The server does so by itself where more than half, and "
	  "1 MiB, is dead.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin compact --all\n",
	  cmd_compact },
	{ "backup", "DEST", 1, 1, backup_options, COMMAND_USAGE,
	  "Copy all accounts and mail to a folder, while the server runs",
	  "Each run copies what is new, and is there whole: mail, the "
	  "directory, yubin.yaml,\n"
	  "the certificate and, for root, its key. A run that is interrupted "
	  "does not count.\n"
	  "Every octet that was copied is read back and its sums are checked; "
	  "--verify does\n"
	  "so again for a whole run, by the code that would read it after a "
	  "restore. Exit\n"
	  "code 3 if a mailbox is damaged.\n"
	  "\n"
	  "Examples:\n"
	  "    yubin backup /srv/backup\n"
	  "    yubin backup --verify /srv/backup\n", cmd_backup },
	{ "restore", "SOURCE [ADDRESS [UIDL...]]", 1, UINT_MAX, restore_options,
	  COMMAND_USAGE,
	  "Bring mail back out of a backup",
	  "With an address, beside the running server: messages that its "
	  "mailbox had then and\n"
	  "does not show now come back, with their UIDLs; nothing is removed. "
	  "An account that\n"
	  "is gone is made anew first, with its password, devices and settings. "
	  "With --all:\n"
	  "accounts and mail, into a server that is stopped and has none "
	  "(after `yubin init`).\n"
	  "UIDLs stay; UIDVALIDITY changes where a mailbox is made anew.\n"
	  "\n"
	  "Examples:\n"
	  "    yubin restore /srv/backup alice@example.org --until 2h\n"
	  "    yubin restore /srv/backup --all\n",
	  cmd_restore },
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
	  "other error\n"
	  "\n"
	  "Examples:\n"
	  "  yubin deliver -f bob@example.net alice@example.org < message.eml\n",
	  cmd_deliver },
	{ "bench", "CASE HOST:PORT", 2, 2, bench_options, COMMAND_USAGE,
	  "Measure a mail server, this one or any other, and check each answer",
	  "Cases:\n"
	  "  pop3-empty  sessions that find nothing: USER, PASS, STAT, UIDL, "
	  "QUIT\n"
	  "  pop3-fetch  sessions that fetch all: USER, PASS, LIST, RETR of "
	  "each, QUIT\n"
	  "  pop3-login  logins, such as those of many accounts: USER, PASS, "
	  "QUIT\n"
	  "  pop3-idle   connections that log in and say nothing: their "
	  "memory\n"
	  "  lmtp        deliveries by LMTP, many over one connection\n"
	  "  smtp        deliveries by SMTP, many over one connection\n"
	  "\n"
	  "Every connection begins its next session as soon as the last has "
	  "ended. A wrong\n"
	  "answer, a message that is not as LIST says, or a refused step is an "
	  "error; errors\n"
	  "are counted, the first is shown, and the exit code is then 1. Load "
	  "and server\n"
	  "should run on different cores: taskset helps.\n"
	  "\n"
	  "--idle connections log in before anything is measured; with --pid "
	  "or --cgroup the\n"
	  "memory that the server needs for each of them is told. --slow ones "
	  "say their\n"
	  "sessions an octet at a time; that a server ends them is no error. "
	  "A login storm is\n"
	  "pop3-login with many --accounts, an idle crowd pop3-idle with many "
	  "--connections.\n"
	  "\n"
	  "Examples:\n"
	  "  yubin bench pop3-fetch -c 50 --stls --user alice@example.org \\\n"
	  "      --password secret 127.0.0.1:110\n"
	  "  yubin bench pop3-idle -c 5000 --users e%04d --accounts 100 \\\n"
	  "      --password secret --pid 4711 127.0.0.1:110\n"
	  "  yubin bench lmtp --count 1000 --user alice@example.org 127.0.0.1:24\n",
	  cmd_bench },
};

const size_t commands_n = sizeof commands / sizeof commands[0];
