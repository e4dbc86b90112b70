/*
 * The configuration: what is taken, and that every mistake is told with its
 * line, its column, its word and the way out; all of them at once.
 */
#include "unit/unit.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "config/config.h"

enum { KEPT_MAX = 128 };

struct kept {
	size_t n;
	struct config_problem list[KEPT_MAX];
};

static void keep(void *ctx, const struct config_problem *p)
{
	struct kept *k = ctx;

	assert_true(k->n < KEPT_MAX);
	k->list[k->n++] = *p;
}

static const char file[] = "/srv/post/yubin.yaml";

static enum yb_err parse(struct span yaml, struct kept *k, struct config *c)
{
	k->n = 0;
	return config_parse(yaml, file, keep, k, c);
}

static void parse_good(const char *yaml, struct config *c)
{
	struct kept k;

	if (parse(span_str(yaml), &k, c) != YB_OK)
		fail_msg("refused: %u:%u: %s\n%s", k.list[0].line,
			 k.list[0].column, k.list[0].text, yaml);
	assert_int_equal(k.n, 0);
}

/* ---- what is taken ---- */

static void test_empty_file_means_defaults(void **state)
{
	static const char *const texts[] = { "",
					     "# nothing\n",
					     "---\n",
					     "\n\n",
					     "{}\n",
					     "--- {}\n...\n",
					     "\xef\xbb\xbf# with a BOM\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct config c;

		parse_good(texts[i], &c);
		assert_string_equal(c.file, file);
		assert_string_equal(c.base, "/srv/post");
		assert_string_equal(c.store_path, "/var/lib/yubin/store");
		assert_string_equal(c.directory_path,
				    "/var/lib/yubin/auth/directory.db");
		assert_string_equal(c.run_path, "/run/yubin");
		assert_string_equal(c.certificate, "/srv/post/tls/server.pem");
		assert_string_equal(c.private_key, "/srv/post/tls/server.key");
		assert_string_equal(c.log_path, "");
		assert_string_equal(c.user, "yubin");
		assert_string_equal(c.default_domain, "");
		assert_true(c.hostname[0] != 0);
		assert_int_equal(c.plain_login, CONFIG_PLAIN_NEVER);
		assert_int_equal(c.utf8_mail, CONFIG_UTF8_AS_IS);
		assert_int_equal(c.language, CONFIG_LANGUAGE_EN);
		assert_int_equal(c.message_size_max, 50 * 1024 * 1024);
		assert_int_equal(c.workers, 0);
		assert_int_equal(c.listeners_n, 8);
		assert_string_equal(c.listeners[6].address, "/run/yubin/lmtp");
		assert_string_equal(c.listeners[7].address, "127.0.0.1:9910");
		assert_true(config_needs_tls(&c));
	}
}

static const char full[] =
	"config_version: 1\n"
	"hostname: Mail.Example.org\n"
	"default_domain: example.org   # comment\n"
	"help_url: \"https://example.org/help?a=b\"\n"
	"plain_login: loopback\n"
	"utf8_mail: refuse\n"
	"language: ja\n"
	"store: store\n"
	"directory: ./auth/directory.db\n"
	"run: run/\n"
	"log: '/var/log/yubin.log'\n"
	"user: _mail-2\n"
	"workers: 3\n"
	"message_size_max: 2 MiB\n"
	"connections_max: 500\n"
	"connections_per_address_max: 20\n"
	"smtp_greeting_delay: 250\n"
	"proxy_networks: [\"192.0.2.0/24\", \"2001:db8::/32\"]\n"
	"xclient_networks: 10.0.0.1\n"
	"tls:\n"
	"  certificate: /etc/ssl/mail.pem\n"
	"  key: keys/mail.key\n"
	"listeners:\n"
	"  pop3:  {address: [\"127.0.0.1:2110\", \"[::1]:2110\"], tls: off}\n"
	"  pop3s: {address: \"127.0.0.1:2995\"}\n"
	"  smtp:\n"
	"    address:\n"
	"    - 127.0.0.1:2025\n"
	"    tls: starttls\n"
	"  lmtp: {address: [run/lmtp, /tmp/lmtp, \"127.0.0.1:2024\"], "
	"tls: starttls}\n";

static void test_every_key(void **state)
{
	struct config c;

	(void)state;
	parse_good(full, &c);
	assert_string_equal(c.hostname, "Mail.Example.org");
	assert_string_equal(c.default_domain, "example.org");
	assert_string_equal(c.help_url, "https://example.org/help?a=b");
	assert_int_equal(c.plain_login, CONFIG_PLAIN_LOOPBACK);
	assert_int_equal(c.utf8_mail, CONFIG_UTF8_REFUSE);
	assert_int_equal(c.language, CONFIG_LANGUAGE_JA);
	assert_string_equal(c.store_path, "/srv/post/store");
	assert_string_equal(c.directory_path, "/srv/post/auth/directory.db");
	assert_string_equal(c.run_path, "/srv/post/run");
	assert_string_equal(c.log_path, "/var/log/yubin.log");
	assert_string_equal(c.user, "_mail-2");
	assert_int_equal(c.workers, 3);
	assert_int_equal(c.message_size_max, 2 * 1024 * 1024);
	assert_int_equal(c.connections_max, 500);
	assert_int_equal(c.connections_per_address_max, 20);
	assert_int_equal(c.smtp_greeting_delay, 250);
	assert_string_equal(c.proxy_networks, "192.0.2.0/24, 2001:db8::/32");
	assert_string_equal(c.xclient_networks, "10.0.0.1");
	assert_string_equal(c.certificate, "/etc/ssl/mail.pem");
	assert_string_equal(c.private_key, "/srv/post/keys/mail.key");
	assert_int_equal(c.listeners_n, 7);
	assert_int_equal(c.listeners[0].service, CONFIG_POP3);
	assert_int_equal(c.listeners[0].tls, CONFIG_TLS_OFF);
	assert_string_equal(c.listeners[1].address, "[::1]:2110");
	assert_int_equal(c.listeners[2].tls, CONFIG_TLS_IMPLICIT);
	assert_int_equal(c.listeners[3].tls, CONFIG_TLS_START);
	/* On a Unix socket TLS protects nothing. */
	assert_string_equal(c.listeners[4].address, "/srv/post/run/lmtp");
	assert_int_equal(c.listeners[4].tls, CONFIG_TLS_OFF);
	assert_string_equal(c.listeners[5].address, "/tmp/lmtp");
	assert_int_equal(c.listeners[6].tls, CONFIG_TLS_START);
}

