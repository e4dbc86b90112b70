/*
 * From a claim to its answer. What the answer to a wrong claim looks like, and
 * when it comes, depends on the peer's address and on how busy the pool is,
 * never on whether the account exists (threat 8):
 *
 * - an unknown name, a malformed one, an authorization identity that is not
 *   allowed and a password that no account can have are all hashed like a wrong
 *   password, under the same limits;
 * - the cache gives a fake account for a name that does not exist, and whether
 *   it is real is asked when all the work is done.
 */
#include "auth/attempt.h"

#include <stdlib.h>

#include "base/buf.h"

static void free_attempt(struct attempt *at)
{
	mem_wipe(at->password, at->password_n);
	free(at);
}

void attempt_answer(struct auth *a, struct attempt *at, enum yb_err err,
		    const struct auth_identity *identity)
{
	auth_done_fn *done = at->done;
	void *ctx = at->ctx;

	if (err == YB_DENIED)
		err = denial_of(a, &at->name);
	a->denied_reason = at->reason;
	gate_tell(a, at, err, identity);
	list_remove(&at->link);
	if (at->owner != NULL)
		*at->owner = NULL;
	peers_release(&a->peers, at->peer, a->now_ms);
	a->tokens_n -= at->by_token;
	free_attempt(at);
	if (done != NULL)
		done(ctx, err, identity, SPAN_NONE);
}

/* ---- failure ---- */

static void hold_back(struct auth *a, struct attempt *at, uint64_t due_ms)
{
	struct list *before = a->held.prev;

	mem_wipe(at->password, at->password_n); /* it was hashed */
	at->due_ms = due_ms;
	at->held = true;
	while (before != &a->held &&
	       list_entry(before, struct attempt, link)->due_ms > due_ms)
		before = before->prev;
	list_remove(&at->link);
	list_add_before(before->next, &at->link);
	a->held_n++;
}

static void release_held(struct auth *a, struct attempt *at)
{
	a->held_n--;
	at->peer->open--;
	attempt_answer(a, at, YB_DENIED, NULL);
}

struct throttle_who attempt_who(const struct attempt *at, uint64_t guess)
{
	return (struct throttle_who){
		.address = at->from.address,
		.account = name_span(&at->name),
		/* Nobody guesses a token. */
		.password = at->by_token
				    ? SPAN_NONE
				    : span_of(at->password, at->password_n),
		.guess = guess,
	};
}

/* For the administrator's log alone. */
static enum auth_reason reason_of(struct auth *a, const struct attempt *at)
{
	struct cached *cached = NULL;

	if (cache_find(&a->cache, name_span(&at->name), a->now_ms, &cached) !=
		    YB_OK ||
	    !cached->real)
		return AUTH_NO_SUCH_USER;
	if (!cached_may_log_in(cached))
		return AUTH_LOCKED;
	if (at->denied)
		return AUTH_POLICY;
	return at->barred ? AUTH_NOT_ALLOWED : AUTH_WRONG_PASSWORD;
}

void attempt_refuse(struct auth *a, struct attempt *at, uint64_t guess)
{
	const struct throttle_who who = attempt_who(at, guess);
	uint64_t due = peer_failed(at->peer, guess, a->now_ms);
	uint64_t later = a->now_ms +
			 throttle_failed(&a->throttle, &who, auth_real_ms(a));

	due = later > due ? later : due;
	if (!at->by_token)
		at->reason = reason_of(a, at);
	if (due <= a->now_ms) {
		at->peer->open--;
		attempt_answer(a, at, YB_DENIED, NULL);
		return;
	}
	hold_back(a, at, due);
	if (a->held_n > AUTH_HELD_MAX)
		release_held(a, list_entry(a->held.next, struct attempt, link));
}

static bool may_begin(struct auth *a, struct attempt *at)
{
	unsigned under_way = 0;

	if (!peer_may_begin(at->peer, a->now_ms) ||
	    !throttle_may_begin(&a->throttle, &at->turn, auth_real_ms(a)))
		return false;
	if (at->by_token)
		return token_may_begin(a, at);
	if (at->check != NULL || a->guesses_n == a->guesses_max)
		return at->check != NULL;
	list_for_each(link, &a->guesses) {
		struct guess *g = list_entry(link, struct guess, link);

		under_way += span_eq(name_span(&g->name), name_span(&at->name));
	}
	return under_way < AUTH_ACCOUNT_GUESSES;
}

