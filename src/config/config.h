/*
 * The configuration as one flat value: no pointers, so that the child which
 * parses it can hand it over in a sealed memfd, and every process reads the
 * same octets. The YAML, its keys and defaults are one table in schema.c.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/err.h"
#include "base/setting.h"
#include "base/span.h"

struct buf;

enum {
	CONFIG_MAGIC = 0x46435559, /* "YUCF" */
	CONFIG_VERSION = 1,        /* what config_version has to be */
	CONFIG_TEXT_MAX = 256,
	CONFIG_PATH_LEN = 1024,
	/* Two dozen networks; every connection reads them. */
	CONFIG_NETWORKS_LEN = 1024,
	/* Services times a few addresses each; all fit into one message. */
	CONFIG_LISTENERS_MAX = 32,
	/* Names beyond the server's own; one may stand for many (SAN). */
	CONFIG_CERTIFICATES_MAX = 32,
	/* A full file has 5 KiB; the YAML parser needs square time at worst. */
	CONFIG_FILE_MAX = 64 * 1024,
	/* After so many problems the rest is a consequence, or an attack. */
	CONFIG_PROBLEMS_MAX = 100,
};

enum config_service {
	CONFIG_POP3,
	CONFIG_POP3S,
	CONFIG_SMTP,
	CONFIG_LMTP,
	CONFIG_METRICS,
	CONFIG_AUTH,
	CONFIG_SERVICES
};

enum config_tls { CONFIG_TLS_OFF, CONFIG_TLS_START, CONFIG_TLS_IMPLICIT };
enum config_scram { CONFIG_SCRAM_AUTO, CONFIG_SCRAM_ON, CONFIG_SCRAM_OFF };
enum config_plain_login { CONFIG_PLAIN_NEVER, CONFIG_PLAIN_LOOPBACK };
enum config_utf8_mail { CONFIG_UTF8_AS_IS, CONFIG_UTF8_REFUSE };
enum config_directory { CONFIG_DIRECTORY_SQLITE, CONFIG_DIRECTORY_COMMAND };
enum config_passwords { CONFIG_PASSWORDS_HASH, CONFIG_PASSWORDS_CHECK };
enum config_failure { CONFIG_FAILURE_DENY, CONFIG_FAILURE_ALLOW };
enum config_language { CONFIG_LANGUAGE_EN, CONFIG_LANGUAGE_JA };

/* How old programs may log in by a listener; bits of its `legacy`. */
#define CONFIG_LEGACIES(X)            \
	X(APOP, "apop")               \
	X(CRAM_MD5, "cram-md5")       \
	X(SCRAM_SHA_1, "scram-sha-1") \
	X(WITHOUT_TLS, "without-tls")

/* clang-format off */
enum config_legacy_bit {
#define X(id, word) CONFIG_LEGACY_BIT_##id,
	CONFIG_LEGACIES(X)
#undef X
	CONFIG_LEGACY_BITS
};

enum config_legacy {
#define X(id, word) CONFIG_LEGACY_##id = 1 << CONFIG_LEGACY_BIT_##id,
	CONFIG_LEGACIES(X)
#undef X
};
/* clang-format on */

/* What stands in front of a sub-address; the index is what is kept. */
#define CONFIG_DELIMITERS "+-="
enum { CONFIG_DELIMITER_NONE = sizeof CONFIG_DELIMITERS - 1 };

struct config_listener {
	uint32_t service;              /* enum config_service */
	uint32_t tls;                  /* enum config_tls; off on a path */
	char address[CONFIG_TEXT_MAX]; /* "host:port", "[v6]:port", or path */
	uint32_t legacy;               /* set of enum config_legacy */
	uint32_t client_certificates;  /* whether they are asked for */
};

struct config_certificate {
	char certificate[CONFIG_PATH_LEN];
	char private_key[CONFIG_PATH_LEN];
};

