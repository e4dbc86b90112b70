/*
 * Changing domains and aliases. All checks are made against the file by its
 * only writer, so nothing comes between check and change.
 */
#include "auth/alias.h"

#include <stdarg.h>
#include <stdio.h>

#include "auth/auth_private.h"
#include "base/cleanup.h"
#include "os/clock.h"
#include "sasl/idna.h"

enum {
	/* Aliases or accounts that a refusal names. */
	NAMED_MAX = 3,
};

static int64_t now_s(void)
{
	return clock_real_ns() / 1000000000;
}

static enum yb_err refuse(struct auth *a, enum yb_err err,
			  const char **ret_reason, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static enum yb_err refuse(struct auth *a, enum yb_err err,
			  const char **ret_reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(a->reason, sizeof a->reason, format, args);
	va_end(args);
	*ret_reason = a->reason;
	return err;
}

/* ---- domains ---- */

static enum yb_err refuse_domain(struct auth *a, struct span name,
				 const char **ret_reason)
{
	return refuse(a, YB_INVALID, ret_reason,
		      "\"%.*s\" is no domain; one looks like example.org",
		      (int)(name.n < 64 ? name.n : 64), (const char *)name.p);
}

enum yb_err auth_domain_add(struct auth *a, struct span name,
			    struct span alias_of, const char **ret_reason)
{
	char domain[NAME_DOMAIN_MAX + 1], of[NAME_DOMAIN_MAX + 1] = "";
	enum yb_err err;

	if (name_canonical_domain(name, domain) != YB_OK)
		return refuse_domain(a, name, ret_reason);
	if (alias_of.n > 0 && name_canonical_domain(alias_of, of) != YB_OK)
		return refuse_domain(a, alias_of, ret_reason);
	if (strcmp(domain, of) == 0)
		return refuse(a, YB_INVALID, ret_reason,
			      "a domain is no other name of itself");
	err = directory_domain_add(a->directory, span_str(domain), span_str(of),
				   now_s());
	if (err == YB_NOT_FOUND)
		return refuse(a, err, ret_reason,
			      "%s is not a domain of this server; `yubin "
			      "domain add %s` makes it one",
			      of, of);
	if (err == YB_INVALID)
		return refuse(a, err, ret_reason,
			      "%s is another name itself; give the domain that "
			      "it stands for",
			      of);
	return err;
}

enum yb_err auth_domain_remove(struct auth *a, struct span name,
			       const char **ret_reason)
{
	char domain[NAME_DOMAIN_MAX + 1];
	char who[DIRECTORY_ADDRESS_MAX + 1] = "";
	struct directory_domain at;
	uint64_t n;
	enum yb_err err;

	if (name_canonical_domain(name, domain) != YB_OK)
		return YB_NOT_FOUND;
	err = directory_domain_get(a->directory, span_str(domain), &at);
	if (err != YB_OK)
		return err;
	n = at.accounts_n + at.aliases_n + at.names_n;
	if (n == 0)
		return directory_domain_remove(a->directory, span_str(domain));
	err = directory_domain_resident(a->directory, span_str(domain), who);
	if (err != YB_OK)
		return err;
	return refuse(
		a, YB_IN_USE, ret_reason,
		"%s has %llu account%s, %llu alias%s and %llu other "
		"name%s, such as %s; remove them first",
		domain, (unsigned long long)at.accounts_n,
		at.accounts_n == 1 ? "" : "s", (unsigned long long)at.aliases_n,
		at.aliases_n == 1 ? "" : "es", (unsigned long long)at.names_n,
		at.names_n == 1 ? "" : "s", who);
}

enum yb_err auth_domain_each(struct auth *a, struct span after,
			     auth_domain_fn *each, void *ctx)
{
	struct directory_domain at;
	bool more = true;
	enum yb_err err = YB_OK;

	if (!span_to_str(after, at.name, sizeof at.name))
		return YB_INVALID;
	while (more && err == YB_OK) {
		char shown[IDNA_SHOWN_MAX + 1];
		struct auth_domain domain = { .name = at.name,
					      .shown = shown,
					      .alias_of = at.alias_of };

		err = directory_domain_next(a->directory, span_str(at.name),
					    &at);
		if (err != YB_OK)
			break;
		idna_to_shown(at.name, shown);
		domain.created_s = at.created_s;
		domain.accounts_n = at.accounts_n;
		domain.aliases_n = at.aliases_n;
		more = each(ctx, &domain);
	}
	return err == YB_NOT_FOUND ? YB_OK : err;
}

/* ---- who leads to whom ---- */

enum yb_err auth_still_needed(struct auth *a, const struct name *name,
			      const char **ret_reason)
{
	char by[NAMED_MAX][DIRECTORY_ADDRESS_MAX + 1] = { "", "", "" };
	int64_t at = 0;
	size_t n = 0;
	enum yb_err err = YB_OK;

	while (n < NAMED_MAX && err == YB_OK) {
		err = directory_alias_using(a->directory, name_span(name), &at,
					    by[n]);
		n += err == YB_OK;
	}
	if (err != YB_OK && err != YB_NOT_FOUND)
		return err;
	if (n == 0)
		return YB_OK;
	return refuse(a, YB_IN_USE, ret_reason,
		      "mail to %s%s%s%s%s%s goes there; change that with "
		      "`yubin alias remove` first",
		      by[0], n > 1 ? ", " : "", by[1], n > 2 ? ", " : "", by[2],
		      n == NAMED_MAX ? " ..." : "");
}

enum yb_err auth_name_is_free(struct auth *a, const struct name *name,
			      const char **ret_reason)
{
	char own[DIRECTORY_DOMAIN_MAX + 1];
	struct directory_alias *alias = NULL;
	enum yb_err err =
		directory_alias_find(a->directory, name_span(name), &alias);

	directory_alias_free(&alias);
	if (err == YB_OK)
		return refuse(a, YB_IN_USE, ret_reason,
			      "it is an alias; `yubin alias remove` makes the "
			      "name free");
	if (err == YB_NOT_FOUND)
		err = directory_domain_alias_of(a->directory, name_domain(name),
						own);
	if (err == YB_OK && *own != 0)
		return refuse(a, YB_IN_USE, ret_reason,
			      "its domain is another name of %s; make the "
			      "account there",
			      own);
	return err == YB_NOT_FOUND ? YB_OK : err;
}

/* A search from one target on for the alias that is to lead there. */
struct search {
	struct auth *auth;
	const struct name *alias;
	unsigned steps;
};

/* INVALID if `name` leads to the alias sooner or later; TOO_MANY. */
static enum yb_err search_from(struct search *s, struct span name,
			       unsigned depth)
{
	struct directory_alias *alias = NULL;
	enum yb_err err;

	if (span_eq(name, name_span(s->alias)))
		return YB_INVALID;
	if (depth > AUTH_ALIAS_DEPTH_MAX || ++s->steps > AUTH_ALIAS_STEPS_MAX)
		return YB_TOO_MANY;
	err = directory_alias_find(s->auth->directory, name, &alias);
	if (err != YB_OK)
		return err == YB_NOT_FOUND ? YB_OK : err;
	for (size_t i = 0; i < alias->targets_n && err == YB_OK; i++)
		err = search_from(s, span_str(alias->targets[i]), depth + 1);
	directory_alias_free(&alias);
	return err;
}

/* The primary name of a target at a domain that is another name. */
static enum yb_err use_own_domain(struct auth *a, struct name *name)
{
	char own[DIRECTORY_DOMAIN_MAX + 1];
	struct name renamed;
	enum yb_err err =
		directory_domain_alias_of(a->directory, name_domain(name), own);

	if (err != YB_OK || *own == 0)
		return err;
	err = name_at_domain(name, span_str(own), &renamed);
	if (err == YB_OK)
		*name = renamed;
	return err;
}

static enum yb_err check_target(struct auth *a, const struct name *alias,
				struct span text, struct name *ret,
				const char **ret_reason)
{
	struct search search = { .auth = a, .alias = alias };
	enum yb_err err =
		name_canonical(text, a->default_domain, NAME_FIND, ret);

	if (err == YB_INVALID)
		return refuse(a, err, ret_reason, "\"%.*s\" is no address",
			      (int)(text.n < 64 ? text.n : 64),
			      (const char *)text.p);
	if (err == YB_OK)
		err = use_own_domain(a, ret);
	if (err == YB_NOT_FOUND)
		return refuse(a, err, ret_reason,
			      "%s is not at a domain of this server, which "
			      "does not send mail on to others",
			      ret->text);
	if (err == YB_OK)
		err = search_from(&search, name_span(ret), 1);
	if (err == YB_INVALID)
		return refuse(a, err, ret_reason,
			      "%s leads back to %s: mail would go round for "
			      "ever",
			      ret->text, alias->text);
	if (err == YB_TOO_MANY)
		return refuse(a, err, ret_reason,
			      "%s leads to too many others, or over too many "
			      "steps",
			      ret->text);
	if (err == YB_OK)
		err = auth_address_find(a, ret);
	if (err == YB_NO_ACCOUNT)
		return refuse(a, YB_NOT_FOUND, ret_reason,
			      "%s is neither an account nor an alias here",
			      ret->text);
	return err;
}

/* ---- aliases ---- */

/* An alias about to be made, for the check of all that is to lead to it. */
struct reach {
	struct auth *auth;
	const struct name *alias;
	unsigned steps;
};

/* Whether this one and all that lead to it still end within the limits. */
static enum yb_err check_upwards(struct reach *r, const struct name *name,
				 unsigned depth)
{
	struct name by;
	int64_t at = 0;
	enum yb_err err;

	if (depth == AUTH_ALIAS_DEPTH_MAX || ++r->steps > AUTH_ALIAS_STEPS_MAX)
		return YB_TOO_MANY;
	err = auth_address_find(r->auth, name);
	while (err == YB_OK) {
		err = directory_alias_using(r->auth->directory, name_span(name),
					    &at, by.text);
		if (err != YB_OK)
			break;
		by.n = strlen(by.text);
		err = check_upwards(r, &by, depth + 1);
	}
	return err == YB_NOT_FOUND ? YB_OK : err;
}

static enum yb_err check_reach(void *ctx)
{
	struct reach *r = ctx;

	return check_upwards(r, r->alias, 0);
}

/* Whether the name itself can be an alias. */
static enum yb_err check_alias(struct auth *a, struct span text,
			       struct name *ret, const char **ret_reason)
{
	char own[DIRECTORY_DOMAIN_MAX + 1];
	struct cached *at = NULL;
	enum yb_err err = name_canonical_alias(text, a->default_domain, ret);

	if (err == YB_INVALID)
		return refuse(a, err, ret_reason,
			      "\"%.*s\" is no address; an alias looks like "
			      "sales@example.org, or @example.org for all "
			      "others",
			      (int)(text.n < 64 ? text.n : 64),
			      (const char *)text.p);
	if (err == YB_OK)
		err = directory_domain_alias_of(a->directory, name_domain(ret),
						own);
	if (err == YB_NOT_FOUND)
		return refuse(a, err, ret_reason,
			      "%s is not at a domain of this server; `yubin "
			      "domain add` makes it one",
			      ret->text);
	if (err == YB_OK && *own != 0)
		return refuse(a, YB_INVALID, ret_reason,
			      "its domain is another name of %s; make the "
			      "alias there",
			      own);
	if (err == YB_OK && !name_is_catch_all(ret))
		err = cache_find(&a->cache, name_span(ret), a->now_ms, &at);
	if (err == YB_OK && at != NULL && at->real)
		return refuse(a, YB_EXISTS, ret_reason,
			      "there is an account of that name");
	return err;
}

/* Canonical names of all targets; freed by the caller. */
static enum yb_err take_targets(struct auth *a, const struct name *alias,
				const struct span *texts, size_t n,
				bool new_ones, struct name **ret,
				const char **ret_reason)
{
	struct name *names = calloc(n > 0 ? n : 1, sizeof *names);
	enum yb_err err = names == NULL ? YB_NOMEM : YB_OK;

	for (size_t i = 0; i < n && err == YB_OK; i++) {
		if (new_ones) {
			err = check_target(a, alias, texts[i], &names[i],
					   ret_reason);
			continue;
		}
		err = name_canonical(texts[i], a->default_domain, NAME_FIND,
				     &names[i]);
		if (err == YB_OK)
			err = use_own_domain(a, &names[i]);
		if (err == YB_INVALID)
			err = YB_NOT_FOUND;
	}
	if (err == YB_OK)
		*ret = names;
	else
		free(names);
	return err;
}

static struct span *spans_of(const struct name *names, size_t n)
{
	struct span *spans = calloc(n > 0 ? n : 1, sizeof *spans);

	for (size_t i = 0; spans != NULL && i < n; i++)
		spans[i] = name_span(&names[i]);
	return spans;
}

enum yb_err auth_alias_add(struct auth *a, struct span alias,
			   const struct span *targets, size_t n,
			   const char **ret_reason)
{
	AUTO_FREE struct span *spans = NULL;
	struct reach reach = { .auth = a };
	struct name *names = NULL;
	struct name name;
	enum yb_err err;

	if (n == 0)
		return refuse(a, YB_INVALID, ret_reason,
			      "an alias needs a target");
	reach.alias = &name;
	err = check_alias(a, alias, &name, ret_reason);
	if (err == YB_OK)
		err = take_targets(a, &name, targets, n, true, &names,
				   ret_reason);
	if (err != YB_OK)
		return err;
	spans = spans_of(names, n);
	err = spans == NULL ? YB_NOMEM
			    : directory_alias_add(a->directory,
						  name_span(&name), spans, n,
						  now_s(), check_reach, &reach);
	free(names);
	if (err == YB_TOO_MANY)
		return refuse(a, err, ret_reason,
			      "with it, an alias leads to more than %d "
			      "mailboxes, or over more than %d steps",
			      AUTH_PLACES_MAX, AUTH_ALIAS_DEPTH_MAX);
	if (err == YB_TOO_BIG)
		return refuse(a, err, ret_reason,
			      "an alias has at most %d targets",
			      DIRECTORY_TARGETS_MAX);
	return err;
}

enum yb_err auth_alias_remove(struct auth *a, struct span alias,
			      const struct span *targets, size_t n,
			      const char **ret_reason)
{
	AUTO_FREE struct span *spans = NULL;
	struct directory_alias *old = NULL;
	struct name *names = NULL;
	struct name name;
	enum yb_err err = name_canonical_alias(alias, a->default_domain, &name);

	if (err != YB_OK)
		return err == YB_INVALID ? YB_NOT_FOUND : err;
	err = directory_alias_find(a->directory, name_span(&name), &old);
	if (err != YB_OK)
		return err;
	/* Its last target takes it along. */
	if (n == 0 || n >= old->targets_n)
		err = auth_still_needed(a, &name, ret_reason);
	directory_alias_free(&old);
	if (err == YB_OK)
		err = take_targets(a, &name, targets, n, false, &names,
				   ret_reason);
	if (err != YB_OK)
		return err;
	spans = spans_of(names, n);
	err = spans == NULL ? YB_NOMEM
			    : directory_alias_remove(
				      a->directory, name_span(&name), spans, n);
	free(names);
	if (err == YB_NOT_FOUND)
		return refuse(a, err, ret_reason,
			      "it does not lead to all of these; nothing was "
			      "changed");
	return err;
}

static bool tell_targets(const struct directory_alias *alias, const char *after,
			 auth_alias_fn *each, void *ctx)
{
	for (size_t i = 0; i < alias->targets_n; i++) {
		if (strcmp(alias->targets[i], after) <= 0)
			continue;
		if (!each(ctx, alias->address, alias->targets[i]))
			return false;
	}
	return true;
}

enum yb_err auth_alias_each(struct auth *a, struct span alias,
			    struct span target, auth_alias_fn *each, void *ctx)
{
	char last[AUTH_ADDRESS_MAX + 1], after[AUTH_ADDRESS_MAX + 1];
	struct directory_alias *at = NULL;
	bool more = true;
	enum yb_err err = YB_OK;

	if (!span_to_str(alias, last, sizeof last) ||
	    !span_to_str(target, after, sizeof after))
		return YB_INVALID;
	/* The rest of one that did not fit. */
	if (target.n > 0)
		err = directory_alias_find(a->directory, alias, &at);
	while (more && (err == YB_OK || err == YB_NOT_FOUND)) {
		if (at != NULL)
			more = tell_targets(at, after, each, ctx);
		*after = 0;
		directory_alias_free(&at);
		if (!more)
			break;
		err = directory_alias_next(a->directory, span_str(last), &at);
		if (err != YB_OK)
			break;
		memccpy(last, at->address, 0, sizeof last);
	}
	return err == YB_NOT_FOUND ? YB_OK : err;
}
