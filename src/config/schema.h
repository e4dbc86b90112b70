/*
 * Private to src/config: the one table of keys. It drives reading, checking,
 * `check --show` and the commented file of `yubin init`.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "config/config.h"

enum field_kind {
	FIELD_VERSION, /* a number that has to be CONFIG_VERSION */
	FIELD_DOMAIN,  /* a host's or mail domain */
	FIELD_URL,
	FIELD_ENDPOINT, /* https://, or http:// to this machine */
	FIELD_TEXT,     /* printable ASCII */
	FIELD_USER,     /* of the system */
	FIELD_PATH,     /* made absolute: relative ones are below the base */
	FIELD_CHOICE,   /* one of `choices`; its index is kept */
	FIELD_COUNT,    /* min to max */
	FIELD_OCTETS,   /* min to max, in K, M or G */
	FIELD_NETWORKS, /* a list, kept as text with commas between */
};

/* When a changed value counts. */
enum field_change {
	FIELD_RESTART, /* once the server was restarted */
	FIELD_LIVE,    /* with `yubin reload`, for sessions that come */
};

struct config_field {
	const char *section; /* the map it stands in; "" is the top */
	const char *key;
	enum field_kind kind;
	bool may_be_empty;
	size_t offset, size; /* in struct config */
	uint64_t min, max;
	const char *const *choices; /* ends with NULL */
	const char *preset;         /* the default, as it would be written */
	const char *help;           /* lines for the commented file */
	enum field_change change;
};

extern const struct config_field config_fields[];
extern const size_t config_fields_n;

struct config_service_rule {
	const char *name;
	const char *addresses[2]; /* the default; NULL: run/NAME */
	unsigned tls;             /* set of 1 << enum config_tls */
	enum config_tls tls_preset;
	bool loopback_only;
	const char *help;
	bool only_if_named; /* off unless the file has it */
	bool has_logins;    /* so that `legacy` may stand there */
};

extern const struct config_service_rule config_service_rules[CONFIG_SERVICES];

enum { FIELD_REASON_MAX = 320 };

/*
 * Sets the field from its text. INVALID with the reason, which names the
 * word; `c` is then untouched. `c->base` must be set.
 */
YB_CHECKED enum yb_err field_set(const struct config_field *f, struct span text,
				 struct config *c,
				 char reason[FIELD_REASON_MAX]);

/* The value as it would be written, with quotes where YAML needs them. */
YB_CHECKED enum yb_err field_print(const struct config_field *f,
				   const struct config *c, struct buf *out);

/* Copies the value of one field. */
void field_copy(const struct config_field *f, const struct config *from,
		struct config *to);

bool field_is_same(const struct config_field *f, const struct config *a,
		   const struct config *b);

/* Whether what `c` holds may stand there; for a block from elsewhere. */
bool field_is_valid(const struct config_field *f, const struct config *c);

/* Joins a path of the file to its folder. TOO_BIG. */
YB_CHECKED enum yb_err config_join_path(const char *base, struct span path,
					char ret[CONFIG_PATH_LEN]);

/* Fills in the listeners of a file that names none. */
YB_CHECKED enum yb_err config_preset_listeners(struct config *c);

/* Letters, digits and inner hyphens between dots; at most 253 octets. */
bool config_is_domain(struct span s);

/* Adds a word between double quotes. */
YB_CHECKED enum yb_err config_print_quoted(const char *text, struct buf *out);

/* Like an absolute path of `c`, but short where it is below the base. */
const char *config_short_path(const struct config *c, const char *path);

#endif