struct config {
	uint32_t magic, version;
	uint64_t number;            /* rises with every reload */
	char file[CONFIG_PATH_LEN]; /* where it was read from */
	char base[CONFIG_PATH_LEN]; /* folder that relative paths mean */
	char hostname[CONFIG_TEXT_MAX];
	char default_domain[CONFIG_TEXT_MAX]; /* or "" */
	char help_url[CONFIG_TEXT_MAX];       /* or "" */
	char store_path[CONFIG_PATH_LEN];     /* absolute, as all paths here */
	char directory_path[CONFIG_PATH_LEN];
	char run_path[CONFIG_PATH_LEN]; /* run/control, run/lmtp */
	char certificate[CONFIG_PATH_LEN];
	char private_key[CONFIG_PATH_LEN];
	char client_ca[CONFIG_PATH_LEN];      /* or "" */
	char log_path[CONFIG_PATH_LEN];       /* "" is standard error */
	char user[CONFIG_TEXT_MAX];           /* "yubin"; only used by root */
	uint32_t plain_login;                 /* enum config_plain_login */
	uint32_t scram;                       /* enum config_scram */
	uint32_t utf8_mail;                   /* enum config_utf8_mail */
	uint32_t language;                    /* enum config_language */
	uint32_t recipient_delimiter;         /* index into CONFIG_DELIMITERS */
	uint32_t workers;                     /* 0: one a core */
	uint64_t message_size_max;            /* octets */
	uint32_t connections_max;             /* of one worker */
	uint32_t connections_per_address_max; /* of one worker */
	uint32_t smtp_greeting_delay;         /* milliseconds */
	/* For networks_have() of os/network.h; or "". */
	char proxy_networks[CONFIG_NETWORKS_LEN];
	char xclient_networks[CONFIG_NETWORKS_LEN];
	uint64_t ballast;                       /* octets */
	uint32_t undelete_days;                 /* 0: deleted is gone at once */
	uint32_t mass_delete_percent;           /* 0: never told of */
	uint32_t mass_delete_least;             /* messages */
	uint32_t accounts_directory;            /* enum config_directory */
	char accounts_command[CONFIG_PATH_LEN]; /* or "" */
	uint32_t accounts_passwords;            /* enum config_passwords */
	uint32_t accounts_processes;
	uint32_t accounts_timeout;                       /* milliseconds */
	uint32_t accounts_cache, accounts_cache_unknown; /* seconds */
	char policy_command[CONFIG_PATH_LEN];            /* or "" */
	uint32_t policy_processes;
	uint32_t policy_timeout;    /* milliseconds */
	uint32_t policy_on_failure; /* enum config_failure */
	uint32_t policy_outcomes;   /* 1: it hears how logins went */
	char oauth_introspection_url[CONFIG_TEXT_MAX]; /* or "" */
	char oauth_client_id[CONFIG_TEXT_MAX];         /* or "" */
	char oauth_client_secret_file[CONFIG_PATH_LEN];
	char oauth_ca[CONFIG_PATH_LEN];      /* "": the system's */
	char oauth_command[CONFIG_PATH_LEN]; /* in place of the URL */
	uint32_t oauth_processes;
	uint32_t oauth_timeout; /* milliseconds */
	uint32_t oauth_cache_seconds;
	char oauth_claim[CONFIG_TEXT_MAX];
	char oauth_audience[CONFIG_TEXT_MAX];             /* or "" */
	char oauth_scope[CONFIG_TEXT_MAX];                /* or "" */
	char oauth_openid_configuration[CONFIG_TEXT_MAX]; /* or "" */
	char oauth_host[CONFIG_TEXT_MAX];                 /* or "" */
	uint64_t defaults[SETTINGS_N]; /* where accounts and domains say nothing
					*/
	uint32_t listeners_n;
	struct config_listener listeners[CONFIG_LISTENERS_MAX];
	uint32_t certificates_n; /* beyond the default one */
	struct config_certificate certificates[CONFIG_CERTIFICATES_MAX];
};

