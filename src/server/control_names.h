/*
 * Requests about domains, aliases, settings and lists of
 * accounts; for control_directory.c. Each
 * reads the fields that control.h names, and puts those of the reply.
 */
#ifndef SERVER_CONTROL_NAMES_H
#define SERVER_CONTROL_NAMES_H

#include "auth/alias.h"
#include "server/control.h"

YB_CHECKED enum yb_err control_domain_add(struct auth *auth,
					  struct control_call *call);
YB_CHECKED enum yb_err control_domain_remove(struct auth *auth,
					     struct control_call *call);
YB_CHECKED enum yb_err control_domain_list(struct auth *auth,
					   struct control_call *call);
/* ALIAS_ADD and ALIAS_REMOVE. */
YB_CHECKED enum yb_err control_alias_change(struct auth *auth,
					    struct control_call *call);
YB_CHECKED enum yb_err control_alias_list(struct auth *auth,
					  struct control_call *call);
YB_CHECKED enum yb_err control_accounts_add(struct auth *auth,
					    struct control_call *call);
YB_CHECKED enum yb_err control_settings_set(struct auth *auth,
					    struct control_call *call);
YB_CHECKED enum yb_err control_settings_get(struct auth *auth,
					    struct control_call *call);

#endif
