/*
 * Beginnings: what is claimed is made canonical, and waits for its turn unless
 * it was right a while ago.
 */
#include "auth/attempt.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* Stands for names that cannot be: no canonical address is like it. */
static const char no_name[] = "?";

/* What is claimed, made canonical. */
struct prepared {
	struct name name, as;
	size_t password_n;
	uint8_t password[SASLPREP_OUT_MAX];
};

enum yb_err attempt_name(struct auth *a, struct span user, struct name *ret)
{
	enum yb_err err =
		name_canonical(user, a->default_domain, NAME_FIND, ret);

	if (err != YB_INVALID)
		return err;
	ret->n = sizeof no_name - 1;
	memcpy(ret->text, no_name, sizeof no_name);
	return YB_OK;
}

static void set_nobody(struct name *ret)
{
	ret->n = 0;
	ret->text[0] = 0;
}

enum yb_err attempt_as(struct auth *a, struct span authzid,
		       const struct name *name, struct name *ret,
		       bool *ret_good)
{
	enum yb_err err = YB_OK;

	set_nobody(ret);
	*ret_good = true;
	if (authzid.n == 0)
		return YB_OK;
	err = name_canonical(authzid, a->default_domain, NAME_FIND, ret);
	*ret_good = err == YB_OK;
	if (err != YB_OK || span_eq(name_span(ret), name_span(name)))
		set_nobody(ret);
	return err == YB_INVALID ? YB_OK : err;
}

/*
 * Never refuses a claim for what it says: a password that cannot be right
 * becomes the empty one, which no account has. NOMEM.
 */
static enum yb_err prepare(struct auth *a, const struct attempt_claim *claim,
			   struct prepared *ret)
{
	bool good = false;
	enum yb_err err = attempt_name(a, claim->user, &ret->name);

	if (err == YB_OK)
		err = attempt_as(a, claim->authzid, &ret->name, &ret->as,
				 &good);
	if (err != YB_OK)
		return err;
	if (!good || claim->password.n > AUTH_PASSWORD_MAX)
		return YB_OK;
	err = saslprep(claim->password, SASLPREP_QUERY, ret->password,
		       &ret->password_n);
	if (err == YB_OK || err == YB_NOMEM)
		return err;
	ret->password_n = 0;
	return YB_OK;
}

/* Whether it was right a while ago; then `ret` is what it names. */
static enum yb_err recall(struct auth *a, const struct auth_peer *from,
			  const struct name *name, const struct name *as,
			  struct span password, bool *ret_known,
			  struct grant *ret)
{
	struct cached *cached = NULL;
	uint8_t digest[HMAC_LEN];
	struct grant own;
	int index = -1;
	enum yb_err err =
		cache_find(&a->cache, name_span(name), a->now_ms, &cached);

	if (err == YB_OK)
		err = cache_digest(&a->cache, cached, password, digest);
	if (err == YB_OK)
		index = cache_recall(cached, digest, a->now_ms);
	/* Whom its limits keep out waits as long as for a wrong password. */
	if (index >= 0 && (!device_may_login(cached, index, from) ||
			   !grant_may_act(cached, as)))
		index = -1;
	a->cache_hits += index >= 0;
	mem_wipe(digest, sizeof digest);
	*ret_known = index >= 0;
	if (index < 0)
		return err;
	grant_make(a, cached->account, index, ret);
	if (as->n == 0)
		return YB_OK;
	own = *ret;
	err = grant_as(a, as, &own, ret);
	*ret_known = err == YB_OK;
	return err == YB_DENIED ? YB_OK : err;
}

static struct attempt *new_attempt(struct auth *a, const struct auth_peer *from,
				   const struct name *name,
				   const struct name *as, struct span password,
				   struct peer *peer)
{
	struct attempt *at = calloc(1, sizeof *at + password.n);

	if (at == NULL)
		return NULL;
	list_init(&at->link);
	list_init(&at->wait.link);
	at->from = *from;
	at->peer = peer;
	at->begun_ms = a->now_ms;
	at->name = *name;
	at->as = *as;
	at->password_n = password.n;
	if (password.n > 0)
		memcpy(at->password, password.p, password.n);
	throttle_prepare(
		&a->throttle,
		&(struct throttle_who){ .address = at->from.address,
					.account = name_span(&at->name) },
		auth_real_ms(a), &at->turn);
	return at;
}

/* A full queue makes room for an address that did not fail, at the cost of
 * the youngest attempt from one that did. */
static bool make_room(struct auth *a, bool failing)
{
	struct attempt *last;

	if (a->waiting_n < AUTH_WAITING_MAX)
		return true;
	if (failing || list_empty(&a->failing))
		return false;
	last = list_entry(a->failing.prev, struct attempt, link);
	last->peer->waiting--;
	a->waiting_n--;
	attempt_answer(a, last, YB_OVERLOAD, NULL);
	return true;
}