/* One thing that is wrong, with its place and the way out. */
struct config_problem {
	unsigned line, column; /* from 1; 0 if of the whole file */
	char text[512];        /* names the word, and the nearest known one */
};

typedef void config_problem_fn(void *ctx, const struct config_problem *p);

/*
 * Reads YAML text. Every problem is told to `problem`, in order; INVALID if
 * there was one, and then `ret` is untouched. `file` is the name of the file,
 * absolute; relative paths inside are meant from its folder.
 */
YB_CHECKED enum yb_err config_parse(struct span yaml, const char *file,
				    config_problem_fn *problem, void *ctx,
				    struct config *ret);

/* Reads the file and parses it; NOT_FOUND and ACCESS are told as problems. */
YB_CHECKED enum yb_err config_load(const char *file, config_problem_fn *problem,
				   void *ctx, struct config *ret);

/*
 * What an empty file of that name means. The hostname is the machine's own
 * name. TOO_BIG for a name that leaves no room for the paths.
 */
YB_CHECKED enum yb_err config_defaults(const char *file, struct config *ret);

/*
 * Looks at what the configuration names, by the rights of the caller: the
 * folders, the certificate, and that nobody else can read the private key or
 * write the configuration (threat 64). Only who may read the key can ask.
 */
YB_CHECKED enum yb_err config_check_files(const struct config *config,
					  config_problem_fn *problem,
					  void *ctx);

/* Whether some listener speaks TLS, so that a certificate is needed. */
bool config_needs_tls(const struct config *config);

/* Whether logins with access tokens are offered. */
bool config_takes_tokens(const struct config *config);

/* Whether something has to be asked outside: by the process lookup. */
bool config_needs_lookup(const struct config *config);

/*
 * The programs that are to be run, those that are configured; NULL behind the
 * last. `ret_key` names the key, such as "policy.command".
 */
const char *config_program(const struct config *config, size_t i,
			   const char **ret_key);

/*
 * The certificates that are needed, the default one first; none without TLS.
 * `i` is below their number.
 */
size_t config_pairs(const struct config *config);
const char *config_pair_certificate(const struct config *config, size_t i);
const char *config_pair_key(const struct config *config, size_t i);

/* Whether `block` is a struct config of this program; for who receives one. */
bool config_is_valid(struct span block);

/* $YUBIN_CONFIG, else /etc/yubin/yubin.yaml. */
const char *config_default_file(void);

/* Such as "pop3s"; and "off", "starttls", "implicit". Static. */
const char *config_service_name(enum config_service service);
const char *config_tls_name(enum config_tls tls);

/* Such as "apop"; static. */
const char *config_legacy_name(enum config_legacy_bit bit);

/* Whether both mean the same, their addresses apart. */
bool config_listeners_agree(const struct config_listener *a,
			    const struct config_listener *b);

/* What a reload makes of a key: in force now, or after a restart only. */
typedef void config_change_fn(void *ctx, const char *key, bool live);

/*
 * Compares a configuration that was read anew with the one in force and tells
 * each key that differs. What counts after a restart only is put back in
 * `fresh` as it was.
 */
void config_compare(const struct config *old, struct config *fresh,
		    config_change_fn *each, void *ctx);

/* The listener at that address; SIZE_MAX if there is none. */
size_t config_find_listener(const struct config *config, const char *address);

/*
 * Prints what differs from the defaults as YAML, as `yubin check --show`
 * does; TOO_BIG if the buffer's ceiling is too low.
 */
YB_CHECKED enum yb_err config_show(const struct config *config,
				   struct buf *out);

/*
 * Prints every key with what it means, those that have their default behind
 * a "#": the file that `yubin init` writes. Errors as config_show().
 */
YB_CHECKED enum yb_err config_print_commented(const struct config *config,
					      struct buf *out);

#endif
