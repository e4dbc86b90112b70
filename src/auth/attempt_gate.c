/*
 * What is asked outside before a claim is looked at: whose accounts it names
 * (auth/outside.h), and whether it may go on (auth/policy.h). An attempt at the
 * gate stands on a list of its own: it takes no place in the queue for hashes,
 * and nobody waits behind it.
 *
 *	gate_enter() -> [accounts] -> [policy asked -> delayed] ->
 *attempt_go_on()
 */
#include "auth/attempt.h"

#include <stdlib.h>

#include "auth/policy.h"

/* An answer that counts for a while. */
struct remembered {
	struct list link; /* in auth.policy_answers, the oldest first */
	uint64_t until_ms;
	struct policy_answer answer;
	size_t n;
	uint8_t key[];
};

enum {
	/* Address, TLS and protocol, a mechanism, two names with NULs. */
	KEY_MAX = 16 + 2 + 64 + 2 * (AUTH_ADDRESS_MAX + 1),
};

/* ---- what is remembered ---- */

static const char *mechanism_of(const struct attempt *at)
{
	return at->from.mechanism != NULL ? at->from.mechanism : "PASS";
}

static size_t make_key(const struct attempt *at, uint8_t key[KEY_MAX])
{
	const char *texts[] = { mechanism_of(at), at->name.text, at->as.text };
	size_t n = 18;

	memcpy(key, at->from.address, 16);
	key[16] = at->from.tls;
	key[17] = (uint8_t)at->from.protocol;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		size_t len = strnlen(texts[i], AUTH_ADDRESS_MAX) + 1;

		if (n + len > KEY_MAX)
			return 0; /* no mechanism of ours */
		memcpy(key + n, texts[i], len);
		n += len;
	}
	return n;
}

static void forget(struct auth *a, struct remembered *r)
{
	(void)map_remove(&a->policy_map, span_of(r->key, r->n));
	list_remove(&r->link);
	a->policy_answers_n--;
	free(r);
}

void gate_forget_all(struct auth *a)
{
	while (!list_empty(&a->policy_answers))
		forget(a, list_entry(a->policy_answers.next, struct remembered,
				     link));
}

static bool recall(struct auth *a, const struct attempt *at,
		   struct policy_answer *ret)
{
	uint8_t key[KEY_MAX];
	size_t n = make_key(at, key);
	struct remembered *r = map_get(&a->policy_map, span_of(key, n));

	if (r == NULL)
		return false;
	*ret = r->answer;
	if (a->now_ms < r->until_ms)
		return true;
	forget(a, r);
	return false;
}

static void remember(struct auth *a, const struct attempt *at,
		     const struct policy_answer *answer)
{
	uint8_t key[KEY_MAX];
	size_t n = make_key(at, key);
	struct remembered *r = map_get(&a->policy_map, span_of(key, n));

	if (answer->cache_s == 0 || n == 0)
		return;
	if (r != NULL)
		forget(a, r);
	if (a->policy_answers_n >= POLICY_CACHED_MAX)
		forget(a, list_entry(a->policy_answers.next, struct remembered,
				     link));
	r = malloc(sizeof *r + n);
	if (r == NULL)
		return; /* it is asked again */
	*r = (struct remembered){ .until_ms =
					  a->now_ms + 1000ull * answer->cache_s,
				  .answer = *answer,
				  .n = n };
	memcpy(r->key, key, n);
	if (map_put(&a->policy_map, span_of(key, n), r) != YB_OK) {
		free(r);
		return;
	}
	list_init(&r->link);
	list_push(&a->policy_answers, &r->link);
	a->policy_answers_n++;
}

/* ---- one attempt ---- */

static struct policy_login login_of(const struct attempt *at)
{
	return (struct policy_login){ .from = &at->from,
				      .mechanism = mechanism_of(at),
				      .account = at->name.text,
				      .acts_as =
					      at->as.n > 0 ? at->as.text : "" };
}

static void leave(struct auth *a, struct attempt *at)
{
	list_remove(&at->link);
	at->at_gate = false;
	at->peer->waiting--;
	a->at_gate_n--;
}

static void pass(struct auth *a, struct attempt *at)
{
	leave(a, at);
	if (!attempt_is_hashed(at) && at->done == NULL)
		/* What it would be checked with is gone. */
		attempt_answer(a, at, YB_GONE, NULL);
	else
		attempt_go_on(a, at);
}

static void put_off(struct auth *a, struct attempt *at, enum yb_err err)
{
	leave(a, at);
	attempt_answer(a, at, err_is_temp(err) ? err : YB_GONE, NULL);
}

