/*
 * What an attempt that is right is granted, and whether a proof is: one that
 * is checked with what the account has, without a hash.
 */
#include "auth/attempt.h"

static void make(struct auth *a, struct directory_account *account,
		 uint32_t device, uint32_t refused, struct grant *ret)
{
	ret->identity = (struct auth_identity){ .device = device,
						.mailbox = 1,
						.address = ret->address };
	ret->identity.may_delete = (refused & DIRECTORY_NO_DELETE) == 0;
	memcpy(ret->identity.account, account->id, sizeof account->id);
	memccpy(ret->address, account->address, 0, sizeof ret->address);
	login_note(a, account, device);
}

void grant_make(struct auth *a, struct directory_account *account, int index,
		struct grant *ret)
{
	const struct directory_credential *c = &account->credentials[index];

	make(a, account, c->device, c->limits.refused, ret);
}

void grant_whole(struct auth *a, struct directory_account *account,
		 struct grant *ret)
{
	make(a, account, DIRECTORY_MAIN, 0, ret);
}

bool grant_may_act(const struct cached *at, const struct name *as)
{
	return as->n == 0 || at->settings[SETTING_master] != 0;
}

enum yb_err grant_as(struct auth *a, const struct name *as,
		     const struct grant *grant, struct grant *ret)
{
	struct cached *target = NULL;
	enum yb_err err =
		cache_find(&a->cache, name_span(as), a->now_ms, &target);

	if (err != YB_OK)
		return err;
	if (!target->real)
		return YB_DENIED;
	ret->identity = grant->identity;
	ret->identity.device = DIRECTORY_MAIN;
	memcpy(ret->identity.account, target->account->id,
	       sizeof ret->identity.account);
	memccpy(ret->address, target->account->address, 0, sizeof ret->address);
	memcpy(ret->master, grant->address, sizeof ret->master);
	ret->identity.address = ret->address;
	ret->identity.master = ret->master;
	return YB_OK;
}

void attempt_check_proof(struct auth *a, struct attempt *at)
{
	const struct throttle_who who = attempt_who(at, 0);
	struct cached *cached = NULL;
	struct grant grant, other;
	int index = -1;
	enum yb_err err =
		cache_find(&a->cache, name_span(&at->name), a->now_ms, &cached);

	attempt_stop_waiting(a, at);
	throttle_begun(&a->throttle, &at->turn, auth_real_ms(a));
	if (err == YB_OK)
		err = at->check(at, cached, &index);
	if (err == YB_OK && index >= 0 &&
	    !device_may_login(cached, index, &at->from)) {
		at->barred = true;
		index = -1;
	}
	if (err == YB_OK &&
	    (index < 0 || at->denied || !cached_may_log_in(cached) ||
	     !grant_may_act(cached, &at->as)))
		err = YB_DENIED;
	if (err == YB_OK)
		grant_make(a, cached->account, index, &grant);
	if (err == YB_OK && at->as.n > 0)
		err = grant_as(a, &at->as, &grant, &other);
	if (err == YB_DENIED) {
		at->peer->open++;
		attempt_refuse(a, at, ++a->guess_number);
		return;
	}
	if (err == YB_OK)
		throttle_passed(&a->throttle, &who, auth_real_ms(a));
	attempt_answer(a, at, err,
		       err != YB_OK   ? NULL
		       : at->as.n > 0 ? &other.identity
				      : &grant.identity);
}
