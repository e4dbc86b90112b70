#include "server/control_names.h"

#include "auth/import.h"
#include "auth/settings.h"
#include "base/buf.h"
#include "base/cleanup.h"

enum {
	/* As many as an alias may have. */
	TARGETS_MAX = AUTH_PLACES_MAX,
};

static enum yb_err told(struct control_call *call, enum yb_err err,
			const char *reason)
{
	if (err != YB_OK && *reason != 0)
		control_put_str(&call->reply, reason);
	return err;
}

enum yb_err control_domain_add(struct auth *auth, struct control_call *call)
{
	struct span name = control_get(&call->fields);
	struct span alias_of = control_get(&call->fields);
	const char *reason = "";
	enum yb_err err;

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	err = auth_domain_add(auth, name, alias_of, &reason);
	return told(call, err, reason);
}

enum yb_err control_domain_remove(struct auth *auth, struct control_call *call)
{
	struct span name = control_get(&call->fields);
	const char *reason = "";
	enum yb_err err;

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	err = auth_domain_remove(auth, name, &reason);
	return told(call, err, reason);
}

static bool put_domain(void *ctx, const struct auth_domain *domain)
{
	struct control_call *call = ctx;
	struct control_writer *w = &call->reply;

	if (!control_has_room(w)) {
		call->more = true;
		return false;
	}
	control_put_str(w, domain->name);
	control_put_str(w, domain->shown);
	control_put_str(w, domain->alias_of);
	control_put_u64(w, (uint64_t)domain->created_s);
	control_put_u64(w, domain->accounts_n);
	control_put_u64(w, domain->aliases_n);
	return true;
}

enum yb_err control_domain_list(struct auth *auth, struct control_call *call)
{
	struct span after = control_get(&call->fields);

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	return auth_domain_each(auth, after, put_domain, call);
}

enum yb_err control_alias_change(struct auth *auth, struct control_call *call)
{
	struct span alias = control_get(&call->fields);
	struct span targets[TARGETS_MAX];
	const char *reason = "";
	size_t n = 0;
	enum yb_err err;

	while (control_has_more(&call->fields) && n < TARGETS_MAX)
		targets[n++] = control_get(&call->fields);
	if (!control_ended(&call->fields))
		return n == TARGETS_MAX ? YB_TOO_BIG : YB_SYNTAX;
	if (call->type == CONTROL_ALIAS_ADD)
		err = auth_alias_add(auth, alias, targets, n, &reason);
	else
		err = auth_alias_remove(auth, alias, targets, n, &reason);
	return told(call, err, reason);
}

static bool put_target(void *ctx, const char *alias, const char *target)
{
	struct control_call *call = ctx;
	struct control_writer *w = &call->reply;

	if (!control_has_room(w)) {
		call->more = true;
		return false;
	}
	control_put_str(w, alias);
	control_put_str(w, target);
	return true;
}

enum yb_err control_alias_list(struct auth *auth, struct control_call *call)
{
	struct span alias = control_get(&call->fields);
	struct span target = control_get(&call->fields);

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	return auth_alias_each(auth, alias, target, put_target, call);
}

/* ---- settings ---- */

static bool get_owner(struct control_call *call, enum auth_owner *ret)
{
	uint64_t owner = control_get_u64(&call->fields);

	*ret = owner == 0 ? AUTH_ACCOUNT : AUTH_DOMAIN;
	return owner <= 1;
}

enum yb_err control_settings_set(struct auth *auth, struct control_call *call)
{
	struct span texts[SETTINGS_N];
	enum auth_owner owner;
	bool good = get_owner(call, &owner);
	struct span name = control_get(&call->fields);
	const char *reason = "";
	size_t n = 0;
	enum yb_err err;

	while (control_has_more(&call->fields) && n < SETTINGS_N)
		texts[n++] = control_get(&call->fields);
	if (!good || !control_ended(&call->fields))
		return YB_SYNTAX;
	err = auth_settings_change(auth, owner, name, texts, n, &reason);
	return told(call, err, reason);
}

enum yb_err control_settings_get(struct auth *auth, struct control_call *call)
{
	enum auth_owner owner;
	bool good = get_owner(call, &owner);
	struct span name = control_get(&call->fields);
	struct setting_set set;
	enum yb_err err;

	if (!good || !control_ended(&call->fields))
		return YB_SYNTAX;
	err = auth_settings_get(auth, owner, name, &set);
	for (int i = 0; i < SETTINGS_N && err == YB_OK; i++) {
		if ((set.has & 1u << i) == 0)
			continue;
		control_put_str(&call->reply, setting_name((enum setting)i));
		control_put_u64(&call->reply, set.value[i]);
	}
	return err;
}

/* ---- lists of accounts ---- */

/* One record; its hash is copied, since a verifier's is a string. */
struct import {
	struct auth_import record;
	char hash[DIRECTORY_HASH_MAX + 1];
};

static bool get_record(struct control_reader *r, struct import *ret)
{
	struct directory_verifier *v = &ret->record.verifier;
	uint64_t kind, iterations;

	*v = (struct directory_verifier){ .device = DIRECTORY_MAIN,
					  .name = "main",
					  .hash = ret->hash };
	ret->record.address = control_get(r);
	kind = control_get_u64(r);
	iterations = control_get_u64(r);
	control_get_into(r, v->salt, sizeof v->salt);
	control_get_into(r, v->stored_key, sizeof v->stored_key);
	control_get_into(r, v->server_key, sizeof v->server_key);
	control_get_str(r, ret->hash, sizeof ret->hash);
	v->kind = kind == DIRECTORY_CRYPT ? DIRECTORY_CRYPT
					  : DIRECTORY_SCRAM_SHA_256;
	v->iterations = (uint32_t)iterations;
	return !r->bad && iterations <= DIRECTORY_ITERATIONS_MAX;
}

enum yb_err control_accounts_add(struct auth *auth, struct control_call *call)
{
	bool dry_run = control_get_u64(&call->fields) != 0;
	AUTO_FREE struct import *list = calloc(AUTH_IMPORT_MAX, sizeof *list);
	AUTO_FREE struct auth_import *records =
		calloc(AUTH_IMPORT_MAX, sizeof *records);
	enum yb_err errs[AUTH_IMPORT_MAX];
	enum yb_err err;
	size_t n = 0;

	if (list == NULL || records == NULL)
		return YB_NOMEM;
	while (control_has_more(&call->fields) && n < AUTH_IMPORT_MAX) {
		if (!get_record(&call->fields, &list[n]))
			return YB_SYNTAX;
		records[n] = list[n].record;
		n++;
	}
	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	err = auth_accounts_import(auth, records, n, dry_run, errs);
	for (size_t i = 0; i < n && err == YB_OK; i++)
		control_put_u64(&call->reply, errs[i]);
	return err;
}