static void test_certificates(void **state)
{
	struct config c;

	(void)state;
	parse_good("tls:\n  certificates:\n"
		   "  - {certificate: a.pem, key: /k/a.key}\n"
		   "  - certificate: b.pem\n    key: b.key\n",
		   &c);
	assert_int_equal(config_pairs(&c), 3);
	assert_string_equal(config_pair_certificate(&c, 0),
			    "/srv/post/tls/server.pem");
	assert_string_equal(config_pair_certificate(&c, 1), "/srv/post/a.pem");
	assert_string_equal(config_pair_key(&c, 1), "/k/a.key");
	assert_string_equal(config_pair_key(&c, 2), "/srv/post/b.key");
	parse_good("run: r\nlisteners: {lmtp: {}}\n", &c);
	assert_int_equal(config_pairs(&c), 0); /* nobody speaks TLS */
}

/* Listeners of one service that differ, and what old programs may do there. */
static void test_legacy(void **state)
{
	struct config c;
	struct buf out;

	(void)state;
	parse_good("listeners:\n  pop3:\n"
		   "    - {address: \"127.0.0.1:110\"}\n"
		   "    - address: [\"127.0.0.1:1110\", \"[::1]:1110\"]\n"
		   "      legacy: [apop, without-tls, cram-md5]\n"
		   "  pop3s: {legacy: scram-sha-1}\n",
		   &c);
	assert_int_equal(c.listeners_n, 5);
	assert_int_equal(c.listeners[0].legacy, 0);
	assert_int_equal(c.listeners[0].tls, CONFIG_TLS_START);
	for (int i = 1; i < 3; i++)
		assert_int_equal(c.listeners[i].legacy,
				 CONFIG_LEGACY_APOP | CONFIG_LEGACY_CRAM_MD5 |
					 CONFIG_LEGACY_WITHOUT_TLS);
	assert_int_equal(c.listeners[3].legacy, CONFIG_LEGACY_SCRAM_SHA_1);
	buf_init(&out, 4096);
	assert_ok(config_show(&c, &out));
	assert_ok(buf_add_u8(&out, 0));
	assert_non_null(
		strstr((const char *)out.p,
		       "  pop3:\n"
		       "    - {address: [\"127.0.0.1:110\"], tls: starttls}\n"
		       "    - {address: [\"127.0.0.1:1110\", \"[::1]:1110\"], "
		       "tls: starttls, legacy: [apop, cram-md5, without-tls]}\n"
		       "  pop3s: {address: [\"0.0.0.0:995\", \"[::]:995\"], "
		       "tls: implicit, legacy: [scram-sha-1]}\n"));
	/* What is shown can be read. */
	parse_good("tls: {client_ca: a.pem}\n"
		   "listeners:\n  pop3s: {client_certificates: yes}\n",
		   &c);
	assert_string_equal(c.client_ca, "/srv/post/a.pem");
	assert_int_equal(c.listeners[0].client_certificates, 1);
	parse_good((const char *)out.p, &c);
	assert_int_equal(c.listeners[2].legacy,
			 CONFIG_LEGACY_APOP | CONFIG_LEGACY_CRAM_MD5 |
				 CONFIG_LEGACY_WITHOUT_TLS);
	buf_done(&out);
}

static void test_listener_defaults(void **state)
{
	struct config c;

	(void)state;
	parse_good("run: r\nlisteners:\n  lmtp:\n  pop3: {tls: off}\n", &c);
	assert_int_equal(c.listeners_n, 3);
	assert_string_equal(c.listeners[0].address, "/srv/post/r/lmtp");
	assert_string_equal(c.listeners[1].address, "0.0.0.0:110");
	assert_int_equal(c.listeners[1].tls, CONFIG_TLS_OFF);
	assert_false(config_needs_tls(&c));
	/* The order of keys does not matter: lmtp still knows `run`. */
	parse_good("listeners: {lmtp: {}}\nrun: r\n", &c);
	assert_string_equal(c.listeners[0].address, "/srv/post/r/lmtp");
}

/* ---- what is refused ---- */

struct bad {
	const char *yaml;
	unsigned line, column;
	const char *text; /* part of the first problem */
};

