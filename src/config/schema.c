#include "config/schema.h"

#include "base/cleanup.h"

#define AT(member) \
	offsetof(struct config, member), sizeof(((struct config *)NULL)->member)

static const char *const plain_login_choices[] = { "never", "loopback", NULL };
static const char *const scram_choices[] = { "auto", "on", "off", NULL };
static const char *const utf8_mail_choices[] = { "as-is", "refuse", NULL };
static const char *const directory_choices[] = { "sqlite", "command", NULL };
static const char *const passwords_choices[] = { "hash", "check", NULL };
static const char *const on_failure_choices[] = { "deny", "allow", NULL };
static const char *const language_choices[] = { "en", "ja", NULL };
/* As CONFIG_DELIMITERS, and none. */
static const char *const delimiter_choices[] = { "+", "-", "=", "none", NULL };

enum {
	/* One process a core is the best; more only helps to test. */
	WORKERS_MAX = 64,
	/* What is open on a busy machine; the kernel's limit comes first. */
	CONNECTIONS_MAX = 1000000,
	/* Ten years: who wants more keeps a backup. */
	UNDELETE_DAYS_MAX = 3650,
	/* RFC 5321 4.5.3.2.1: a client waits five minutes for the greeting;
	 * beyond some seconds real ones give up. */
	GREETING_DELAY_MAX = 30000,
	/* Below, a worker cannot even hold its administrator's clients. */
	CONNECTIONS_MIN = 4,
	/* As COMMAND_PROCESSES_MAX of server/command.h. */
	PROCESSES_MAX = 32,
	/* Below, a busy machine is taken for a broken program; above, mail
	 * programs give up before it. */
	TIMEOUT_MIN = 50,
	TIMEOUT_MAX = 30000,
	/* A day: who is gone outside is gone here by tomorrow. */
	CACHE_MAX = 24 * 60 * 60,
	/* As TOKENS_CACHE_MAX_S of auth/token.h. */
	TOKEN_SECONDS_MAX = 3600,
};

/* A terabyte: more is no ballast. */
#define BALLAST_MOST (1024ull * 1024 * 1024 * 1024)
/* RFC 5321 4.5.3.1.7: "a minimum of 64K octets" for a message. */
#define MESSAGE_SIZE_LEAST (64ull * 1024)
/* Clients that count octets in signed 32 bits exist. */
#define MESSAGE_SIZE_MOST (2ull * 1024 * 1024 * 1024 - 1024 * 1024)

/* As SETTING_BOOL counts. */
static const char *const bool_choices[] = { "no", "yes", NULL };

/* `defaults:` has a key for each setting of accounts and domains. */
#define KIND_OF(type)                              \
	((type) == SETTING_BOOL     ? FIELD_CHOICE \
	 : (type) == SETTING_OCTETS ? FIELD_OCTETS \
				    : FIELD_COUNT)
