/*
 * Settings of accounts and domains, as commands change and show them.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "base/setting.h"
#include "cli/work.h"

/* For `account set` and `domain set`: asks for the change, and prints. */
int settings_change(const struct invocation *inv, bool of_domain,
		    work_tell_fn *tell);

/* What is set there; the exit code, with the reason told. */
int settings_read(struct work *w, bool of_domain, const char *name,
		  struct setting_set *ret);

/* "quota_octets=1G, login=no"; nothing if nothing is set. */
void settings_print(const struct setting_set *set);

/* A member "settings" with texts, as they are given to `set`. */
void settings_json(struct json *j, const struct setting_set *set);

#endif
