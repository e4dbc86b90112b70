/*
 * Passwords that are hashed, and what the hashes are worth.
 */
#include "auth/attempt.h"

#include <stdlib.h>

#include "base/buf.h"
#include "crypto/compare.h"
#include "os/clock.h"

void guess_free(struct guess *g)
{
	mem_wipe(g->password, g->password_n);
	mem_wipe(&g->hash.ret, sizeof g->hash.ret);
	free(g);
}

static bool same_claim(const struct attempt *at, const struct guess *g)
{
	return attempt_is_hashed(at) && at->name.n == g->name.n &&
	       at->password_n == g->password_n &&
	       memcmp(at->name.text, g->name.text, g->name.n) == 0 &&
	       compare_equal(at->password, g->password, g->password_n);
}

void guess_join(struct attempt *at, struct guess *g)
{
	list_remove(&at->link);
	list_push(&g->attempts, &at->link);
	at->peer->waiting--;
	at->peer->open++;
}

static void join_same(struct list *waiting, struct guess *g)
{
	list_for_each_safe(link, waiting) {
		struct attempt *at = list_entry(link, struct attempt, link);

		if (same_claim(at, g))
			guess_join(at, g);
	}
}

struct guess *guess_find(struct auth *a, const struct attempt *at)
{
	list_for_each(link, &a->guesses) {
		struct guess *g = list_entry(link, struct guess, link);

		if (same_claim(at, g))
			return g;
	}
	return NULL;
}

/* Out of pool_take(): attempts_run() goes on with it. */
static void hashed(struct pool_job *job)
{
	struct guess *g = list_entry(job, struct guess, hash.job);

	list_push(&g->auth->hashed, &job->link);
}

/*
 * The hash that came with the account from elsewhere. While there are such
 * accounts, a guess at any other name is hashed like one of theirs too: how
 * long it takes tells nobody which names exist (threat 8).
 */
static void take_imported(struct auth *a, const struct cached *cached,
			  char ret[DIRECTORY_HASH_MAX + 1])
{
	const struct directory_account *account = cached->account;

	*ret = 0;
	for (uint32_t i = 0; i < account->credentials_n; i++)
		if (account->credentials[i].kind == DIRECTORY_CRYPT)
			memccpy(ret, account->credentials[i].hash, 0,
				DIRECTORY_HASH_MAX + 1);
	if (*ret == 0)
		memccpy(ret, outside_sample(a->outside), 0,
			DIRECTORY_HASH_MAX + 1);
	if (*ret == 0 && a->imported_n > 0 && a->outside == NULL &&
	    directory_imported_one(a->directory, ret) != YB_OK)
		*ret = 0;
}

static enum yb_err make_guess(struct auth *a, const struct attempt *at,
			      struct guess **ret)
{
	struct cached *cached = NULL;
	enum yb_err err =
		cache_find(&a->cache, name_span(&at->name), a->now_ms, &cached);
	struct guess *g;

	if (err != YB_OK)
		return err;
	g = calloc(1, sizeof *g + at->password_n);
	if (g == NULL)
		return YB_NOMEM;
	list_init(&g->link);
	list_init(&g->attempts);
	g->auth = a;
	g->name = at->name;
	memcpy(g->id, cached->account->id, sizeof g->id);
	g->generation = cached->account->generation;
	memcpy(g->salt, cached->account->salt, sizeof g->salt);
	g->password_n = at->password_n;
	memcpy(g->password, at->password, at->password_n);
	g->hash = (struct hash_job){
		.job = { .run = hash_run, .done = hashed },
		.password = span_of(g->password, g->password_n),
		.salt = span_of(g->salt, sizeof g->salt),
		.iterations = cached->account->iterations,
	};
	take_imported(a, cached, g->hash.imported);
	*ret = g;
	return YB_OK;
}

void guess_begin(struct auth *a, struct attempt *at)
{
	struct guess *g = NULL;
	enum yb_err err = make_guess(a, at, &g);

	if (err != YB_OK) {
		at->peer->waiting--;
		a->waiting_n--;
		attempt_answer(a, at, err, NULL);
		return;
	}
	throttle_begun(&a->throttle, &at->turn, auth_real_ms(a));
	g->number = ++a->guess_number;
	list_push(&a->guesses, &g->link);
	a->guesses_n++;
	guess_join(at, g);
	join_same(&a->fresh, g);
	join_same(&a->failing, g);
	pool_give(a->pool, &g->hash.job);
}