#define SETTING_ROW(name, type, least, most, text, value, where, help) \
	{                                                              \
		"defaults",                                            \
		#name,                                                 \
		KIND_OF(type),                                         \
		false,                                                 \
		AT(defaults[SETTING_##name]),                          \
		least,                                                 \
		most,                                                  \
		bool_choices,                                          \
		text,                                                  \
		help,                                                  \
		FIELD_LIVE                                             \
	},

const struct config_field config_fields[] = {
	{ "", "config_version", FIELD_VERSION, false, AT(version),
	  CONFIG_VERSION, CONFIG_VERSION, NULL, "1", "The form of this file.",
	  FIELD_RESTART },
	{ "", "hostname", FIELD_DOMAIN, true, AT(hostname), 0, 0, NULL, "",
	  "The name of this server in greetings and certificates.\n"
	  "Without it: the machine's own name.",
	  FIELD_LIVE },
	{ "", "default_domain", FIELD_DOMAIN, true, AT(default_domain), 0, 0,
	  NULL, "", "\"alice\" as a login name means alice@ this domain.",
	  FIELD_LIVE },
	{ "", "help_url", FIELD_URL, true, AT(help_url), 0, 0, NULL, "",
	  "Shown to users whose login failed.", FIELD_LIVE },
	{ "", "plain_login", FIELD_CHOICE, false, AT(plain_login), 0, 0,
	  plain_login_choices, "never",
	  "Passwords without TLS: never | loopback (from this machine).",
	  FIELD_LIVE },
	{ "", "scram", FIELD_CHOICE, false, AT(scram), 0, 0, scram_choices,
	  "auto",
	  "Offer SCRAM: auto (unless accounts have hashes from elsewhere,\n"
	  "which SCRAM cannot check) | on | off.",
	  FIELD_LIVE },
	{ "", "utf8_mail", FIELD_CHOICE, false, AT(utf8_mail), 0, 0,
	  utf8_mail_choices, "as-is",
	  "Mail with 8-bit headers for POP3 clients that did not ask for\n"
	  "UTF8 (RFC 6856): as-is | refuse (with -ERR [UTF8]).",
	  FIELD_LIVE },
	{ "", "language", FIELD_CHOICE, false, AT(language), 0, 0,
	  language_choices, "en", "What POP3's \"LANG *\" means: en | ja.",
	  FIELD_LIVE },
	{ "", "recipient_delimiter", FIELD_CHOICE, false,
	  AT(recipient_delimiter), 0, 0, delimiter_choices, "+",
	  "Mail to alice+list goes to alice: + | - | = | none.",
	  FIELD_RESTART },
	{ "", "store", FIELD_PATH, false, AT(store_path), 0, 0, NULL,
	  "/var/lib/yubin/store",
	  "The folder of all mail. Relative paths start at this file's "
	  "folder.",
	  FIELD_RESTART },
	{ "", "directory", FIELD_PATH, false, AT(directory_path), 0, 0, NULL,
	  "/var/lib/yubin/auth/directory.db",
	  "The file of domains, accounts and credentials.", FIELD_RESTART },
	{ "", "run", FIELD_PATH, false, AT(run_path), 0, 0, NULL, "/run/yubin",
	  "The folder of sockets: control, lmtp.", FIELD_RESTART },
	{ "", "log", FIELD_PATH, true, AT(log_path), 0, 0, NULL, "",
	  "A file for the log; empty is standard error.", FIELD_LIVE },
	{ "", "user", FIELD_USER, false, AT(user), 0, 0, NULL, "yubin",
	  "Started by root, the server becomes this user, and the ones with\n"
	  "-auth and -worker behind it.",
	  FIELD_RESTART },
	{ "", "workers", FIELD_COUNT, false, AT(workers), 0, WORKERS_MAX, NULL,
	  "0", "Processes that talk to clients; 0 is one a core.",
	  FIELD_RESTART },
	{ "", "message_size_max", FIELD_OCTETS, false, AT(message_size_max),
	  MESSAGE_SIZE_LEAST, MESSAGE_SIZE_MOST, NULL, "50M",
	  "The largest message taken in, in octets: 500K, 50M, 1G.",
	  FIELD_LIVE },
	{ "", "connections_max", FIELD_COUNT, false, AT(connections_max),
	  CONNECTIONS_MIN, CONNECTIONS_MAX, NULL, "8000",
	  "Connections at a time, for each worker.", FIELD_LIVE },
	{ "", "connections_per_address_max", FIELD_COUNT, false,
	  AT(connections_per_address_max), 1, CONNECTIONS_MAX, NULL, "100",
	  "The same from one address (IPv6: one /64).", FIELD_LIVE },
	{ "", "smtp_greeting_delay", FIELD_COUNT, false,
	  AT(smtp_greeting_delay), 0, GREETING_DELAY_MAX, NULL, "2",
	  "SMTP greets after so many milliseconds. Who talks before that is\n"
	  "turned away, as many senders of unwanted mail are.",
	  FIELD_LIVE },
	{ "", "proxy_networks", FIELD_NETWORKS, true, AT(proxy_networks), 0, 0,
	  NULL, "",
	  "Proxies in front of this server, as in [\"192.0.2.0/24\", "
	  "\"::1\"].\n"
	  "Every connection from there, to any service, must begin with a\n"
	  "PROXY header (v1 or v2); from elsewhere a header is an error.",
	  FIELD_LIVE },
	{ "", "xclient_networks", FIELD_NETWORKS, true, AT(xclient_networks), 0,
	  0, NULL, "",
	  "Who may say by XCLIENT, over SMTP and LMTP, for whom he speaks.",
	  FIELD_LIVE },
	{ "", "undelete_days", FIELD_COUNT, false, AT(undelete_days), 0,
	  UNDELETE_DAYS_MAX, NULL, "7",
	  "Deleted mail can be brought back for so many days (`yubin mail\n"
	  "undelete`) and takes space as long; 0 frees it at once.",
	  FIELD_RESTART },
	{ "", "ballast", FIELD_OCTETS, false, AT(ballast), 0, BALLAST_MOST,
	  NULL, "64M",
	  "Space kept free on the store's disk, so that deleting works when "
	  "it\n"
	  "is full; 0 is none.",
	  FIELD_RESTART },
	{ "", "mass_delete_percent", FIELD_COUNT, false,
	  AT(mass_delete_percent), 0, 100, NULL, "50",
	  "A session that deletes this share of a maildrop, and at least\n"
	  "mass_delete_least messages, is told of in the log; 0 is never.",
	  FIELD_LIVE },
	{ "", "mass_delete_least", FIELD_COUNT, false, AT(mass_delete_least), 1,
	  UINT32_MAX, NULL, "100", "", FIELD_LIVE },
	/* clang-format off */
	SETTINGS_SHARED(SETTING_ROW)
	/* clang-format on */
	{ "accounts", "directory", FIELD_CHOICE, false, AT(accounts_directory),
	  0, 0, directory_choices, "sqlite",
	  "Who knows the accounts: sqlite (this server, by `yubin account`) |\n"
	  "command (a program, for LDAP or SQL: docs/guide/commands.md).",
	  FIELD_RESTART },
	{ "accounts", "command", FIELD_PATH, true, AT(accounts_command), 0, 0,
	  NULL, "", "That program.", FIELD_LIVE },
	{ "accounts", "passwords", FIELD_CHOICE, false, AT(accounts_passwords),
	  0, 0, passwords_choices, "hash",
	  "The program gives a hash | it checks passwords, and sees them.",
	  FIELD_RESTART },
	{ "accounts", "processes", FIELD_COUNT, false, AT(accounts_processes),
	  1, PROCESSES_MAX, NULL, "4", "Of the program, at a time.",
	  FIELD_LIVE },
	{ "accounts", "timeout", FIELD_COUNT, false, AT(accounts_timeout),
	  TIMEOUT_MIN, TIMEOUT_MAX, NULL, "5000",
	  "Milliseconds that it has for an answer.", FIELD_LIVE },
	{ "accounts", "cache", FIELD_COUNT, false, AT(accounts_cache), 1,
	  CACHE_MAX, NULL, "300", "Seconds for which an answer counts, ...",
	  FIELD_LIVE },
	{ "accounts", "cache_unknown", FIELD_COUNT, false,
	  AT(accounts_cache_unknown), 1, CACHE_MAX, NULL, "60",
	  "... and one that there is no such account.", FIELD_LIVE },
	{ "policy", "command", FIELD_PATH, true, AT(policy_command), 0, 0, NULL,
	  "",
	  "A program that is asked before each login is checked: allow, delay\n"
	  "or deny (docs/guide/commands.md). Empty is none.",
	  FIELD_LIVE },
	{ "policy", "processes", FIELD_COUNT, false, AT(policy_processes), 1,
	  PROCESSES_MAX, NULL, "4", "Of the program, at a time.", FIELD_LIVE },
	{ "policy", "timeout", FIELD_COUNT, false, AT(policy_timeout),
	  TIMEOUT_MIN, TIMEOUT_MAX, NULL, "3000",
	  "Milliseconds that it has for an answer.", FIELD_LIVE },
	{ "policy", "on_failure", FIELD_CHOICE, false, AT(policy_on_failure), 0,
	  0, on_failure_choices, "deny",
	  "Without an answer logins are put off (deny) or go on (allow).",
	  FIELD_LIVE },
	{ "policy", "outcomes", FIELD_CHOICE, false, AT(policy_outcomes), 0, 0,
	  bool_choices, "no", "Tell it how each login went: no | yes.",
	  FIELD_LIVE },
	{ "oauth", "introspection_url", FIELD_ENDPOINT, true,
	  AT(oauth_introspection_url), 0, 0, NULL, "",
	  "Logins with access tokens (OAUTHBEARER, XOAUTH2), about which this\n"
	  "address is asked (RFC 7662); docs/guide/oauth.md. Empty: none.",
	  FIELD_LIVE },
	{ "oauth", "client_id", FIELD_TEXT, true, AT(oauth_client_id), 0, 0,
	  NULL, "", "Who this server is there, and the file of its secret.",
	  FIELD_LIVE },
	{ "oauth", "client_secret_file", FIELD_PATH, true,
	  AT(oauth_client_secret_file), 0, 0, NULL, "", "", FIELD_LIVE },
	{ "oauth", "ca", FIELD_PATH, true, AT(oauth_ca), 0, 0, NULL, "",
	  "Who may have signed its certificate, PEM; empty is whom the system\n"
	  "trusts.",
	  FIELD_LIVE },
	{ "oauth", "command", FIELD_PATH, true, AT(oauth_command), 0, 0, NULL,
	  "", "A program that is asked instead (docs/guide/commands.md).",
	  FIELD_LIVE },
	{ "oauth", "processes", FIELD_COUNT, false, AT(oauth_processes), 1,
	  PROCESSES_MAX, NULL, "4", "Of the program, at a time.", FIELD_LIVE },
	{ "oauth", "timeout", FIELD_COUNT, false, AT(oauth_timeout),
	  TIMEOUT_MIN, TIMEOUT_MAX, NULL, "5000",
	  "Milliseconds to wait for an answer.", FIELD_LIVE },
	{ "oauth", "cache_seconds", FIELD_COUNT, false, AT(oauth_cache_seconds),
	  0, TOKEN_SECONDS_MAX, NULL, "300",
	  "A good answer counts for so long, and no longer than the token: so\n"
	  "long may a revoked one still be good.",
	  FIELD_LIVE },
	{ "oauth", "claim", FIELD_TEXT, false, AT(oauth_claim), 0, 0, NULL,
	  "username",
	  "What of the answer names the account: username, email, sub, ...",
	  FIELD_LIVE },
	{ "oauth", "audience", FIELD_TEXT, true, AT(oauth_audience), 0, 0, NULL,
	  "", "Must be among a token's \"aud\"; empty: it does not matter.",
	  FIELD_LIVE },
	{ "oauth", "scope", FIELD_TEXT, true, AT(oauth_scope), 0, 0, NULL, "",
	  "What a token must be good for; mail programs are told.",
	  FIELD_LIVE },
	{ "oauth", "openid_configuration", FIELD_ENDPOINT, true,
	  AT(oauth_openid_configuration), 0, 0, NULL, "",
	  "Where mail programs learn how to get a token; they are told.",
	  FIELD_LIVE },
	{ "oauth", "host", FIELD_DOMAIN, true, AT(oauth_host), 0, 0, NULL, "",
	  "The only name that a mail program may say it has connected to, if "
	  "it\n"
	  "says one; empty: it does not matter.",
	  FIELD_LIVE },
	{ "tls", "certificate", FIELD_PATH, false, AT(certificate), 0, 0, NULL,
	  "tls/server.pem",
	  "The server's certificate with its chain, and its key, PEM.",
	  FIELD_LIVE },
	{ "tls", "key", FIELD_PATH, false, AT(private_key), 0, 0, NULL,
	  "tls/server.key", "", FIELD_LIVE },
	{ "tls", "client_ca", FIELD_PATH, true, AT(client_ca), 0, 0, NULL, "",
	  "Certificates of authorities whose clients may log in by theirs, "
	  "PEM,\n"
	  "where a listener has client_certificates: yes.",
	  FIELD_LIVE },
};

const size_t config_fields_n = ARRAY_LEN(config_fields);

enum {
	OFF = 1u << CONFIG_TLS_OFF,
	START = 1u << CONFIG_TLS_START,
	IMPLICIT = 1u << CONFIG_TLS_IMPLICIT,
};

const struct config_service_rule config_service_rules[CONFIG_SERVICES] = {
	[CONFIG_POP3] = { "pop3",
			  { "0.0.0.0:110", "[::]:110" },
			  OFF | START,
			  CONFIG_TLS_START,
			  false,
			  "mail out, TLS on demand (STLS)",
			  false,
			  true },
	[CONFIG_POP3S] = { "pop3s",
			   { "0.0.0.0:995", "[::]:995" },
			   IMPLICIT,
			   CONFIG_TLS_IMPLICIT,
			   false,
			   "mail out, TLS from the start",
			   false,
			   true },
	[CONFIG_SMTP] = { "smtp",
			  { "0.0.0.0:25", "[::]:25" },
			  OFF | START,
			  CONFIG_TLS_START,
			  false,
			  "mail in, from other servers",
			  false,
			  false },
	[CONFIG_LMTP] = { "lmtp",
			  { NULL, NULL },
			  OFF | START,
			  CONFIG_TLS_OFF,
			  false,
			  "mail in, from Postfix or `yubin deliver`",
			  false,
			  false },
	[CONFIG_METRICS] = { "metrics",
			     { "127.0.0.1:9910", NULL },
			     OFF,
			     CONFIG_TLS_OFF,
			     true,
			     "counters for Prometheus, /livez and /readyz, by "
			     "HTTP",
			     false,
			     false },
	[CONFIG_AUTH] = { "auth",
			  { NULL, NULL },
			  OFF,
			  CONFIG_TLS_OFF,
			  true,
			  "logins for Postfix and Exim, as Dovecot's auth "
			  "socket has them",
			  true,
			  false },
};