static struct attempt *next_of(struct auth *a, struct list *waiting)
{
	list_for_each(link, waiting) {
		struct attempt *at = list_entry(link, struct attempt, link);

		if (may_begin(a, at))
			return at;
	}
	return NULL;
}

void attempt_stop_waiting(struct auth *a, struct attempt *at)
{
	at->peer->waiting--;
	if (attempt_is_hashed(at))
		a->waiting_n--;
	else
		a->proofs_n--;
}

/* Addresses that did not fail lately come first: whoever guesses keeps
 * nobody else from the pool. */
static void begin_all(struct auth *a)
{
	a->throttle.wake_ms = INT64_MAX;
	while (a->guesses_n < a->guesses_max || a->proofs_n > 0) {
		struct attempt *at = next_of(a, &a->fresh);

		if (at == NULL)
			at = next_of(a, &a->failing);
		if (at == NULL)
			return;
		if (at->by_token)
			token_begin(a, at);
		else if (at->check != NULL)
			attempt_check_proof(a, at);
		else
			guess_begin(a, at);
	}
}

void attempt_wait(struct auth *a, struct attempt *at)
{
	bool failing = peer_failures(at->peer, a->now_ms) > 0;

	list_remove(&at->link);
	list_push(failing ? &a->failing : &a->fresh, &at->link);
	at->peer->waiting++;
}

/* ---- turns ---- */

static void answer_held(struct auth *a)
{
	while (!list_empty(&a->held)) {
		struct attempt *at =
			list_entry(a->held.next, struct attempt, link);

		if (at->due_ms > a->now_ms)
			return;
		release_held(a, at);
	}
}

static void give_up(struct auth *a, struct list *waiting)
{
	while (!list_empty(waiting)) {
		struct attempt *at =
			list_entry(waiting->next, struct attempt, link);

		if (at->begun_ms + AUTH_WAIT_MS > a->now_ms)
			return;
		attempt_stop_waiting(a, at);
		attempt_answer(a, at, YB_TIMEOUT, NULL);
	}
}

/* Callbacks that begin attempts come back here; the outer turn takes them. */
void attempts_run(struct auth *a)
{
	struct list *link;

	if (a->turning)
		return;
	a->turning = true;
	do {
		answer_held(a);
		gate_run(a);
		give_up(a, &a->fresh);
		give_up(a, &a->failing);
		begin_all(a);
		(void)pool_take(a->pool); /* calls hashed() for each */
		link = list_pop(&a->hashed);
		if (link != NULL)
			guess_finish(a, list_entry(link, struct guess,
						   hash.job.link));
	} while (link != NULL);
	a->turning = false;
}

static uint64_t wait_deadline(const struct list *waiting)
{
	if (list_empty(waiting))
		return UINT64_MAX;
	return list_entry(waiting->next, struct attempt, link)->begun_ms +
	       AUTH_WAIT_MS;
}

uint64_t attempts_deadline(const struct auth *a)
{
	uint64_t at = wait_deadline(&a->fresh);
	uint64_t failing = wait_deadline(&a->failing);

	at = failing < at ? failing : at;
	at = gate_deadline(a) < at ? gate_deadline(a) : at;
	if (!list_empty(&a->held) &&
	    list_entry(a->held.next, struct attempt, link)->due_ms < at)
		at = list_entry(a->held.next, struct attempt, link)->due_ms;
	return at;
}

static void drop_list(struct list *list)
{
	while (!list_empty(list)) {
		struct attempt *at =
			list_entry(list->next, struct attempt, link);

		list_remove(&at->link);
		if (at->owner != NULL)
			*at->owner = NULL;
		free_attempt(at);
	}
}

void attempts_drop_all(struct auth *a)
{
	drop_list(&a->fresh);
	drop_list(&a->failing);
	drop_list(&a->asked);
	drop_list(&a->held);
	drop_list(&a->asking);
	drop_list(&a->delayed);
	while (!list_empty(&a->guesses)) {
		struct guess *g =
			list_entry(a->guesses.next, struct guess, link);

		list_remove(&g->link);
		drop_list(&g->attempts);
		guess_free(g);
	}
}

void attempt_abandon(struct auth *a, struct attempt **owner)
{
	struct attempt *at = *owner;

	if (at == NULL)
		return;
	at->done = NULL;
	at->owner = NULL;
	*owner = NULL;
	/* Whoever is asked outside will answer. */
	if (attempt_is_hashed(at) || at->asked || at->held || at->at_gate)
		return;
	/* What it would be checked with is gone, or nobody was asked yet. */
	attempt_stop_waiting(a, at);
	attempt_answer(a, at, YB_GONE, NULL);
}
