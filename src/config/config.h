/*
 * The configuration as one flat value: no pointers, so that the child which
 * parses it can hand it over in a sealed memfd, and every process reads the
 * same octets. The YAML, its keys and defaults are one table in config.c.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/err.h"
#include "base/span.h"

enum {
	CONFIG_TEXT_MAX = 256,
	CONFIG_PATH_LEN = 1024,
	/* Services times a few addresses each; all fit into one message. */
	CONFIG_LISTENERS_MAX = 32,
	CONFIG_FILE_MAX = 1024 * 1024,
};

enum config_service {
	CONFIG_POP3,
	CONFIG_POP3S,
	CONFIG_SMTP,
	CONFIG_LMTP,
	CONFIG_SERVICES
};

enum config_tls { CONFIG_TLS_OFF, CONFIG_TLS_START, CONFIG_TLS_IMPLICIT };
enum config_plain_login { CONFIG_PLAIN_NEVER, CONFIG_PLAIN_LOOPBACK };
enum config_utf8_mail { CONFIG_UTF8_AS_IS, CONFIG_UTF8_REFUSE };

struct config_listener {
	uint32_t service;              /* enum config_service */
	uint32_t tls;                  /* enum config_tls */
	char address[CONFIG_TEXT_MAX]; /* "host:port", "[v6]:port", or path */
};

struct config {
	uint32_t magic, version;
	uint64_t number;               /* rises with every reload */
	char file[CONFIG_PATH_LEN];    /* where it was read from */
	char base[CONFIG_PATH_LEN];    /* folder that relative paths mean */
	char hostname[CONFIG_TEXT_MAX];
	char default_domain[CONFIG_TEXT_MAX];
	char help_url[CONFIG_TEXT_MAX];
	char store_path[CONFIG_PATH_LEN];     /* absolute, as all paths here */
	char directory_path[CONFIG_PATH_LEN];
	char run_path[CONFIG_PATH_LEN];       /* run/control, run/lmtp */
	char certificate[CONFIG_PATH_LEN];
	char private_key[CONFIG_PATH_LEN];
	char log_path[CONFIG_PATH_LEN];       /* "" is standard error */
	char user[CONFIG_TEXT_MAX];           /* "yubin"; only used by root */
	uint32_t plain_login;
	uint32_t utf8_mail;
	uint32_t workers;                     /* 0: one a core */
	uint32_t undelete_days;
	uint64_t message_size_max;            /* octets */
	uint32_t connections_max;             /* of one worker */
	uint32_t connections_per_address_max; /* of one worker */
	uint32_t listeners_n;
	struct config_listener listeners[CONFIG_LISTENERS_MAX];
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

/* Whether `block` is a struct config of this program; for who receives one. */
bool config_is_valid(struct span block);

/* $YUBIN_CONFIG, else /etc/yubin/yubin.yaml. */
const char *config_default_file(void);

/*
 * Prints what differs from the defaults as YAML, as `yubin check --show`
 * does; TOO_BIG if the buffer's ceiling is too low.
 */
struct buf;
YB_CHECKED enum yb_err config_show(const struct config *config,
				   struct buf *out);

#endif
