/*
 * Where mail goes.
 */
#include "auth/auth_private.h"

static bool is_bare_postmaster(struct span address)
{
	return span_eq_nocase(address, SPAN_LIT("postmaster"));
}

static enum yb_err give(struct directory_account **account,
			struct auth_mailbox *ret)
{
	memcpy(ret->account, (*account)->id, sizeof ret->account);
	ret->mailbox = 1;
	directory_account_free(account);
	return YB_OK;
}

/*
 * RFC 5321 section 4.5.1: mail to postmaster is never refused. Without an
 * account of that name the oldest of the domain has it; without a domain, the
 * default domain's, or the oldest of all.
 */
static enum yb_err postmaster(struct auth *a, struct span domain, bool bare,
			      struct auth_mailbox *ret)
{
	struct directory_account *account = NULL;
	enum yb_err err = YB_NO_ACCOUNT;

	if (domain.n > 0)
		err = directory_account_first(a->directory, domain, &account);
	if (err == YB_NO_ACCOUNT && bare)
		err = directory_account_first(a->directory, SPAN_NONE,
					      &account);
	return err == YB_OK ? give(&account, ret) : err;
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
			   struct auth_mailbox *ret)
{
	uint8_t plain[AUTH_ADDRESS_MAX];
	struct span in = address;
	struct cached *at = NULL;
	struct name name;
	enum yb_err err = name_unquote(address, plain, &in.n);

	if (err == YB_OK) {
		in.p = plain;
		err = name_canonical(in, a->default_domain, NAME_FIND, &name);
	}
	if (err == YB_INVALID && is_bare_postmaster(in))
		return postmaster(a, SPAN_NONE, true, ret);
	if (err == YB_INVALID)
		return no_such_name(a, address);
	if (err == YB_OK)
		err = cache_find(&a->cache, name_span(&name), a->now_ms, &at);
	if (err != YB_OK)
		return err;
	if (at->real) {
		memcpy(ret->account, at->account->id, sizeof ret->account);
		ret->mailbox = 1;
		return YB_OK;
	}
	if (name_is_postmaster(&name)) {
		err = postmaster(a, name_domain(&name), is_bare_postmaster(in),
				 ret);
		if (err != YB_NO_ACCOUNT)
			return err;
	}
	return unknown(a, name_domain(&name));
}
