/*
 * Where mail goes. A recipient is, in this order: an account; an alias; either
 * without its detail ("alice" of "alice+list"); the same at the domain that
 * its own is another name of; postmaster; the catch-all of the domain.
 *
 * Aliases lead to aliases. None can lead to itself (alias.c refuses that), and
 * even if one did, a walk ends: its depth and its steps are bounded.
 */
#include "auth/auth_private.h"
#include "base/cleanup.h"

/* One recipient being looked up. */
struct walk {
	struct auth *auth;
	struct auth_places *places;
	unsigned steps;
};

static bool is_bare_postmaster(struct span address)
{
	return span_eq_nocase(address, SPAN_LIT("postmaster"));
}

/* A mailbox once, by however many of its names. */
static enum yb_err add_place(struct walk *w, const struct cached *of)
{
	struct auth_places *p = w->places;
	const uint8_t *account = of->account->id;

	for (size_t i = 0; i < p->n; i++)
		if (memcmp(p->at[i].account, account,
			   sizeof p->at[i].account) == 0)
			return YB_OK;
	if (p->n == AUTH_PLACES_MAX)
		return YB_TOO_MANY;
	p->at[p->n] = (struct auth_mailbox){
		.mailbox = 1,
		.quota_octets = of->settings[SETTING_quota_octets],
		.quota_messages = of->settings[SETTING_quota_messages],
	};
	memcpy(p->at[p->n].account, account, sizeof p->at[p->n].account);
	p->n++;
	return YB_OK;
}

/* As it is now; AGAIN if somebody has to be asked how that is. */
static enum yb_err find_account(struct walk *w, struct span address,
				struct cached **ret)
{
	struct auth *a = w->auth;
	enum yb_err err = outside_refresh(a, address, NULL);

	if (err == YB_AGAIN) {
		a->wanted.n = address.n;
		if (!span_to_str(address, a->wanted.text,
				 sizeof a->wanted.text))
			return YB_INVALID;
	}
	return err == YB_OK ? cache_find(&a->cache, address, a->now_ms, ret)
			    : err;
}

static enum yb_err add_account(struct walk *w,
			       struct directory_account **account)
{
	struct cached *at = NULL;
	enum yb_err err = find_account(w, span_str((*account)->address), &at);

	if (err == YB_OK && !at->real)
		err = YB_NO_ACCOUNT;
	if (err == YB_OK)
		err = add_place(w, at);
	directory_account_free(account);
	return err;
}

static enum yb_err find_exact(struct walk *w, const struct name *name,
			      unsigned depth);

/*
 * All targets. One that is gone is passed over as long as there is another;
 * any other error is that of all, since a part of the mail is no delivery.
 */
static enum yb_err find_targets(struct walk *w,
				const struct directory_alias *alias,
				unsigned depth)
{
	enum yb_err all = YB_NO_ACCOUNT;

	for (size_t i = 0; i < alias->targets_n; i++) {
		struct name target = { .n = strlen(alias->targets[i]) };
		enum yb_err err;

		memcpy(target.text, alias->targets[i], target.n + 1);
		err = find_exact(w, &target, depth);
		if (err != YB_OK && err != YB_NO_ACCOUNT)
			return err;
		if (err == YB_OK)
			all = YB_OK;
	}
	return all;
}

static enum yb_err find_alias(struct walk *w, const struct name *name,
			      unsigned depth)
{
	struct directory_alias *alias = NULL;
	enum yb_err err;

	if (depth == AUTH_ALIAS_DEPTH_MAX)
		return YB_TOO_MANY;
	err = directory_alias_find(w->auth->directory, name_span(name), &alias);
	if (err != YB_OK)
		return err == YB_NOT_FOUND ? YB_NO_ACCOUNT : err;
	err = find_targets(w, alias, depth + 1);
	directory_alias_free(&alias);
	return err;
}

/* The account or alias of exactly that name; NO_ACCOUNT. */
static enum yb_err find_exact(struct walk *w, const struct name *name,
			      unsigned depth)
{
	struct cached *at = NULL;
	enum yb_err err;

	if (++w->steps > AUTH_ALIAS_STEPS_MAX)
		return YB_TOO_MANY;
	err = find_account(w, name_span(name), &at);
	if (err != YB_OK)
		return err;
	if (at->real)
		return add_place(w, at);
	return find_alias(w, name, depth);
}

static enum yb_err find_plain(struct walk *w, const struct name *name)
{
	struct name base;
	enum yb_err err = find_exact(w, name, 0);

