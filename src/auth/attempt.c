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
#include "auth/auth_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "crypto/compare.h"
#include "os/clock.h"

/* Stands for names that cannot be: no canonical address is like it. */
static const char no_name[] = "?";

static void free_attempt(struct attempt *at)
{
	mem_wipe(at->password, at->password_n);
	free(at);
}

/* Gives the answer. The attempt is gone before anybody hears of it, since
 * the callback may begin another. */
static void attempt_answer(struct auth *a, struct attempt *at, enum yb_err err,
			   const struct auth_identity *identity)
{
	auth_done_fn *done = at->done;
	void *ctx = at->ctx;

	if (err == YB_DENIED)
		err = denial_of(a, &at->name);
	a->denied_reason = at->reason;
	list_remove(&at->link);
	if (at->owner != NULL)
		*at->owner = NULL;
	peers_release(&a->peers, at->peer, a->now_ms);
	free_attempt(at);
	if (done != NULL)
		done(ctx, err, identity, SPAN_NONE);
}

/* ---- success ---- */

/* An identity with its text: the cache may change before all have heard. */
struct grant {
	struct auth_identity identity;
	char address[AUTH_ADDRESS_MAX + 1];
	char master[AUTH_ADDRESS_MAX + 1];
};

/* What a success names; also notes that there was one. */
static void grant_make(struct auth *a, struct directory_account *account,
		       int index, struct grant *ret)
{
	uint32_t device = account->credentials[index].device;

	ret->identity = (struct auth_identity){ .device = device,
						.mailbox = 1,
						.address = ret->address };
	ret->identity.may_delete = (account->credentials[index].limits.refused &
				    DIRECTORY_NO_DELETE) == 0;
	memcpy(ret->identity.account, account->id, sizeof account->id);
	memccpy(ret->address, account->address, 0, sizeof ret->address);
	login_note(a, account, device);
}

/* Whether an account may act as somebody else, if it asks to. */
static bool may_act(const struct cached *at, const struct name *as)
{
	return as->n == 0 || at->settings[SETTING_master] != 0;
}

/*
 * RFC 4422 section 2: who is granted what, "acting as the authorization
 * identity". A master has proved who he is; `grant` is his. What he asked for
 * may be refused: DENIED.
 */
static enum yb_err grant_as(struct auth *a, const struct name *as,
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

/* For the throttle; the attempt keeps what it points to. */
static struct throttle_who who_of(const struct attempt *at, uint64_t guess)
{
	return (struct throttle_who){
		.address = at->from.address,
		.account = name_span(&at->name),
		.password = span_of(at->password, at->password_n),
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
	return at->barred ? AUTH_NOT_ALLOWED : AUTH_WRONG_PASSWORD;
}

/* An attempt that was hashed, in vain. */
static void refuse(struct auth *a, struct attempt *at, uint64_t guess)
{
	const struct throttle_who who = who_of(at, guess);
	uint64_t due = peer_failed(at->peer, guess, a->now_ms);
	uint64_t later = a->now_ms +
			 throttle_failed(&a->throttle, &who, auth_real_ms(a));

	due = later > due ? later : due;
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

/* ---- hashing ---- */

static void free_guess(struct guess *g)
{
	mem_wipe(g->password, g->password_n);
	mem_wipe(&g->hash.ret, sizeof g->hash.ret);
	free(g);
}

static bool same_claim(const struct attempt *at, const struct guess *g)
{
	return at->check == NULL && at->name.n == g->name.n &&
	       at->password_n == g->password_n &&
	       memcmp(at->name.text, g->name.text, g->name.n) == 0 &&
	       compare_equal(at->password, g->password, g->password_n);
}

static void join_guess(struct attempt *at, struct guess *g)
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
			join_guess(at, g);
	}
}

static struct guess *find_guess(struct auth *a, const struct attempt *at)
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
	if (*ret == 0 && a->imported_n > 0 &&
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

static void begin_guess(struct auth *a, struct attempt *at)
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
	join_guess(at, g);
	join_same(&a->fresh, g);
	join_same(&a->failing, g);
	pool_give(a->pool, &g->hash.job);
}

static bool may_begin(struct auth *a, struct attempt *at)
{
	unsigned under_way = 0;

	if (!peer_may_begin(at->peer, a->now_ms) ||
	    !throttle_may_begin(&a->throttle, &at->turn, auth_real_ms(a)))
		return false;
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

/* An attempt leaves the queue without having begun. */
static void stop_waiting(struct auth *a, struct attempt *at)
{
	at->peer->waiting--;
	if (at->check != NULL)
		a->proofs_n--;
	else
		a->waiting_n--;
}

static void check_proof(struct auth *a, struct attempt *at)
{
	const struct throttle_who who = who_of(at, 0);
	struct cached *cached = NULL;
	struct grant grant, other;
	int index = -1;
	enum yb_err err =
		cache_find(&a->cache, name_span(&at->name), a->now_ms, &cached);

	stop_waiting(a, at);
	throttle_begun(&a->throttle, &at->turn, auth_real_ms(a));
	if (err == YB_OK)
		err = at->check(at->ctx, cached, &index);
	if (err == YB_OK && index >= 0 &&
	    !device_may_login(cached, index, &at->from))
		index = -1;
	if (err == YB_OK && (index < 0 || !cached_may_log_in(cached) ||
			     !may_act(cached, &at->as)))
		err = YB_DENIED;
	if (err == YB_OK)
		grant_make(a, cached->account, index, &grant);
	if (err == YB_OK && at->as.n > 0)
		err = grant_as(a, &at->as, &grant, &other);
	if (err == YB_DENIED) {
		at->peer->open++;
		refuse(a, at, ++a->guess_number);
		return;
	}
	if (err == YB_OK)
		throttle_passed(&a->throttle, &who, auth_real_ms(a));
	attempt_answer(a, at, err,
		       err != YB_OK   ? NULL
		       : at->as.n > 0 ? &other.identity
				      : &grant.identity);
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
		if (at->check != NULL)
			check_proof(a, at);
		else
			begin_guess(a, at);
	}
}

static void wait_turn(struct auth *a, struct attempt *at)
{
	bool failing = peer_failures(at->peer, a->now_ms) > 0;

	list_remove(&at->link);
	list_push(failing ? &a->failing : &a->fresh, &at->link);
	at->peer->waiting++;
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
		wait_turn(a, at);
	}
}