static void obey(struct auth *a, struct attempt *at,
		 const struct policy_answer *answer)
{
	struct list *before = a->delayed.prev;

	at->denied = !answer->may;
	if (!answer->may || answer->delay_ms == 0) {
		pass(a, at);
		return;
	}
	at->due_ms = a->now_ms + (answer->delay_ms < POLICY_DELAY_MAX_MS
					  ? answer->delay_ms
					  : POLICY_DELAY_MAX_MS);
	while (before != &a->delayed &&
	       list_entry(before, struct attempt, link)->due_ms > at->due_ms)
		before = before->prev;
	list_remove(&at->link);
	list_add_before(before->next, &at->link);
}

static void do_without(struct auth *a, struct attempt *at, enum yb_err err)
{
	/* It may have been switched off meanwhile. */
	if (a->policy.on_failure || a->policy.ask == NULL)
		pass(a, at);
	else
		put_off(a, at, err);
}

bool gate_is_closed(const struct auth *a)
{
	return a->policy.ask != NULL || a->outside != NULL;
}

static void ask_policy(struct auth *a, struct attempt *at)
{
	struct policy_login login = login_of(at);
	struct policy_answer answer;
	enum yb_err err;

	if (a->policy.ask == NULL) {
		pass(a, at);
		return;
	}
	if (recall(a, at, &answer)) {
		obey(a, at, &answer);
		return;
	}
	err = a->policy.ask(a->policy.ctx, &login, at);
	if (err != YB_OK)
		do_without(a, at, err);
}

/* On from wherever it is. */
static void next_step(struct auth *a, struct attempt *at)
{
	enum yb_err err = outside_refresh(a, name_span(&at->name), &at->wait);

	if (err == YB_OK && at->as.n > 0)
		err = outside_refresh(a, name_span(&at->as), &at->wait);
	if (err == YB_OK)
		ask_policy(a, at);
	else if (err != YB_AGAIN)
		put_off(a, at, err);
}

static void on_account(struct outside_wait *w, struct auth *a, enum yb_err err)
{
	struct attempt *at = list_entry(w, struct attempt, wait);

	if (err == YB_OK)
		next_step(a, at);
	else
		put_off(a, at, err);
}

void gate_enter(struct auth *a, struct attempt *at)
{
	at->at_gate = true;
	at->wait.done = on_account;
	at->peer->waiting++;
	a->at_gate_n++;
	list_push(&a->asking, &at->link);
	if (a->at_gate_n > AUTH_WAITING_MAX && a->outside != NULL)
		put_off(a, at, YB_OVERLOAD);
	else if (a->at_gate_n > AUTH_WAITING_MAX)
		do_without(a, at, YB_OVERLOAD);
	else
		next_step(a, at);
}

void auth_policy_answered(struct auth *a, void *ticket, enum yb_err err,
			  const struct policy_answer *answer, uint64_t now_ms)
{
	struct attempt *at = ticket;

	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
	if (err == YB_OK) {
		remember(a, at, answer);
		obey(a, at, answer);
	} else {
		do_without(a, at, err);
	}
	attempts_run(a);
}

void gate_run(struct auth *a)
{
	while (!list_empty(&a->delayed)) {
		struct attempt *at =
			list_entry(a->delayed.next, struct attempt, link);

		if (at->due_ms > a->now_ms)
			return;
		pass(a, at);
	}
}

uint64_t gate_deadline(const struct auth *a)
{
	return list_empty(&a->delayed)
		       ? UINT64_MAX
		       : list_entry(a->delayed.next, struct attempt, link)
				 ->due_ms;
}

/* ---- afterwards ---- */

static const char *device_name(struct auth *a, const struct attempt *at,
			       const struct auth_identity *identity)
{
	struct cached *cached = NULL;

	if (cache_find(&a->cache, name_span(&at->name), a->now_ms, &cached) !=
	    YB_OK)
		return "";
	for (uint32_t i = 0; i < cached->account->credentials_n; i++)
		if (cached->account->credentials[i].device == identity->device)
			return cached->account->credentials[i].name;
	return "";
}

void gate_tell(struct auth *a, const struct attempt *at, enum yb_err err,
	       const struct auth_identity *identity)
{
	bool denied = err == YB_DENIED || err == YB_APP_PASSWORD;
	struct policy_login login = login_of(at);
	struct policy_outcome outcome;

	if (a->policy.tell == NULL)
		return;
	outcome = (struct policy_outcome){
		.outcome = err == YB_OK ? "ok"
			   : denied     ? "denied"
					: "failed",
		.reason = denied ? auth_reason_text(at->reason) : "",
		.device = err == YB_OK ? device_name(a, at, identity) : "",
	};
	a->policy.tell(a->policy.ctx, &login, &outcome);
}

void auth_set_policy(struct auth *a, const struct auth_policy *policy)
{
	gate_forget_all(a);
	a->policy = policy != NULL ? *policy : (struct auth_policy){ 0 };
}