static const struct bad bads[] = {
	/* Unknown keys refuse to start (threat 64), with the nearest name. */
	{ "hostnam: x\n", 1, 1,
	  "unknown key \"hostnam\"; did you mean \"hostname\"?" },
	{ "a: 1\n", 1, 1, "unknown key \"a\"" },
	{ "\n\nmessage_maxsize: 1M\n", 3, 1, "unknown key" },
	{ "listner: {}\n", 1, 1, "did you mean \"listeners\"?" },
	{ "tsl: {}\n", 1, 1, "did you mean \"tls\"?" },
	{ "certificate: x\n", 1, 1,
	  "\"certificate\" does not stand here; it "
	  "belongs under tls" },
	{ "tls: {workers: 3}\n", 1, 7, "belongs at the left edge" },
	{ "tls:\n  certifcate: x\n", 2, 3,
	  "unknown key \"certifcate\" in tls; did you mean \"certificate\"?" },
	/* Settings of later versions are no settings yet. */
	{ "utf8_mail: asis\n", 1, 12, "\"asis\" is not one of as-is" },
	{ "defaults:\n  login_delay: 1\n", 2, 3,
	  "unknown key \"login_delay\" in defaults" },
	/* Values. */
	{ "config_version: 2\n", 1, 17,
	  "\"2\" is of a newer Yubin: this program knows 1" },
	{ "config_version: yes\n", 1, 17, "\"yes\" is no version" },
	{ "hostname: mail_1\n", 1, 11, "\"mail_1\" is not a domain name" },
	{ "hostname: -a.b\n", 1, 11, "\"-a.b\" is not a domain name" },
	{ "hostname: a..b\n", 1, 11, "\"a..b\" is not a domain name" },
	{ "hostname: a.b.\n", 1, 11, "\"a.b.\" is not a domain name" },
	{ "hostname: \"a\\0b\"\n", 1, 11, "\"a\\x00b\" is not a domain" },
	{ "hostname: \"a\\e[31mb\"\n", 1, 11, "\"a\\x1b[31mb\" is not" },
	{ "hostname:\n", 1, 1, "hostname has no value" },
	{ "hostname: [a, b]\n", 1, 11, "hostname takes one value, not a list" },
	{ "hostname: {a: b}\n", 1, 11, "hostname takes one value, not a map" },
	{ "help_url: example.org\n", 1, 11, "\"example.org\" is not an" },
	{ "help_url: \"https://a b\"\n", 1, 11, "is not an address" },
	{ "plain_login: loopbak\n", 1, 14,
	  "\"loopbak\" is not one of never, loopback; did you mean "
	  "\"loopback\"?" },
	{ "plain_login: yes\n", 1, 14, "\"yes\" is not one of never" },
	{ "plain_login: \"\"\n", 1, 14, "plain_login: must not be empty" },
	{ "store: \"\"\n", 1, 8, "store: must not be empty" },
	{ "store: \"a\\nb\"\n", 1, 8, "has a control character" },
	{ "user: Root\n", 1, 7, "\"Root\" is not a system user's name" },
	{ "user: abcdefghijklmnopqrstuvwxy\n", 1, 7, "at most 24" },
	{ "workers: -1\n", 1, 10, "\"-1\" is not a number from 0 to 64" },
	{ "workers: 65\n", 1, 10, "\"65\" is not a number from 0 to 64" },
	{ "workers: 03\n", 1, 10, "\"03\" is not a number" },
	{ "workers: 1e1\n", 1, 10, "\"1e1\" is not a number" },
	{ "workers: 18446744073709551617\n", 1, 10, "is not a number" },
	{ "workers: 1K\n", 1, 10, "\"1K\" is not a number" },
	{ "message_size_max: 1K\n", 1, 19,
	  "\"1K\" is not a number from 64K to 2047M, such as 500K" },
	{ "message_size_max: 99999999999999999999G\n", 1, 19, "is not a" },
	{ "message_size_max: 18014398509481985K\n", 1, 19, "is not a" },
	{ "message_size_max: 50X\n", 1, 19, "\"50X\" is not a number" },
	{ "message_size_max: M\n", 1, 19, "\"M\" is not a number" },
	{ "connections_max: 0\n", 1, 18, "\"0\" is not a number from 4" },
	/* Tokens go over TLS, or to this machine. */
	{ "oauth: {introspection_url: \"http://id.example.org/\"}\n", 1, 28,
	  "\"http://id.example.org/\" is not an address that starts with "
	  "https:// (http:// to this machine alone" },
	{ "oauth: {introspection_url: \"http://127.0.0.1.a.org/\"}\n", 1, 28,
	  "is not an address" },
	{ "oauth: {introspection_url: \"http://localhost@a.org/\"}\n", 1, 28,
	  "is not an address" },
	{ "oauth: {introspection_url: \"https://a@b.org/\"}\n", 1, 28,
	  "is not an address" },
	{ "oauth: {introspection_url: id.example.org}\n", 1, 28,
	  "is not an address" },
	{ "oauth: {openid_configuration: \"http://a.org/\"}\n", 1, 31,
	  "is not an address that starts with https://" },
	{ "oauth: {scope: \"a\\tb\"}\n", 1, 16, "is not text" },
	{ "oauth: {scope: \" a\"}\n", 1, 16, "is not text" },
	{ "oauth: {claim: \"\"}\n", 1, 16, "claim: must not be empty" },
	{ "oauth: {cache_seconds: 3601}\n", 1, 24, "from 0 to 3600" },
	{ "oauth: {introspection_uri: \"https://a\"}\n", 1, 9,
	  "did you mean \"introspection_url\"?" },
	{ "oauth:\n  introspection_url: \"https://a\"\n  command: /b\n", 3, 3,
	  "introspection_url and command are two ways to ask" },
	{ "oauth:\n  introspection_url: \"https://a\"\n  client_id: b\n", 3, 3,
	  "client_id and client_secret_file go together" },
	{ "oauth:\n  introspection_url: \"https://a\"\n"
	  "  client_secret_file: b\n",
	  3, 3, "client_id and client_secret_file go together" },
	{ "oauth:\n  command: /b\n  ca: b\n", 3, 3,
	  "oauth: ca means nothing without introspection_url" },
	{ "oauth: {client_id: b}\n", 1, 9,
	  "oauth: client_id means nothing without introspection_url" },
	/* Twice. */
	{ "workers: 1\nhostname: a\nworkers: 2\n", 3, 1,
	  "\"workers\" stands already on line 1" },
	{ "tls: {}\ntls: {}\n", 2, 1, "\"tls\" stands already on line 1" },
	{ "tls: {key: a, key: b}\n", 1, 15, "\"key\" stands already" },
	{ "listeners: {lmtp: }\nlisteners: {}\n", 2, 1,
	  "\"listeners\" stands already on line 1" },
	/* Listeners. */
	{ "listeners:\n", 1, 11, "listeners takes a map of services" },
	{ "listeners: {}\n", 1, 12, "listeners takes a map of services" },
	{ "listeners: [pop3]\n", 1, 12, "listeners takes a map of services" },
	{ "tls: {certificates: a.pem}\n", 1, 21,
	  "certificates takes a list of {certificate: FILE, key: FILE}" },
	{ "tls:\n  certificates:\n  - a.pem\n", 3, 5,
	  "certificates takes a list of" },
	{ "tls:\n  certificates:\n  - {certificate: a.pem}\n", 3, 5,
	  "has no \"key\"" },
	{ "tls:\n  certificates:\n  - {certificate: a, key: b, kex: c}\n", 3,
	  30, "unknown key \"kex\"" },
	{ "tls:\n  certificates: []\n  certificates: []\n", 3, 3,
	  "stands already on line 2" },
	{ "tls: {certificatess: []}\n", 1, 7,
	  "did you mean \"certificates\"?" },
	{ "listeners:\n  pop4: {}\n", 2, 3,
	  "unknown service \"pop4\"; did you mean \"pop3\"?" },
	{ "listeners:\n  imap: {}\n", 2, 3, "unknown service \"imap\"" },
	{ "listeners:\n  pop3: {adress: []}\n", 2, 10,
	  "unknown key \"adress\"; did you mean \"address\"?" },
	{ "listeners:\n  pop3: {address: []}\n", 2, 19,
	  "no address; leave pop3 out" },
	{ "listeners:\n  pop3: {address: }\n", 2, 19, "no address" },
	{ "listeners:\n  pop3: 127.0.0.1:110\n", 2, 9, "pop3 takes a map" },
	{ "listeners: {pop3: {address: [localhost:110]}}\n", 1, 30,
	  "\"localhost:110\" is not an address; write" },
	{ "listeners: {pop3: {address: [\"127.0.0.1\"]}}\n", 1, 30,
	  "\"127.0.0.1\" is not an address" },
	{ "listeners: {pop3: {address: [\"127.0.0.1:0\"]}}\n", 1, 30,
	  "\"127.0.0.1:0\" is not an address" },
	{ "listeners: {pop3: {address: [\"127.0.0.1:65536\"]}}\n", 1, 30,
	  "\"127.0.0.1:65536\" is not an address" },
	{ "listeners: {pop3: {address: [\"::1:110\"]}}\n", 1, 30,
	  "\"::1:110\" is not an address" },
	{ "listeners: {pop3: {address: [[::1]:110]}}\n", 1, 30,
	  "a key has to be a word" },
	{ "listeners: {pop3: {address: [[\"::1\"]]}}\n", 1, 30,
	  "not an address; it needs quotes" },
	{ "listeners: {pop3: {address: [run/pop3]}}\n", 1, 30,
	  "\"run/pop3\" is not an address" },
	{ "listeners: {lmtp: {address: [lmtp]}}\n", 1, 30,
	  "or a path such as \"run/lmtp\"" },
	{ "listeners:\n  pop3: {tls: implicit}\n", 2, 15,
	  "\"implicit\": tls of pop3 is off or starttls" },
	{ "listeners:\n  pop3: {tls: startls}\n", 2, 15,
	  "did you mean \"starttls\"?" },
	{ "listeners:\n  pop3s: {tls: off}\n", 2, 16,
	  "\"off\": tls of pop3s is implicit" },
	{ "listeners:\n  pop3: {tls: []}\n", 2, 15, "tls of pop3 is" },
	{ "listeners:\n  pop3: {legacy: [apop, ntlm]}\n", 2, 25,
	  "\"ntlm\": legacy takes apop, cram-md5" },
	{ "listeners:\n  pop3: {legacy: {apop: yes}}\n", 2, 18,
	  "legacy takes a list" },
	{ "listeners:\n  pop3s: {legacy: [without-tls]}\n", 2, 19,
	  "without-tls stands against tls: implicit" },
	{ "listeners:\n  smtp: {legacy: [apop]}\n", 2, 10,
	  "smtp has no logins" },
	{ "listeners:\n  pop3: {client_certificates: yes}\n", 2, 31,
	  "set client_ca under tls" },
	{ "tls: {client_ca: a}\nlisteners:\n"
	  "  pop3: {client_certificates: maybe}\n",
	  3, 31, "client_certificates is yes or no" },
	{ "tls: {client_ca: a}\nlisteners:\n"
	  "  pop3: {tls: off, client_certificates: yes}\n",
	  3, 41, "stands against tls: off" },
	{ "listeners:\n  smtp: {client_certificates: yes}\n", 2, 10,
	  "smtp has no logins" },
	{ "listeners:\n  pop3:\n    - {adress: x}\n", 3, 8,
	  "unknown key \"adress\"" },
	{ "listeners:\n  pop3: [\"127.0.0.1:110\"]\n", 2, 10,
	  "pop3 takes a map" },
	{ "listeners:\n  lmtp:\n  lmtp:\n", 3, 3,
	  "\"lmtp\" stands already on line 2; give one service several" },
	{ "listeners:\n  pop3: {address: [\"127.0.0.1:110\",\n"
	  "   \"127.0.0.1:110\"]}\n",
	  3, 4,
	  "\"127.0.0.1:110\" is taken already by \"127.0.0.1:110\" on line 2" },
	{ "listeners:\n  pop3: {address: \"0.0.0.0:110\"}\n"
	  "  smtp: {address: \"127.0.0.1:110\"}\n",
	  3, 19, "is taken already by \"0.0.0.0:110\" on line 2" },
	{ "listeners:\n  pop3: {address: \"[::1]:110\"}\n"
	  "  smtp: {address: \"[0:0:0:0::1]:110\"}\n",
	  3, 19, "is taken" },
	{ "listeners: {lmtp: {address: [run/a, ./run/a]}}\n", 1, 37,
	  "is taken already by \"/srv/post/run/a\"" },
	{ "listeners: {metrics: {address: [\"0.0.0.0:9910\"]}}\n", 1, 33,
	  "\"0.0.0.0:9910\": metrics is for this machine only" },
	/* What YAML has and a configuration does not need. */
	{ "hostname: &a x\n", 1, 11, "anchor \"&a\"" },
	{ "a: *b\n", 1, 1, "unknown key" },
	{ "hostname: *a\n", 1, 11, "alias \"*a\"" },
	{ "hostname: !!str x\n", 1, 11, "tags are not taken" },
	{ "hostname: !x y\n", 1, 11, "tag \"!x\"" },
	{ "workers: 1\n---\nworkers: 1\n", 2, 1, "a second document" },
	{ "? [a, b]\n: c\n", 1, 3, "a key has to be a word" },
	{ "? {a: b}\n: c\n", 1, 3, "a key has to be a word" },
	{ "just words\n", 1, 1, "not a configuration" },
	{ "- a\n- b\n", 1, 1, "not a configuration" },
	{ "[[[[[[[[[[[[]]]]]]]]]]]]\n", 1, 9, "more than 8 levels" },
	/* What is not YAML. */
	{ "hostname: \"a\n", 2, 1, "not YAML" },
	{ "listeners: {pop3: {\n", 2, 1, "not YAML" },
	{ "hostname: a\n bad: b\n", 2, 5, "not YAML" },
	{ "tls:\n\tkey: a\n", 2, 1, "a tab character" },
	{ "\thostname: a\n", 1, 1, "a tab character" },
	{ "hostname: @a\n", 1, 11, "not YAML" },
	{ "hostname: a\nhelp_url: \xe9t\xe9\n", 2, 11, "octet 0xe9 is not" },
	{ "a: \xc0\xaf\n", 1, 4, "octet 0xc0 is not UTF-8" },
	{ "a: \xed\xa0\x80\n", 1, 4, "octet 0xed is not UTF-8" },
	{ "a: \xf5\x80\x80\x80\n", 1, 4, "octet 0xf5 is not UTF-8" },
	{ "a: \xe2\x82", 1, 4, "octet 0xe2 is not UTF-8" },
	{ "# \xc3\xa4\xc3\xb6\n\xff\xfe", 2, 1, "octet 0xff is not UTF-8" },
	{ "a: \x1b[31m\n", 1, 4, "octet 0x1b cannot be" },
	/* Columns count characters, not octets. */
	{ "# x\n{hostname: \"\xc3\xa4\", workers: x}\n", 2, 12, "hostname:" },
};