/* One that is new here may be known from before the process began. */
static struct peer *hold_peer(struct auth *a, const struct auth_peer *from)
{
	struct peer *peer = peers_hold(&a->peers, from->address, a->now_ms);

	if (peer != NULL && peer->refs == 1 &&
	    peer_failures(peer, a->now_ms) == 0)
		peer->failures = throttle_address_failures(
			&a->throttle, from->address, auth_real_ms(a));
	return peer;
}

/*
 * An attempt, and the address that it counts for. OVERLOAD if too many of that
 * address wait already.
 */
static enum yb_err make_attempt(struct auth *a, const struct auth_peer *from,
				const struct name *name, const struct name *as,
				struct span password, struct attempt **ret)
{
	struct peer *peer = hold_peer(a, from);
	enum yb_err err = YB_NOMEM;

	if (peer == NULL)
		return YB_NOMEM;
	if (!peer_may_wait(peer, a->now_ms))
		err = YB_OVERLOAD;
	else
		*ret = new_attempt(a, from, name, as, password, peer);
	if (*ret != NULL)
		return YB_OK;
	peers_release(&a->peers, peer, a->now_ms);
	return err;
}

/* Takes its place in the queue; false if there is none. */
static bool enqueue(struct auth *a, struct attempt *at)
{
	struct guess *g;

	if (!attempt_is_hashed(at)) {
		a->proofs_n++;
		attempt_wait(a, at);
		return true;
	}
	if (!make_room(a, peer_failures(at->peer, a->now_ms) > 0))
		return false;
	a->waiting_n++;
	attempt_wait(a, at);
	g = guess_find(a, at);
	if (g != NULL)
		guess_join(at, g);
	return true;
}

void attempt_go_on(struct auth *a, struct attempt *at)
{
	struct grant grant;
	bool known = false;
	enum yb_err err = YB_OK;

	if (attempt_is_hashed(at) && !at->denied)
		err = recall(a, &at->from, &at->name, &at->as,
			     span_of(at->password, at->password_n), &known,
			     &grant);
	else if (at->by_token && !at->denied)
		known = token_is_known(a, at, &grant);
	if (err != YB_OK || known)
		attempt_answer(a, at, err, known ? &grant.identity : NULL);
	else if (!enqueue(a, at))
		attempt_answer(a, at, YB_OVERLOAD, NULL);
}

void attempt_enter(struct auth *a, struct attempt *at, auth_done_fn *done,
		   void *ctx, struct attempt **owner)
{
	at->done = done;
	at->ctx = ctx;
	at->owner = owner;
	if (owner != NULL)
		*owner = at;
	if (gate_is_closed(a))
		gate_enter(a, at);
	else if (!enqueue(a, at))
		attempt_answer(a, at, YB_OVERLOAD, NULL);
	attempts_run(a);
}

void attempt_begin(struct auth *a, const struct auth_peer *peer,
		   const struct attempt_claim *claim, uint64_t now_ms,
		   auth_done_fn *done, void *ctx, struct attempt **owner)
{
	UNSET struct prepared p;
	struct attempt *at = NULL;
	struct span password;
	struct grant grant;
	bool known = false;
	enum yb_err err;

	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
	p.password_n = 0;
	err = prepare(a, claim, &p);
	password = span_of(p.password, p.password_n);
	/* Those who poll: it is known at once, without an attempt. What comes
	 * in clear is a secret for that, and never hashed. */
	if (err == YB_OK && !gate_is_closed(a) && !peer->legacy)
		err = recall(a, peer, &p.name, &p.as, password, &known, &grant);
	if (err == YB_OK && !known)
		err = make_attempt(a, peer, &p.name, &p.as, password, &at);
	if (at != NULL && peer->legacy)
		at->check = legacy_check_clear;
	mem_wipe(p.password, sizeof p.password);
	if (at == NULL)
		done(ctx, err, known ? &grant.identity : NULL, SPAN_NONE);
	else
		attempt_enter(a, at, done, ctx, owner);
}

enum yb_err attempt_make_token(struct auth *a, const struct auth_peer *from,
			       const struct name *name, struct span token,
			       struct attempt **ret)
{
	const struct name nobody = { .n = 0 };
	enum yb_err err = make_attempt(a, from, name, &nobody, token, ret);

	if (err != YB_OK)
		return err;
	(*ret)->by_token = true;
	a->tokens_n++;
	return YB_OK;
}

void attempt_begin_proof(struct auth *a, const struct auth_peer *peer,
			 const struct name *name, const struct name *as,
			 attempt_check_fn *check, uint64_t now_ms,
			 auth_done_fn *done, void *ctx, struct attempt **owner)
{
	struct attempt *at = NULL;
	enum yb_err err;

	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
	err = make_attempt(a, peer, name, as, SPAN_NONE, &at);
	if (err != YB_OK) {
		done(ctx, err, NULL, SPAN_NONE);
		return;
	}
	at->check = check;
	attempt_enter(a, at, done, ctx, owner);
}
