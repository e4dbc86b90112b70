/*
 * Settings that an account, a domain and the whole server can have: what an
 * account says counts, else what its domain says, else `defaults:` in the
 * configuration, else the value below. One table makes the commands, the
 * configuration's keys and their help; a setting exists only where something
 * obeys it.
 */
#ifndef BASE_SETTING_H
#define BASE_SETTING_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/* Octets in one account: more than any disk has, and no sum runs over. */
#define SETTING_OCTETS_MAX (1ull << 50)
/* Messages: uids are below 2^32. */
#define SETTING_MESSAGES_MAX 4294967295ull

/* name, type, least, most, value as text, value, obeyed where, help */
/* clang-format off */
#define SETTINGS_SHARED(X)                                                    \
	X(login, SETTING_BOOL, 0, 1, "yes", 1, "auth/cache.c",              \
	  "\"no\" lets nobody log in; mail still comes in")                   \
	X(require_app_password, SETTING_BOOL, 0, 1, "no", 0,                  \
	  "auth/device.c", "\"yes\": the main password does not log in")     \
	X(quota_octets, SETTING_OCTETS, 0, SETTING_OCTETS_MAX, "0", 0,        \
	  "store/append.c", "all mail of an account; 0 is no limit")          \
	X(quota_messages, SETTING_COUNT, 0, SETTING_MESSAGES_MAX, "0", 0,     \
	  "store/append.c", "messages of an account; 0 is no limit")

/* What only an account can have: a word in the wrong place must not make
 * masters of a whole domain. */
#define SETTINGS_OF_ACCOUNTS(X)                                               \
	X(master, SETTING_BOOL, 0, 1, "no", 0, "auth/attempt_grant.c",              \
	  "\"yes\": may log in as any other account, by SASL's authzid")

#define SETTINGS(X) SETTINGS_SHARED(X) SETTINGS_OF_ACCOUNTS(X)

enum setting_type {
	SETTING_BOOL,   /* yes | no */
	SETTING_OCTETS, /* 500K, 50M, 1G */
	SETTING_COUNT,
};

enum setting {
#define X(name, type, least, most, text, value, where, help) SETTING_##name,
	SETTINGS(X)
#undef X
	SETTINGS_N
};
/* clang-format on */

/* Which of them are set at one place, and to what. */
struct setting_set {
	uint32_t has; /* 1 << enum setting */
	uint64_t value[SETTINGS_N];
};

const char *setting_name(enum setting which);
uint64_t setting_preset(enum setting which);

/* Whether domains and `defaults:` can have it too. */
bool setting_is_shared(enum setting which);

/* False if there is none of that name. */
bool setting_find(struct span name, enum setting *ret);

/* INVALID with what it takes in `ret_takes`, static. */
YB_CHECKED enum yb_err setting_parse(enum setting which, struct span text,
				     uint64_t *ret, const char **ret_takes);

bool setting_is_valid(enum setting which, uint64_t value);

enum { SETTING_TEXT_MAX = 32 };

/* As setting_parse() reads it. */
void setting_print(enum setting which, uint64_t value,
		   char ret[SETTING_TEXT_MAX]);

#endif