static void test_bad_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		const struct bad *b = &bads[i];
		struct config c = { .number = 77 };
		struct kept k;

		if (parse(span_str(b->yaml), &k, &c) != YB_INVALID ||
		    k.n == 0 || k.list[0].line != b->line ||
		    k.list[0].column != b->column ||
		    strstr(k.list[0].text, b->text) == NULL)
			fail_msg("row %zu: %s\nwant %u:%u %s\ngot %zu, %u:%u "
				 "%s",
				 i, b->yaml, b->line, b->column, b->text, k.n,
				 k.n > 0 ? k.list[0].line : 0,
				 k.n > 0 ? k.list[0].column : 0,
				 k.n > 0 ? k.list[0].text : "");
		/* On failure the output is untouched. */
		assert_int_equal(c.number, 77);
	}
}

static void test_nul(void **state)
{
	struct config c;
	struct kept k;

	(void)state;
	assert_int_equal(parse(SPAN_LIT("workers: 1\nuser\0: x\n"), &k, &c),
			 YB_INVALID);
	assert_int_equal(k.n, 1);
	assert_int_equal(k.list[0].line, 2);
	assert_int_equal(k.list[0].column, 5);
	assert_string_equal(k.list[0].text,
			    "octet 0x00 cannot be in a configuration");
}

