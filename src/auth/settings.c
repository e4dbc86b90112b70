#include "auth/settings.h"

#include <stdio.h>

#include "auth/auth_private.h"

/* The longest NAME=VALUE that is shown in a refusal. */
enum { SHOWN_MAX = 64 };

/* ---- changing ---- */

static const char *known_names(void)
{
	static const char names[] =
#define X(name, type, least, most, text, value, where, help) #name ", "
		SETTINGS(X)
#undef X
			"";

	return names;
}

static enum yb_err take_text(struct auth *a, enum auth_owner owner,
			     struct span text, struct setting_set *set,
			     uint32_t *changed, const char **ret_reason)
{
	struct span value = text;
	struct span name = span_cut(&value, '=');
	const char *takes = NULL;
	enum setting which;
	int shown = (int)(text.n < SHOWN_MAX ? text.n : SHOWN_MAX);

	*ret_reason = a->reason;
	if (name.n == text.n) {
		(void)snprintf(a->reason, sizeof a->reason,
			       "\"%.*s\" is not NAME=VALUE", shown,
			       (const char *)text.p);
		return YB_INVALID;
	}
	if (!setting_find(name, &which)) {
		(void)snprintf(
			a->reason, sizeof a->reason,
			"there is no setting in \"%.*s\"; there are %.*s",
			shown, (const char *)text.p,
			(int)strlen(known_names()) - 2, known_names());
		return YB_INVALID;
	}
	if (owner == AUTH_DOMAIN && !setting_is_shared(which)) {
		(void)snprintf(a->reason, sizeof a->reason,
			       "%s is set for one account at a time: `yubin "
			       "account set`",
			       setting_name(which));
		return YB_INVALID;
	}
	*changed |= 1u << which;
	set->has &= ~(1u << which);
	if (value.n == 0)
		return YB_OK;
	set->has |= 1u << which;
	if (setting_parse(which, value, &set->value[which], &takes) == YB_OK)
		return YB_OK;
	(void)snprintf(a->reason, sizeof a->reason, "%s takes %s",
		       setting_name(which), takes);
	return YB_INVALID;
}

/* The owner's canonical name, and that it is there. */
static enum yb_err find_owner(struct auth *a, enum auth_owner owner,
			      struct span text, struct name *ret)
{
	char domain[NAME_DOMAIN_MAX + 1];
	struct directory_account *row = NULL;
	enum yb_err err;

	if (owner == AUTH_DOMAIN) {
		if (name_canonical_domain(text, domain) != YB_OK)
			return YB_NOT_FOUND;
		ret->n = strlen(domain);
		memcpy(ret->text, domain, ret->n + 1);
		return directory_domain_find(a->directory, name_span(ret));
	}
	err = name_canonical(text, a->default_domain, NAME_FIND, ret);
	/* The row itself: whoever knows accounts need not be asked. */
	if (err == YB_OK)
		err = directory_account_find(a->directory, name_span(ret),
					     &row);
	directory_account_free(&row);
	return err == YB_INVALID ? YB_NO_ACCOUNT : err;
}

static enum directory_owner stored(enum auth_owner owner)
{
	return owner == AUTH_ACCOUNT ? DIRECTORY_ACCOUNT : DIRECTORY_DOMAIN;
}

/* Whoever has logged in since the start is in the cache, as a rule. */
static void end_locked(struct auth *a, struct span name)
{
	list_for_each(link, &a->cache.accounts) {
		struct cached *at = list_entry(link, struct cached, link);

		if (!cached_may_log_in(at) && cached_is_of(at, name))
			devices_tell_ended(a, at->account->id, UINT64_MAX);
	}
}

enum yb_err auth_settings_change(struct auth *a, enum auth_owner owner,
				 struct span name, const struct span *texts,
				 size_t n, const char **ret_reason)
{
	struct setting_set set = { .has = 0 };
	uint32_t changed = 0;
	struct name found;
	enum yb_err err = find_owner(a, owner, name, &found);

	for (size_t i = 0; i < n && err == YB_OK; i++)
		err = take_text(a, owner, texts[i], &set, &changed, ret_reason);
	if (err == YB_OK)
		err = directory_settings_change(a->directory, stored(owner),
						name_span(&found), changed,
						&set);
	if (err == YB_OK)
		err = cache_reload_settings(&a->cache, name_span(&found));
	if (err == YB_OK && (changed & 1u << SETTING_login) != 0)
		end_locked(a, name_span(&found));
	return err;
}

enum yb_err auth_settings_get(struct auth *a, enum auth_owner owner,
			      struct span name, struct setting_set *ret)
{
	struct name found;
	enum yb_err err = find_owner(a, owner, name, &found);

	return err == YB_OK
		       ? directory_settings_get(a->directory, stored(owner),
						name_span(&found), ret)
		       : err;
}

enum yb_err auth_domain_setting(struct auth *a, struct span domain,
				enum setting which, uint64_t *ret)
{
	struct setting_set set;
	enum yb_err err = directory_settings_get(a->directory, DIRECTORY_DOMAIN,
						 domain, &set);

	if (err == YB_OK)
		*ret = (set.has & 1u << which) != 0 ? set.value[which]
						    : a->cache.defaults[which];
	return err;
}

void auth_set_defaults(struct auth *a, const uint64_t *defaults)
{
	memcpy(a->cache.defaults, defaults, sizeof a->cache.defaults);
	/* What cannot be read now is read when it is next asked for. */
	if (cache_reload_settings(&a->cache, SPAN_NONE) != YB_OK)
		cache_forget_all(&a->cache);
}