	if (err == YB_NO_ACCOUNT &&
	    name_without_detail(name, w->auth->delimiter, &base))
		err = find_exact(w, &base, 0);
	return err;
}

/*
 * RFC 5321 section 4.5.1: mail to postmaster is never refused. Without an
 * account or alias of that name the oldest account of the domain has it;
 * without one there, the default domain's, or the oldest of all.
 */
static enum yb_err find_postmaster(struct walk *w, struct span domain)
{
	struct directory *d = w->auth->directory;
	struct directory_account *account = NULL;
	enum yb_err err = YB_NO_ACCOUNT;

	if (domain.n > 0)
		err = directory_account_first(d, domain, &account);
	if (err == YB_NO_ACCOUNT && *w->auth->default_domain != 0)
		err = directory_account_first(
			d, span_str(w->auth->default_domain), &account);
	if (err == YB_NO_ACCOUNT)
		err = directory_account_first(d, SPAN_NONE, &account);
	return err == YB_OK ? add_account(w, &account) : err;
}

/* What an address of a domain of ours comes to that nobody has. */
static enum yb_err find_homeless(struct walk *w, const struct name *name)
{
	struct name all;
	enum yb_err err;

	name_catch_all(name_domain(name), &all);
	err = find_alias(w, &all, 0);
	if (err == YB_NO_ACCOUNT && name_is_postmaster(name))
		err = find_postmaster(w, name_domain(name));
	return err;
}

static enum yb_err find(struct walk *w, const struct name *name)
{
	char own[DIRECTORY_DOMAIN_MAX + 1];
	struct name renamed = *name;
	enum yb_err err = find_plain(w, name);

	if (err != YB_NO_ACCOUNT)
		return err;
	err = directory_domain_alias_of(w->auth->directory, name_domain(name),
					own);
	if (err != YB_OK)
		return err == YB_NOT_FOUND ? YB_DENIED : err;
	if (*own != 0) {
		if (name_at_domain(name, span_str(own), &renamed) != YB_OK)
			return YB_NO_ACCOUNT;
		err = find_plain(w, &renamed);
		if (err != YB_NO_ACCOUNT)
			return err;
	}
	return find_homeless(w, &renamed);
}

static enum yb_err unknown(struct auth *a, struct span domain)
{
	enum yb_err err = directory_domain_find(a->directory, domain);

	if (err == YB_OK)
		return YB_NO_ACCOUNT;
	return err == YB_NOT_FOUND ? YB_DENIED : err;
}

/* A name that no account can have: is at least its domain ours? */
static enum yb_err no_such_name(struct auth *a, struct span address)
{
	char domain[NAME_DOMAIN_MAX + 1];
	size_t at = span_find_last(address, '@');

	if (at == address.n)
		return *a->default_domain == 0
			       ? YB_DENIED
			       : unknown(a, span_str(a->default_domain));
	if (name_canonical_domain(span_skip(address, at + 1), domain) != YB_OK)
		return YB_DENIED;
	return unknown(a, span_str(domain));
}

enum yb_err auth_recipient(struct auth *a, struct span address,
			   struct auth_places *ret)
{
	struct walk w = { .auth = a, .places = ret };
	uint8_t plain[AUTH_ADDRESS_MAX];
	struct span in = address;
	struct name name;
	enum yb_err err = name_unquote(address, plain, &in.n);

	ret->n = 0;
	if (err == YB_OK) {
		in.p = plain;
		err = name_canonical(in, a->default_domain, NAME_FIND, &name);
	}
	if (err == YB_OK) {
		err = find(&w, &name);
		/* RFC 5321 section 2.3.5: "The reserved mailbox name
		 * "postmaster" may be used in a RCPT command without domain
		 * qualification ... and MUST be accepted if so used." */
		if (err != YB_NO_ACCOUNT && err != YB_DENIED)
			return err;
	} else if (err == YB_INVALID) {
		err = no_such_name(a, address);
	}
	if (is_bare_postmaster(in) &&
	    (err == YB_NO_ACCOUNT || err == YB_DENIED)) {
		enum yb_err other = find_postmaster(&w, SPAN_NONE);

		if (other == YB_OK || err_is_temp(other))
			return other;
	}
	return err;
}

enum yb_err auth_address_find(struct auth *a, const struct name *name)
{
	UNSET struct auth_places places;
	struct walk w = { .auth = a, .places = &places };
	enum yb_err err;

	places.n = 0;
	err = find_exact(&w, name, 0);
	/* Somebody outside may know it; he is asked when it is used. */
	return err == YB_AGAIN ? YB_OK : err;
}