static void test_all_problems_at_once_in_order(void **state)
{
	static const char yaml[] = "listeners:\n"
				   "  pop3: {tls: on, address: [x]}\n"
				   "  smtp: {address: \"1.2.3.4:25\"}\n"
				   "  lmtp: {address: \"1.2.3.4:25\"}\n"
				   "workers: many\n"
				   "hostnme: a\n"
				   "tls:\n"
				   "  key: ''\n"
				   "plain_login: always\n";
	static const unsigned lines[] = { 2, 2, 4, 5, 6, 8, 9 };
	struct config c;
	struct kept k;

	(void)state;
	assert_int_equal(parse(span_str(yaml), &k, &c), YB_INVALID);
	assert_int_equal(k.n, ARRAY_LEN(lines));
	for (size_t i = 0; i < k.n; i++)
		assert_int_equal(k.list[i].line, lines[i]);
}

static void test_problems_are_bounded(void **state)
{
	struct config c;
	struct kept k;
	struct buf b;

	(void)state;
	buf_init(&b, CONFIG_FILE_MAX);
	for (unsigned i = 0; i < 1000; i++)
		assert_ok(buf_addf(&b, "key%u: 1\n", i));
	assert_int_equal(parse(buf_span(&b), &k, &c), YB_INVALID);
	assert_int_equal(k.n, CONFIG_PROBLEMS_MAX + 1);
	assert_string_equal(k.list[CONFIG_PROBLEMS_MAX].text,
			    "and 900 more problems like these");
	buf_done(&b);
}

