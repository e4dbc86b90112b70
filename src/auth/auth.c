/*
 * Opening and closing, turns, and the time of logins. What is decided about a
 * claim is in attempt*.c, about guessing in peers.c.
 */
#include "auth/auth_private.h"

#include <stdlib.h>

#include "os/clock.h"
#include "os/random.h"

const char *auth_reason_text(enum auth_reason reason)
{
	/* clang-format off */
	static const char *const texts[] = {
#define X(name, text) [AUTH_##name] = text,
		AUTH_REASONS(X)
#undef X
	};
	/* clang-format on */

	return texts[reason];
}

enum auth_reason auth_denied_reason(const struct auth *a)
{
	return a->denied_reason;
}

enum yb_err auth_open(const struct auth_config *config, struct auth **ret)
{
	struct auth *a = calloc(1, sizeof *a);
	enum yb_err err = YB_OK;

	if (a == NULL)
		return YB_NOMEM;
	a->directory = config->directory;
	a->ended = config->ended;
	a->ended_ctx = config->ended_ctx;
	a->elsewhere = config->elsewhere;
	a->iterations = AUTH_ITERATIONS;
	a->delimiter = config->delimiter;
	a->guesses_max = 1;
	if (config->threads > 0)
		a->guesses_max = config->threads * AUTH_GUESSES_A_THREAD;
	list_init(&a->fresh);
	list_init(&a->failing);
	list_init(&a->guesses);
	list_init(&a->held);
	list_init(&a->asked);
	list_init(&a->asking);
	list_init(&a->delayed);
	list_init(&a->policy_answers);
	map_init(&a->policy_map, os_random_u64());
	peers_init(&a->peers, os_random_u64());
	if (config->default_domain != NULL && *config->default_domain != 0)
		err = name_canonical_domain(span_str(config->default_domain),
					    a->default_domain);
	if (err == YB_OK)
		err = cache_open(&a->cache, a->directory, a->iterations);
	if (err == YB_OK && config->defaults != NULL)
		memcpy(a->cache.defaults, config->defaults,
		       sizeof a->cache.defaults);
	if (err == YB_OK) {
		err = directory_imported(a->directory, &a->imported_n);
		if (err != YB_OK)
			cache_close(&a->cache);
	}
	if (err != YB_OK) {
		free(a);
		return err;
	}
	err = throttle_open(&a->throttle, a->directory, a->cache.fake);
	if (err == YB_OK)
		err = hmac_new(SPAN_NONE, &a->proof);
	if (err != YB_OK) {
		auth_close(&a);
		return err;
	}
	list_init(&a->hashed);
	hash_warm_up();
	err = config->threads > HASH_THREADS_MAX
		      ? YB_INVALID
		      : pool_new(config->threads, hash_warm_up, &a->pool);
	if (err != YB_OK)
		auth_close(&a);
	else
		*ret = a;
	return err;
}

void auth_close(struct auth **auth)
{
	struct auth *a = *auth;

	if (a == NULL)
		return;
	pool_free(&a->pool); /* first: it works on the guesses */
	logins_flush(a);
	attempts_drop_all(a);
	tokens_free(&a->tokens);
	a->cache.outside = NULL;
	outside_free(&a->outside);
	gate_forget_all(a);
	map_done(&a->policy_map);
	throttle_close(&a->throttle, auth_real_ms(a));
	peers_done(&a->peers);
	cache_close(&a->cache);
	hmac_free(&a->proof);
	free(a);
	*auth = NULL;
}

void auth_set_now(struct auth *a, uint64_t now_ms)
{
	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
}

int auth_fd(const struct auth *a)
{
	return pool_fd(a->pool);
}

void auth_run(struct auth *a, uint64_t now_ms)
{
	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
	attempts_run(a);
	if (a->logins_n > 0 && a->now_ms >= a->logins_due_ms)
		logins_flush(a);
	throttle_run(&a->throttle, auth_real_ms(a));
}

int64_t auth_real_ms(struct auth *a)
{
	/* Nobody has told the time yet, as with a command by itself. */
	if (a->now_ms == 0)
		return clock_real_ns() / 1000000;
	if (a->real_base_ms == 0)
		a->real_base_ms =
			clock_real_ns() / 1000000 - (int64_t)a->now_ms;
	return a->real_base_ms + (int64_t)a->now_ms;
}

/* A time of the throttle's as one of auth_run(). */
static uint64_t deadline_of(const struct auth *a, int64_t real_ms)
{
	if (real_ms == INT64_MAX)
		return UINT64_MAX;
	return real_ms > a->real_base_ms ? (uint64_t)(real_ms - a->real_base_ms)
					 : 0;
}

struct auth_counters auth_counters(const struct auth *a)
{
	return (struct auth_counters){ .cache_hits = a->cache_hits,
				       .hashes = a->guess_number };
}

uint64_t auth_deadline(const struct auth *a)
{
	uint64_t at = attempts_deadline(a);

	uint64_t write = deadline_of(a, a->throttle.write_ms);
	uint64_t wake = deadline_of(a, a->throttle.wake_ms);

	at = write < at ? write : at;
	at = wake < at ? wake : at;
	return a->logins_n > 0 && a->logins_due_ms < at ? a->logins_due_ms : at;
}

void auth_login(struct auth *a, const struct auth_peer *peer, struct span user,
		struct span password, uint64_t now_ms, auth_done_fn *done,
		void *ctx)
{
	const struct attempt_claim claim = { .user = user,
					     .password = password };

	attempt_begin(a, peer, &claim, now_ms, done, ctx, NULL);
}

void login_note(struct auth *a, struct directory_account *account,
		uint32_t device)
{
	int64_t now_s = clock_real_ns() / 1000000000;

	for (uint32_t i = 0; i < account->credentials_n; i++) {
		struct directory_credential *c = &account->credentials[i];

		if (c->device != device)
			continue;
		/* A clock that was set back is no reason to write more. */
		if (now_s < c->last_used_s + AUTH_LOGIN_NOTE_S)
			return;
		c->last_used_s = now_s;
	}
	if (a->logins_n == AUTH_LOGINS_MAX)
		logins_flush(a);
	if (a->logins_n == AUTH_LOGINS_MAX)
		return; /* cannot be written: the time is lost, not the login */
	if (a->logins_n == 0)
		a->logins_due_ms = a->now_ms + AUTH_LOGINS_MS;
	account->last_login_s = now_s;
	a->logins[a->logins_n] =
		(struct directory_login){ .device = device, .at_s = now_s };
	memcpy(a->logins[a->logins_n].id, account->id, sizeof account->id);
	a->logins_n++;
}

void logins_flush(struct auth *a)
{
	if (directory_logins(a->directory, a->logins, a->logins_n) == YB_OK)
		a->logins_n = 0;
	else
		a->logins_due_ms = a->now_ms + AUTH_LOGINS_MS;
}
