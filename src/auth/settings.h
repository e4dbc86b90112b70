/*
 * Settings of accounts and domains (base/setting.h), changed and shown by
 * commands. A change is in force when its call returns, for logins and for
 * recipients that come.
 */
#ifndef AUTH_SETTINGS_H
#define AUTH_SETTINGS_H

#include "auth/auth.h"
#include "base/setting.h"

enum auth_owner { AUTH_ACCOUNT, AUTH_DOMAIN };

/*
 * Each of `texts` is NAME=VALUE, or NAME= to have it as if it had never been
 * set. All or none: NO_ACCOUNT, NOT_FOUND for a domain; INVALID with the
 * reason, valid until the next call.
 */
YB_CHECKED enum yb_err auth_settings_change(struct auth *a,
					    enum auth_owner owner,
					    struct span name,
					    const struct span *texts, size_t n,
					    const char **ret_reason);

/* What is set there and nowhere else. NO_ACCOUNT, NOT_FOUND. */
YB_CHECKED enum yb_err auth_settings_get(struct auth *a, enum auth_owner owner,
					 struct span name,
					 struct setting_set *ret);

/* What counts for a domain's accounts that have no setting of their own. */
YB_CHECKED enum yb_err auth_domain_setting(struct auth *a, struct span domain,
					   enum setting which, uint64_t *ret);

#endif