static void test_too_many_listeners(void **state)
{
	struct config c;
	struct kept k;
	struct buf b;

	(void)state;
	buf_init(&b, CONFIG_FILE_MAX);
	assert_ok(buf_addf(&b, "listeners:\n  pop3:\n    address:\n"));
	for (unsigned i = 1; i <= CONFIG_LISTENERS_MAX + 1; i++)
		assert_ok(buf_addf(&b, "    - 127.0.0.1:%u\n", i));
	assert_int_equal(parse(buf_span(&b), &k, &c), YB_INVALID);
	assert_int_equal(k.n, 1);
	assert_string_equal(k.list[0].text, "more than 32 addresses");
	assert_int_equal(k.list[0].line, 3 + CONFIG_LISTENERS_MAX + 1);
	buf_done(&b);
}

static void test_long_paths(void **state)
{
	char yaml[2200];
	struct config c;
	struct kept k;

	(void)state;
	memset(yaml, 'a', sizeof yaml);
	memcpy(yaml, "store: ", 7);
	yaml[1100] = 0;
	assert_int_equal(parse(span_str(yaml), &k, &c), YB_INVALID);
	assert_non_null(strstr(k.list[0].text, "is longer than 1023 octets"));
	assert_int_equal(k.list[0].column, 8);
	/* sun_path has 108 octets with its NUL. */
	memcpy(yaml, "run: /aaaa", 10);
	yaml[5 + 99] = 0;
	parse_good(yaml, &c);
	yaml[5 + 99] = 'a';
	yaml[5 + 100] = 0;
	assert_int_equal(parse(span_str(yaml), &k, &c), YB_INVALID);
	assert_non_null(strstr(k.list[0].text, "too long a path"));
	assert_int_equal(k.list[0].column, 6);
	assert_int_equal(k.n, 1);
}

/* Neither depth nor number nor aliases let a small file cost much. */
static void test_bombs(void **state)
{
	static const char *const units[] = {
		"[",          "{",       "- ",
		"? ",         "a: [",    "&a [",
		"*a ",        "!a ",     "'",
		"\"",         "a: {a: ", "\n",
		"- - - -\n",  "a: a\n",  "[],",
		"? a\n",      "|\n",     "%YAML 1.1\n---\n",
		"...\n---\n", "a,",      "a: b, ",
		"\xc2\x85"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		for (size_t prefix = 0; prefix < 2; prefix++) {
			struct config c;
			struct kept k;
			struct buf b;
			struct span unit = span_str(units[i]);

			buf_init(&b, CONFIG_FILE_MAX);
			if (prefix == 1)
				assert_ok(buf_add_u8(&b, '['));
			while (buf_space(&b) >= unit.n)
				assert_ok(buf_add(&b, unit));
			if (parse(buf_span(&b), &k, &c) != YB_OK)
				assert_true(k.n > 0);
			buf_done(&b);
		}
	}
}

/* Any octet anywhere: a problem or a configuration, never a crash. */
static void test_garbage(void **state)
{
	char text[sizeof full];

	(void)state;
	for (size_t at = 0; at < sizeof full - 1; at++) {
		static const uint8_t octets[] = { 0,   '\t', '\n', '"',
						  '[', '{',  '&',  '*',
						  ':', '-',  0xff };

		for (size_t i = 0; i < sizeof octets; i++) {
			struct config c;
			struct kept k;

			memcpy(text, full, sizeof full);
			text[at] = (char)octets[i];
			if (parse(span_of(text, sizeof full - 1), &k, &c) !=
			    YB_OK)
				assert_true(k.n > 0);
			/* And cut short there. */
			if (i == 0 && parse(span_of(full, at), &k, &c) != YB_OK)
				assert_true(k.n > 0);
		}
	}
}

/* ---- printing ---- */

static void assert_same(const struct config *a, const struct config *b)
{
	assert_memory_equal(a->hostname, b->hostname, sizeof a->hostname);
	assert_string_equal(a->default_domain, b->default_domain);
	assert_string_equal(a->help_url, b->help_url);
	assert_string_equal(a->store_path, b->store_path);
	assert_string_equal(a->directory_path, b->directory_path);
	assert_string_equal(a->run_path, b->run_path);
	assert_string_equal(a->certificate, b->certificate);
	assert_string_equal(a->private_key, b->private_key);
	assert_string_equal(a->log_path, b->log_path);
	assert_string_equal(a->user, b->user);
	assert_int_equal(a->plain_login, b->plain_login);
	assert_int_equal(a->utf8_mail, b->utf8_mail);
	assert_int_equal(a->language, b->language);
	assert_int_equal(a->workers, b->workers);
	assert_int_equal(a->message_size_max, b->message_size_max);
	assert_int_equal(a->connections_max, b->connections_max);
	assert_int_equal(a->connections_per_address_max,
			 b->connections_per_address_max);
	assert_int_equal(a->smtp_greeting_delay, b->smtp_greeting_delay);
	assert_string_equal(a->proxy_networks, b->proxy_networks);
	assert_string_equal(a->xclient_networks, b->xclient_networks);
	assert_int_equal(a->certificates_n, b->certificates_n);
	for (uint32_t i = 0; i < a->certificates_n; i++) {
		assert_string_equal(a->certificates[i].certificate,
				    b->certificates[i].certificate);
		assert_string_equal(a->certificates[i].private_key,
				    b->certificates[i].private_key);
	}
	assert_int_equal(a->listeners_n, b->listeners_n);
	for (uint32_t i = 0; i < a->listeners_n; i++) {
		assert_int_equal(a->listeners[i].service,
				 b->listeners[i].service);
		assert_int_equal(a->listeners[i].tls, b->listeners[i].tls);
		assert_string_equal(a->listeners[i].address,
				    b->listeners[i].address);
	}
}