static void answer_all(struct auth *a, struct guess *g, enum yb_err err)
{
	while (!list_empty(&g->attempts)) {
		struct attempt *at =
			list_entry(g->attempts.next, struct attempt, link);

		a->waiting_n--;
		if (err == YB_DENIED) {
			refuse(a, at, g->number);
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

		at->barred = !device_may_login(cached, index, &at->from) ||
			     !may_act(cached, &at->as);
		any_in = any_in || !at->barred;
	}
	return any_in;
}

static void accept(struct auth *a, struct attempt *at,
		   const struct grant *grant)
{
	const struct throttle_who who = who_of(at, 0);

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
		refuse(a, at, g->number);
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
			refuse(a, at, g->number);
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
	if (index < 0) {
		answer_all(a, g, YB_DENIED);
		return;
	}
	if (cached->account->credentials[index].kind == DIRECTORY_CRYPT) {
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

static void finish_guess(struct auth *a, struct guess *g)
{
	struct cached *cached = NULL;
	uint8_t digest[HMAC_LEN];
	enum yb_err err = g->hash.err;

	list_remove(&g->link);
	a->guesses_n--;
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
	free_guess(g);
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
		stop_waiting(a, at);
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
		give_up(a, &a->fresh);
		give_up(a, &a->failing);
		begin_all(a);
		(void)pool_take(a->pool); /* calls hashed() for each */
		link = list_pop(&a->hashed);
		if (link != NULL)
			finish_guess(a, list_entry(link, struct guess,
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
	drop_list(&a->held);
	while (!list_empty(&a->guesses)) {
		struct guess *g =
			list_entry(a->guesses.next, struct guess, link);

		list_remove(&g->link);
		drop_list(&g->attempts);
		free_guess(g);
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
	if (at->check == NULL || at->held)
		return;
	/* What it would be checked with is gone. */
	stop_waiting(a, at);
	attempt_answer(a, at, YB_GONE, NULL);
}

/* ---- beginning ---- */

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

enum yb_err attempt_as(struct auth *a, struct span authzid,
		       const struct name *name, struct name *ret,
		       bool *ret_good)
{
	enum yb_err err = YB_OK;

	ret->n = 0;
	*ret_good = true;
	if (authzid.n == 0)
		return YB_OK;
	err = name_canonical(authzid, a->default_domain, NAME_FIND, ret);
	*ret_good = err == YB_OK;
	if (err == YB_OK && span_eq(name_span(ret), name_span(name)))
		ret->n = 0;
	if (err != YB_OK)
		ret->n = 0;
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
			  const struct prepared *p, bool *ret_known,
			  struct grant *ret)
{
	struct cached *cached = NULL;
	uint8_t digest[HMAC_LEN];
	struct grant own;
	int index = -1;
	enum yb_err err =
		cache_find(&a->cache, name_span(&p->name), a->now_ms, &cached);

	if (err == YB_OK)
		err = cache_digest(&a->cache, cached,
				   span_of(p->password, p->password_n), digest);
	if (err == YB_OK)
		index = cache_recall(cached, digest, a->now_ms);
	/* Whom its limits keep out waits as long as for a wrong password. */
	if (index >= 0 && (!device_may_login(cached, index, from) ||
			   !may_act(cached, &p->as)))
		index = -1;
	a->cache_hits += index >= 0;
	mem_wipe(digest, sizeof digest);
	*ret_known = index >= 0;
	if (index < 0)
		return err;
	grant_make(a, cached->account, index, ret);
	if (p->as.n == 0)
		return YB_OK;
	own = *ret;
	err = grant_as(a, &p->as, &own, ret);
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

static enum yb_err enqueue(struct auth *a, const struct auth_peer *from,
			   const struct prepared *p, struct attempt **ret)
{
	struct peer *peer = hold_peer(a, from);
	enum yb_err err = YB_OK;
	struct attempt *at = NULL;
	struct guess *g;

	if (peer == NULL)
		return YB_NOMEM;
	if (!peer_may_wait(peer, a->now_ms) ||
	    !make_room(a, peer_failures(peer, a->now_ms) > 0))
		err = YB_OVERLOAD;
	if (err == YB_OK) {
		at = new_attempt(a, from, &p->name, &p->as,
				 span_of(p->password, p->password_n), peer);
		err = at == NULL ? YB_NOMEM : YB_OK;
	}
	if (err != YB_OK) {
		peers_release(&a->peers, peer, a->now_ms);
		return err;
	}
	a->waiting_n++;
	wait_turn(a, at);
	g = find_guess(a, at);
	if (g != NULL)
		join_guess(at, g);
	*ret = at;
	return YB_OK;
}

void attempt_begin(struct auth *a, const struct auth_peer *peer,
		   const struct attempt_claim *claim, uint64_t now_ms,
		   auth_done_fn *done, void *ctx, struct attempt **owner)
{
	struct prepared p = { .password_n = 0 };
	struct attempt *at = NULL;
	struct grant grant;
	bool known = false;
	enum yb_err err;

	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
	err = prepare(a, claim, &p);
	if (err == YB_OK)
		err = recall(a, peer, &p, &known, &grant);
	if (err == YB_OK && !known)
		err = enqueue(a, peer, &p, &at);
	mem_wipe(p.password, sizeof p.password);
	if (at == NULL) {
		done(ctx, err, known ? &grant.identity : NULL, SPAN_NONE);
		return;
	}
	at->done = done;
	at->ctx = ctx;
	at->owner = owner;
	if (owner != NULL)
		*owner = at;
	attempts_run(a);
}

static enum yb_err enqueue_proof(struct auth *a, const struct auth_peer *from,
				 const struct name *name, const struct name *as,
				 attempt_check_fn *check, struct attempt **ret)
{
	struct peer *peer = hold_peer(a, from);
	struct attempt *at = NULL;
	enum yb_err err = YB_NOMEM;

	if (peer == NULL)
		return YB_NOMEM;
	if (!peer_may_wait(peer, a->now_ms))
		err = YB_OVERLOAD;
	else
		at = new_attempt(a, from, name, as, SPAN_NONE, peer);
	if (at == NULL) {
		peers_release(&a->peers, peer, a->now_ms);
		return err;
	}
	at->check = check;
	a->proofs_n++;
	wait_turn(a, at);
	*ret = at;
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
	err = enqueue_proof(a, peer, name, as, check, &at);
	if (err != YB_OK) {
		done(ctx, err, NULL, SPAN_NONE);
		return;
	}
	at->done = done;
	at->ctx = ctx;
	at->owner = owner;
	*owner = at;
	attempts_run(a);
}