/* Index of the credential that the hash fits; -1. All are compared. */
static int find_credential(const struct cached *at, const struct hash_job *job)
{
	int found = -1;

	for (uint32_t i = 0; i < at->account->credentials_n; i++) {
		const struct directory_credential *c =
			&at->account->credentials[i];

		if (c->kind == DIRECTORY_SCRAM_SHA_256 &&
		    compare_equal(c->stored_key, job->ret.stored_key,
				  SCRAM_KEY_LEN))
			found = (int)i;
		if (c->kind == DIRECTORY_CRYPT && job->fits_imported &&
		    strcmp(c->hash, job->imported) == 0)
			found = (int)i;
	}
	return cached_may_log_in(at) ? found : -1;
}

/* ---- the end of a guess ---- */

/* The account changed while its password was hashed: what was right then may
 * be wrong now. Everybody starts again. */
static void again(struct auth *a, struct guess *g)
{
	while (!list_empty(&g->attempts)) {
		struct attempt *at =
			list_entry(g->attempts.next, struct attempt, link);

		at->peer->open--;
		attempt_wait(a, at);
	}
}

static void answer_all(struct auth *a, struct guess *g, enum yb_err err)
{
	while (!list_empty(&g->attempts)) {
		struct attempt *at =
			list_entry(g->attempts.next, struct attempt, link);

		a->waiting_n--;
		if (err == YB_DENIED) {
			attempt_refuse(a, at, g->number);
			continue;
		}
		at->peer->open--;
		attempt_answer(a, at, err, NULL);
	}
}

/* Right for all of them; but what a device may do depends on from where. */
static bool bar_some(struct guess *g, const struct cached *cached, int index)
{
	bool any_in = false;

	list_for_each(link, &g->attempts) {
		struct attempt *at = list_entry(link, struct attempt, link);

		at->barred = at->denied ||
			     !device_may_login(cached, index, &at->from) ||
			     !grant_may_act(cached, &at->as);
		any_in = any_in || !at->barred;
	}
	return any_in;
}

static void accept(struct auth *a, struct attempt *at,
		   const struct grant *grant)
{
	const struct throttle_who who = attempt_who(at, 0);

	throttle_passed(&a->throttle, &who, auth_real_ms(a));
	at->peer->open--;
	attempt_answer(a, at, YB_OK, &grant->identity);
}

static void accept_as(struct auth *a, struct guess *g, struct attempt *at,
		      const struct grant *grant)
{
	struct grant other;
	enum yb_err err = grant_as(a, &at->as, grant, &other);

	if (err == YB_OK) {
		accept(a, at, &other);
	} else if (err == YB_DENIED) {
		attempt_refuse(a, at, g->number);
	} else {
		at->peer->open--;
		attempt_answer(a, at, err, NULL);
	}
}

static void accept_all(struct auth *a, struct guess *g,
		       const struct grant *grant)
{
	while (!list_empty(&g->attempts)) {
		struct attempt *at =
			list_entry(g->attempts.next, struct attempt, link);

		a->waiting_n--;
		if (at->barred)
			attempt_refuse(a, at, g->number);
		else if (at->as.n > 0)
			accept_as(a, g, at, grant);
		else
			accept(a, at, grant);
	}
}

/*
 * The first good login with a hash from elsewhere: the verifier that was made
 * of the same password takes its place. If it cannot be written, it will at
 * the next.
 */
static enum yb_err replace_imported(struct auth *a, struct guess *g,
				    const struct directory_credential *c,
				    struct cached **cached, int *index)
{
	struct directory_verifier v = { .kind = DIRECTORY_SCRAM_SHA_256,
					.device = c->device,
					.name = c->name,
					.limits = c->limits,
					.iterations = g->hash.iterations };
	enum yb_err err;