static const char *const round_trips[] = {
	"",
	full,
	"run: r\n",
	"tls:\n  certificate: ./\n  key: ././/./k\n",
	"store: /srv/post/./s\ndirectory: /srv/post//d\n",
	"hostname: \"on\"\nlog: \"a \\\"b\\\\ #c\"\n",
	"message_size_max: 65537\n",
	"tls: {key: k}\n",
	"listeners: {lmtp: {}}\n",
	"store: /srv/post\n",
	"tls: {certificates: [{certificate: a, key: /b}]}\n",
	"store: /srv/postbox\n",
	"oauth: {introspection_url: \"http://[::1]:80/a?b\", client_id: \"a "
	"b\","
	" client_secret_file: c, ca: d, claim: \"null\", scope: \"a: b #c\"}\n",
	"oauth: {command: e, host: f.org, audience: \"'\", cache_seconds: 0}\n",
};

static void test_show_reads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(round_trips); i++) {
		struct config c, again;
		struct buf out;

		parse_good(round_trips[i], &c);
		buf_init(&out, CONFIG_FILE_MAX);
		assert_ok(config_show(&c, &out));
		if (i == 0)
			assert_int_equal(out.n, 0);
		assert_ok(buf_add_u8(&out, 0));
		parse_good(out.n > 1 ? (char *)out.p : "", &again);
		assert_same(&c, &again);
		buf_clear(&out);
		assert_ok(config_print_commented(&c, &out));
		assert_ok(buf_add_u8(&out, 0));
		parse_good((char *)out.p, &again);
		assert_same(&c, &again);
		buf_done(&out);
	}
}

static void test_show_prints_what_differs(void **state)
{
	struct config c;
	struct buf out;

	(void)state;
	parse_good("workers: 2\nuser: yubin\nmessage_size_max: 1024K\n"
		   "tls: {certificate: a.pem}\n",
		   &c);
	buf_init(&out, CONFIG_FILE_MAX);
	assert_ok(config_show(&c, &out));
	assert_ok(buf_add_u8(&out, 0));
	assert_string_equal((char *)out.p, "workers: 2\n"
					   "message_size_max: 1M\n"
					   "tls:\n"
					   "  certificate: a.pem\n");
	buf_done(&out);
	buf_init(&out, 10);
	assert_int_equal(config_show(&c, &out), YB_TOO_BIG);
	buf_done(&out);
}

/* Every line that is a comment with a "#" and a key shows a real default. */
static void test_commented_defaults_are_true(void **state)
{
	struct config c, again;
	struct buf out, bare;

	(void)state;
	parse_good("", &c);
	buf_init(&out, CONFIG_FILE_MAX);
	buf_init(&bare, CONFIG_FILE_MAX);
	assert_ok(config_print_commented(&c, &out));
	for (struct span rest = buf_span(&out); rest.n > 0;) {
		struct span line = span_cut(&rest, '\n');

		if (line.n > 1 && line.p[0] == '#' && line.p[1] != ' ')
			line = span_skip(line, 1);
		else if (line.n > 3 && span_starts(line, SPAN_LIT("#  ")))
			line = span_skip(line, 1);
		assert_ok(buf_add(&bare, line));
		assert_ok(buf_add_u8(&bare, '\n'));
	}
	assert_ok(buf_add_u8(&bare, 0));
	assert_non_null(strstr((char *)bare.p, "\nworkers: 0\n"));
	assert_non_null(strstr((char *)bare.p, "\nlisteners:\n  # mail out"));
	parse_good((char *)bare.p, &again);
	assert_same(&c, &again);
	buf_done(&out);
	buf_done(&bare);
}

/* ---- the block ---- */

static void test_block_is_checked(void **state)
{
	struct config good, c;

	(void)state;
	parse_good(full, &good);
	assert_true(config_is_valid(span_of(&good, sizeof good)));
	assert_false(config_is_valid(span_of(&good, sizeof good - 1)));
	assert_false(config_is_valid(SPAN_NONE));
	c = good;
	c.magic++;
	assert_false(config_is_valid(span_of(&c, sizeof c)));
	c = good;
	c.listeners_n = CONFIG_LISTENERS_MAX + 1;
	assert_false(config_is_valid(span_of(&c, sizeof c)));
	c = good;
	c.listeners[2].service = CONFIG_SERVICES;
	assert_false(config_is_valid(span_of(&c, sizeof c)));
	c = good;
	memset(c.listeners[0].address, 'x', sizeof c.listeners[0].address);
	assert_false(config_is_valid(span_of(&c, sizeof c)));
	c = good;
	memset(c.user, 'x', sizeof c.user);
	assert_false(config_is_valid(span_of(&c, sizeof c)));
	c = good;
	c.plain_login = 2;
	assert_false(config_is_valid(span_of(&c, sizeof c)));
	c = good;
	c.workers = 65;
	assert_false(config_is_valid(span_of(&c, sizeof c)));
	c = good;
	memset(c.base, 'x', sizeof c.base);
	assert_false(config_is_valid(span_of(&c, sizeof c)));
	c = good;
	c.store_path[0] = 0;
	assert_false(config_is_valid(span_of(&c, sizeof c)));
}

/* ---- files ---- */

struct folder {
	char path[64];
};

static int make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof *f);

	strcpy(f->path, "/tmp/yubin-config-XXXXXX");
	*state = f;
	return mkdtemp(f->path) == NULL ? -1 : chdir(f->path);
}

static int remove_folder(void **state)
{
	static const char *const names[] = {
		"yubin.yaml", "link.yaml", "big",
		"a.pem",      "a.key",     "auth/directory.db"
	};
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unlink(names[i]);
	(void)rmdir("auth");
	(void)rmdir("store");
	assert_int_equal(chdir("/"), 0);
	(void)rmdir(f->path);
	free(f);
	return 0;
}

static void put_file(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(name, mode), 0);
}

static void test_load(void **state)
{
	struct folder *f = *state;
	char want[128];
	struct config c;
	struct kept k = { 0 };

	assert_int_equal(config_load("yubin.yaml", keep, &k, &c), YB_NOT_FOUND);
	assert_int_equal(k.n, 1);
	assert_int_equal(k.list[0].line, 0);
	assert_string_equal(k.list[0].text,
			    "cannot read yubin.yaml: No such file or directory;"
			    " run `yubin init` first, or name a file with -c");
	put_file("yubin.yaml", "store: store\n", 0644);
	k.n = 0;
	/* A relative name becomes absolute, and so do the paths inside. */
	assert_ok(config_load("yubin.yaml", keep, &k, &c));
	(void)snprintf(want, sizeof want, "%s/yubin.yaml", f->path);
	assert_string_equal(c.file, want);
	(void)snprintf(want, sizeof want, "%s/store", f->path);
	assert_string_equal(c.store_path, want);
	/* A link is followed; the base is where the link stands. */
	assert_int_equal(symlink("yubin.yaml", "link.yaml"), 0);
	assert_ok(config_load("./link.yaml", keep, &k, &c));
	assert_string_equal(c.base, f->path);
	assert_int_equal(config_load(f->path, keep, &k, &c), YB_INVALID);
	assert_non_null(strstr(k.list[0].text, "not a regular file"));
	k.n = 0;
	assert_int_equal(config_load("no/such/place", keep, &k, &c),
			 YB_NOT_FOUND);
	put_file("big", "", 0644);
	assert_int_equal(truncate("big", CONFIG_FILE_MAX + 1), 0);
	k.n = 0;
	assert_int_equal(config_load("big", keep, &k, &c), YB_TOO_BIG);
	assert_non_null(strstr(k.list[0].text, "more than 64 KiB"));
}

static size_t check_again(struct kept *k, const char *want)
{
	struct config c;

	k->n = 0;
	assert_ok(config_load("yubin.yaml", keep, k, &c));
	if (config_check_files(&c, keep, k) == YB_OK)
		assert_int_equal(k->n, 0);
	else if (k->n == 1 && strstr(k->list[0].text, want) == NULL)
		fail_msg("want %s, got %s", want, k->list[0].text);
	return k->n;
}

static void test_check_files(void **state)
{
	struct kept k;

	(void)state;
	/* As root, folders have to belong to users that exist; these do not. */
	put_file("yubin.yaml",
		 "user: nobody-at-all\n"
		 "store: store\ndirectory: auth/directory.db\n"
		 "tls: {certificate: a.pem, key: a.key}\n",
		 0644);
	/* Nothing is there: store, auth, certificate, key. */
	assert_int_equal(check_again(&k, ""), 4);
	assert_int_equal(mkdir("store", 0700), 0);
	assert_int_equal(mkdir("auth", 0700), 0);
	put_file("a.pem", "x", 0644);
	put_file("a.key", "x", 0600);
	assert_int_equal(check_again(&k, ""), 0);
	/* Threat 64: weak permissions refuse. */
	assert_int_equal(chmod("a.key", 0640), 0);
	assert_int_equal(check_again(&k, "chmod 600"), 1);
	assert_int_equal(chmod("a.key", 0600), 0);
	assert_int_equal(chmod("store", 0755), 0);
	assert_int_equal(check_again(&k, "store: "), 1);
	assert_int_equal(chmod("store", 0700), 0);
	if (geteuid() == 0) {
		/* The store's user cannot enter what belongs to root. */
		put_file("yubin.yaml",
			 "user: nobody\n"
			 "store: store\ndirectory: auth/d.db\n"
			 "listeners: {lmtp: {address: l/m}}\n",
			 0644);
		assert_int_equal(check_again(&k, "chown -R nobody:"), 1);
		put_file("yubin.yaml",
			 "user: nobody-at-all\n"
			 "store: store\ndirectory: auth/d.db\n"
			 "tls: {certificate: a.pem, key: a.key}\n",
			 0644);
	}
	assert_int_equal(chmod("auth", 0701), 0);
	assert_int_equal(check_again(&k, "directory: "), 1);
	assert_int_equal(chmod("auth", 0700), 0);
	assert_int_equal(chmod("yubin.yaml", 0646), 0);
	assert_int_equal(check_again(&k, "can be changed by other users"), 1);
	/* Without TLS no certificate is needed. */
	assert_int_equal(unlink("a.key"), 0);
	put_file("yubin.yaml",
		 "user: nobody-at-all\n"
		 "store: store\ndirectory: auth/directory.db\n"
		 "listeners: {lmtp: {address: run/lmtp}}\n",
		 0644);
	assert_int_equal(check_again(&k, ""), 0);
	assert_int_equal(rmdir("store"), 0);
	put_file("store", "", 0600);
	assert_int_equal(check_again(&k, "is not a folder"), 1);
	assert_int_equal(unlink("store"), 0);
}

static void test_default_file(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("YUBIN_CONFIG"), 0);
	assert_string_equal(config_default_file(), "/etc/yubin/yubin.yaml");
	assert_int_equal(setenv("YUBIN_CONFIG", "", 1), 0);
	assert_string_equal(config_default_file(), "/etc/yubin/yubin.yaml");
	assert_int_equal(setenv("YUBIN_CONFIG", "/x", 1), 0);
	assert_string_equal(config_default_file(), "/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_file_means_defaults),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_legacy),
		cmocka_unit_test(test_listener_defaults),
		cmocka_unit_test(test_bad_rows),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_all_problems_at_once_in_order),
		cmocka_unit_test(test_problems_are_bounded),
		cmocka_unit_test(test_too_many_listeners),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_show_reads_back),
		cmocka_unit_test(test_show_prints_what_differs),
		cmocka_unit_test(test_commented_defaults_are_true),
		cmocka_unit_test(test_block_is_checked),
		cmocka_unit_test_setup_teardown(test_load, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_check_files, make_folder,
						remove_folder),
		cmocka_unit_test(test_default_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