	memcpy(v.salt, g->salt, sizeof v.salt);
	memcpy(v.stored_key, g->hash.ret.stored_key, sizeof v.stored_key);
	memcpy(v.server_key, g->hash.ret.server_key, sizeof v.server_key);
	err = directory_credential_put(a->directory, name_span(&g->name), &v,
				       clock_real_ns() / 1000000000);
	mem_wipe(&v, sizeof v);
	if (err != YB_OK)
		return YB_OK;
	imported_count(a, -1);
	cache_forget(&a->cache, name_span(&g->name));
	err = cache_find(&a->cache, name_span(&g->name), a->now_ms, cached);
	if (err != YB_OK)
		return err;
	*index = find_credential(*cached, &g->hash);
	return *index < 0 ? YB_DENIED : YB_OK;
}

/* What the hash is worth, now. */
static void judge(struct auth *a, struct guess *g, struct cached *cached,
		  uint8_t digest[HMAC_LEN])
{
	struct grant grant;
	enum yb_err err;
	int index;

	if (cached->account->generation != g->generation ||
	    !compare_equal(cached->account->id, g->id, sizeof g->id)) {
		again(a, g);
		return;
	}
	index = find_credential(cached, &g->hash);
	/* The main password, the first of them, was checked outside. */
	if (index < 0 && g->right && cached_may_log_in(cached))
		index = 0;
	if (index < 0) {
		answer_all(a, g, YB_DENIED);
		return;
	}
	if (cached->account->credentials[index].kind == DIRECTORY_CRYPT &&
	    a->outside == NULL) {
		err = replace_imported(a, g,
				       &cached->account->credentials[index],
				       &cached, &index);
		if (err != YB_OK) {
			answer_all(a, g, err);
			return;
		}
		/* What stands for the password has changed with it. */
		err = cache_digest(&a->cache, cached, g->hash.password, digest);
		if (err != YB_OK)
			memset(digest, 0, HMAC_LEN);
	}
	cache_remember(cached, (uint32_t)index, digest, a->now_ms);
	if (bar_some(g, cached, index))
		grant_make(a, cached->account, index, &grant);
	accept_all(a, g, &grant);
}

static void finish(struct auth *a, struct guess *g, enum yb_err err)
{
	struct cached *cached = NULL;
	uint8_t digest[HMAC_LEN];

	list_remove(&g->link);
	if (err == YB_OK)
		err = cache_find(&a->cache, name_span(&g->name), a->now_ms,
				 &cached);
	if (err == YB_OK)
		err = cache_digest(&a->cache, cached, g->hash.password, digest);
	if (err == YB_OK)
		judge(a, g, cached, digest);
	else
		answer_all(a, g, err);
	mem_wipe(digest, sizeof digest);
	guess_free(g);
}

/*
 * Whether somebody outside has to say if the password is right: where no device
 * of ours has it. It is the same for a name that nobody has. The empty one is
 * nobody's, and means "as anybody" to some (RFC 4513 section 5.1.2).
 */
static bool is_for_others(struct auth *a, const struct guess *g)
{
	struct cached *cached = NULL;

	return outside_checks(a->outside) && g->password_n > 0 &&
	       (cache_find(&a->cache, name_span(&g->name), a->now_ms,
			   &cached) != YB_OK ||
		find_credential(cached, &g->hash) < 0);
}

void guess_finish(struct auth *a, struct guess *g)
{
	enum yb_err err = g->hash.err;

	a->guesses_n--;
	if (err == YB_OK && is_for_others(a, g)) {
		/* It leaves its place in the pool to the next, and stays on
		 * the list for those who make the same guess. */
		err = outside_ask_password(a, name_span(&g->name),
					   g->hash.password, g);
		if (err == YB_OK)
			return;
		err = err_is_temp(err) ? err : YB_GONE;
	}
	finish(a, g, err);
}

void auth_password_answered(struct auth *a, void *ticket, enum yb_err err,
			    bool right, uint64_t now_ms)
{
	struct guess *g = ticket;

	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
	if (err != YB_OK && !err_is_temp(err))
		err = YB_GONE;
	g->right = right;
	finish(a, g, err);
	attempts_run(a);
}
