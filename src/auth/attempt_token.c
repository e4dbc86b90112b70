/*
 * Attempts with access tokens. They wait for their turn like all others; then
 * somebody outside is asked, and meanwhile the attempt stands aside:
 *
 *	attempt_begin_token() --remembered--> answered
 *	   | waits                                    [attempt_wait]
 *	   | asked, unless remembered                 [token_begin]
 *	   v
 *	answered, or refused                          [judge]
 */
#include "auth/attempt.h"

#include <stdlib.h>

#include "base/buf.h"
#include "crypto/random.h"
#include "os/clock.h"

/* A token that was good, and whose it was. */
struct known_token {
	struct list link; /* longest unused first */
	uint8_t digest[HMAC_LEN];
	uint64_t until_ms;
	uint8_t account[DIRECTORY_ID_LEN]; /* as it was then: what changes it */
	uint64_t generation;               /* makes the token unknown */
	struct name name;
};

struct tokens {
	struct auth_tokens config;
	char host[OAUTH_HINT_MAX + 1];
	char refusal[2][OAUTH_REFUSAL_MAX]; /* by enum oauth_form */
	struct hmac *keyed;                 /* at random */
	struct map known;                   /* by digest */
	struct list lru;
};

/* ---- what is remembered ---- */

static void forget(struct tokens *t, struct known_token *k)
{
	(void)map_remove(&t->known, span_of(k->digest, sizeof k->digest));
	list_remove(&k->link);
	mem_wipe(k, sizeof *k);
	free(k);
}

static enum yb_err digest_of(struct tokens *t, struct span token,
			     uint8_t ret[HMAC_LEN])
{
	return hmac_sum(t->keyed, &token, 1, ret);
}

static struct span token_of(const struct attempt *at)
{
	return span_of(at->password, at->password_n);
}

/* As it was when the token was asked about: real, and unchanged since. */
static bool is_same_account(struct auth *a, const struct known_token *k)
{
	struct cached *cached = NULL;

	return cache_find(&a->cache, name_span(&k->name), a->now_ms, &cached) ==
		       YB_OK &&
	       cached->real && cached->account->generation == k->generation &&
	       memcmp(cached->account->id, k->account, sizeof k->account) == 0;
}

/* Whose the token was a while ago; valid until the next is remembered. */
static const struct name *recall(struct auth *a, struct span token)
{
	struct tokens *t = a->tokens;
	uint8_t digest[HMAC_LEN];
	struct known_token *k;

	if (t == NULL || digest_of(t, token, digest) != YB_OK)
		return NULL;
	k = map_get(&t->known, span_of(digest, sizeof digest));
	if (k == NULL)
		return NULL;
	if (a->now_ms >= k->until_ms || !is_same_account(a, k)) {
		forget(t, k);
		return NULL;
	}
	list_remove(&k->link);
	list_push(&t->lru, &k->link);
	return &k->name;
}

/* Until it expires by itself, if that is said, and no longer than allowed. */
static uint64_t known_ms(const struct tokens *t, int64_t expires_s)
{
	int64_t left_ms = INT64_MAX;
	uint64_t most_ms = (uint64_t)t->config.cache_s * 1000;

	if (expires_s > 0 && expires_s < INT64_MAX / 1000)
		left_ms = expires_s * 1000 - clock_real_ns() / 1000000;
	if (left_ms <= 0)
		return 0;
	return (uint64_t)left_ms < most_ms ? (uint64_t)left_ms : most_ms;
}

/* It may also not be: then it is asked about again. */
static void remember(struct auth *a, const struct attempt *at,
		     const struct name *whose, int64_t expires_s)
{
	struct tokens *t = a->tokens;
	uint64_t for_ms = t == NULL ? 0 : known_ms(t, expires_s);
	struct cached *cached = NULL;
	struct known_token *k;

	if (for_ms == 0 ||
	    cache_find(&a->cache, name_span(whose), a->now_ms, &cached) !=
		    YB_OK ||
	    !cached->real)
		return;
	if (t->known.count >= TOKENS_KNOWN_MAX)
		forget(t, list_entry(t->lru.next, struct known_token, link));
	k = calloc(1, sizeof *k);
	if (k == NULL)
		return;
	list_init(&k->link);
	k->until_ms = a->now_ms + for_ms;
	memcpy(k->account, cached->account->id, sizeof k->account);
	k->generation = cached->account->generation;
	k->name = *whose;
	/* Two attempts may have asked at once: one is enough. */
	if (digest_of(t, token_of(at), k->digest) != YB_OK ||
	    map_get(&t->known, span_of(k->digest, sizeof k->digest)) != NULL ||
	    map_put(&t->known, span_of(k->digest, sizeof k->digest), k) !=
		    YB_OK) {
		free(k);
		return;
	}
	list_push(&t->lru, &k->link);
}

/* ---- what a token is good for ---- */

/* As whom a client asks, and what came of it. */
struct asker {
	bool anyone;             /* it asks as whoever the token names */
	struct name name;        /* else as this; who it is in the end */
	struct name as;          /* and as whom he acts; empty: as himself */
	enum auth_reason reason; /* of a refusal */
};

/*
 * RFC 7628 section 3.2: "The authenticated identity reported by the SASL
 * mechanism is the identity securely established for the client with the OAuth
 * credential." As somebody else acts who may, as with other mechanisms.
 */
static bool fits(struct auth *a, struct asker *who, const struct name *whose)
{
	struct cached *cached = NULL;

	if (who->anyone)
		who->name = *whose;
	if (span_eq(name_span(&who->name), name_span(whose)))
		return true;
	who->reason = AUTH_TOKEN_USER;
	if (cache_find(&a->cache, name_span(whose), a->now_ms, &cached) !=
		    YB_OK ||
	    !cached_may_log_in(cached) || !grant_may_act(cached, &who->name))
		return false;
	who->as = who->name;
	who->name = *whose;
	return true;
}

/* YB_OK with what is granted; DENIED with the reason in `who`. */
static enum yb_err weigh(struct auth *a, struct asker *who,
			 const struct name *whose, struct grant *ret)
{
	struct cached *cached = NULL;
	struct grant own;
	enum yb_err err;

	if (!fits(a, who, whose))
		return YB_DENIED;
	err = cache_find(&a->cache, name_span(&who->name), a->now_ms, &cached);
	if (err != YB_OK)
		return err;
	if (!cached_may_log_in(cached)) {
		who->reason = cached->real ? AUTH_LOCKED : AUTH_NO_SUCH_USER;
		return YB_DENIED;
	}
	who->reason = AUTH_NO_SUCH_USER;
	if (who->as.n == 0) {
		grant_whole(a, cached->account, ret);
		return YB_OK;
	}
	grant_whole(a, cached->account, &own);
	return grant_as(a, &who->as, &own, ret);
}

/* The end of an attempt that stands nowhere; `whose` is NULL for a token that
 * is not good, whose reason is in `at`. */
static void judge(struct auth *a, struct attempt *at, const struct name *whose)
{
	struct asker asker = { .anyone = at->anyone,
			       .name = at->name,
			       .reason = at->reason };
	struct throttle_who who;
	struct grant grant;
	enum yb_err err = whose == NULL || at->denied
				  ? YB_DENIED
				  : weigh(a, &asker, whose, &grant);

	at->name = asker.name;
	at->reason = at->denied ? AUTH_POLICY : asker.reason;
	if (err == YB_DENIED) {
		at->peer->open++;
		attempt_refuse(a, at, ++a->guess_number);
		return;
	}
	who = attempt_who(at, 0);
	if (err == YB_OK)
		throttle_passed(&a->throttle, &who, auth_real_ms(a));
	attempt_answer(a, at, err, err == YB_OK ? &grant.identity : NULL);
}

/* ---- asking ---- */

bool token_may_begin(const struct auth *a, struct attempt *at)
{
	unsigned most =
		peer_failures(at->peer, a->now_ms) > 0 ? 1 : TOKENS_ASKED_PEER;

	return at->peer->asked < most && a->asked_n < TOKENS_ASKED_MAX;
}

void token_begin(struct auth *a, struct attempt *at)
{
	/* One that the policy denies takes as long as one that is not good. */
	const struct name *whose = at->denied ? NULL : recall(a, token_of(at));
	const struct token_question question = {
		.from = &at->from,
		.mechanism = at->from.mechanism,
		.user = at->anyone ? SPAN_NONE : name_span(&at->name),
		.token = token_of(at),
	};
	enum yb_err err = YB_UNSUPPORTED;

	attempt_stop_waiting(a, at);
	throttle_begun(&a->throttle, &at->turn, auth_real_ms(a));
	if (whose != NULL) {
		judge(a, at, whose);
		return;
	}
	if (a->tokens != NULL) /* or they were taken until just now */
		err = a->tokens->config.ask(a->tokens->config.ctx, &question,
					    at);
	if (err != YB_OK) {
		attempt_answer(a, at, err, NULL);
		return;
	}
	list_remove(&at->link);
	list_push(&a->asked, &at->link);
	at->asked = true;
	at->peer->asked++;
	a->asked_n++;
}

static enum auth_reason reason_of(enum token_verdict verdict)
{
	switch (verdict) {
	case TOKEN_AUDIENCE:
		return AUTH_TOKEN_AUDIENCE;
	case TOKEN_SCOPE:
		return AUTH_TOKEN_SCOPE;
	case TOKEN_NAMELESS:
		return AUTH_TOKEN_USER;
	case TOKEN_GOOD:
	case TOKEN_INACTIVE:
	case TOKEN_VERDICTS:
		break;
	}
	return AUTH_WRONG_TOKEN;
}

/* Whose it is, is known here as well. */
static void on_account(struct outside_wait *w, struct auth *a, enum yb_err err)
{
	struct attempt *at = list_entry(w, struct attempt, wait);

	if (err != YB_OK) {
		attempt_answer(a, at, err, NULL);
		return;
	}
	remember(a, at, &at->whose, at->expires_s);
	judge(a, at, &at->whose);
}

static void take_good(struct auth *a, struct attempt *at,
		      const struct token_answer *answer)
{
	enum yb_err err = attempt_name(a, answer->user, &at->whose);

	at->expires_s = answer->expires_s;
	at->wait.done = on_account;
	/* Its owner may give up: then nobody hears of the end. */
	if (err == YB_OK)
		err = outside_refresh(a, name_span(&at->whose), &at->wait);
	if (err == YB_AGAIN)
		list_push(&a->asked, &at->link);
	else
		on_account(&at->wait, a, err);
}

void auth_token_answered(struct auth *a, void *ticket, enum yb_err err,
			 const struct token_answer *answer, uint64_t now_ms)
{
	struct attempt *at = ticket;

	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
	list_remove(&at->link);
	at->peer->asked--;
	a->asked_n--;
	if (err != YB_OK) {
		attempt_answer(a, at, err, NULL);
	} else if (answer->verdict == TOKEN_GOOD) {
		take_good(a, at, answer);
	} else {
		at->reason = reason_of(answer->verdict);
		judge(a, at, NULL);
	}
	attempts_run(a);
}

/* ---- beginning ---- */

/*
 * A good token that was asked about lately lets in at once. A wrong one waits
 * like one that nobody knows.
 */
static bool let_in(struct auth *a, const struct name *name, bool anyone,
		   struct span token, struct grant *ret)
{
	struct asker who = { .anyone = anyone, .name = *name };
	const struct name *whose = recall(a, token);

	return whose != NULL && weigh(a, &who, whose, ret) == YB_OK;
}

bool token_is_known(struct auth *a, const struct attempt *at, struct grant *ret)
{
	return let_in(a, &at->name, at->anyone, token_of(at), ret);
}

void attempt_begin_token(struct auth *a, const struct auth_peer *peer,
			 struct span user, struct span token, uint64_t now_ms,
			 auth_done_fn *done, void *ctx, struct attempt **owner)
{
	struct attempt *at = NULL;
	struct grant grant;
	struct name name;
	bool known = false;
	enum yb_err err;

	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
	err = attempt_name(a, user, &name);
	if (err == YB_OK && !gate_is_closed(a))
		known = let_in(a, &name, user.n == 0, token, &grant);
	a->cache_hits += known;
	if (err == YB_OK && !known)
		err = a->tokens_n < TOKENS_MAX
			      ? attempt_make_token(a, peer, &name, token, &at)
			      : YB_OVERLOAD;
	if (at == NULL) {
		done(ctx, err, known ? &grant.identity : NULL, SPAN_NONE);
		return;
	}
	at->anyone = user.n == 0;
	at->reason = AUTH_WRONG_TOKEN;
	attempt_enter(a, at, done, ctx, owner);
}

/* ---- the whole ---- */

struct span token_refusal(const struct auth *a, enum oauth_form form)
{
	return a->tokens == NULL ? SPAN_NONE
				 : span_str(a->tokens->refusal[form]);
}

bool token_host_fits(const struct auth *a, struct span host)
{
	return a->tokens == NULL || *a->tokens->host == 0 || host.n == 0 ||
	       span_eq_nocase(host, span_str(a->tokens->host));
}

void tokens_free(struct tokens **tokens)
{
	struct tokens *t = *tokens;

	if (t == NULL)
		return;
	while (!list_empty(&t->lru))
		forget(t, list_entry(t->lru.next, struct known_token, link));
	map_done(&t->known);
	hmac_free(&t->keyed);
	free(t);
	*tokens = NULL;
}

static enum yb_err tokens_new(const struct auth_tokens *config,
			      struct tokens **ret)
{
	struct tokens *t = calloc(1, sizeof *t);
	uint8_t key[HMAC_LEN];
	uint64_t seed;
	enum yb_err err;

	if (t == NULL)
		return YB_NOMEM;
	t->config = *config;
	if (t->config.cache_s > TOKENS_CACHE_MAX_S)
		t->config.cache_s = TOKENS_CACHE_MAX_S;
	(void)span_to_str(span_str(config->host), t->host, sizeof t->host);
	for (int form = 0; form < 2; form++)
		oauth_put_refusal((enum oauth_form)form, OAUTH_INVALID_TOKEN,
				  span_str(config->scope),
				  span_str(config->configuration),
				  t->refusal[form]);
	list_init(&t->lru);
	err = crypto_random(&seed, sizeof seed);
	map_init(&t->known, seed);
	if (err == YB_OK)
		err = crypto_random(key, sizeof key);
	if (err == YB_OK)
		err = hmac_new(span_of(key, sizeof key), &t->keyed);
	mem_wipe(key, sizeof key);
	if (err != YB_OK)
		tokens_free(&t);
	else
		*ret = t;
	return err;
}

enum yb_err auth_set_tokens(struct auth *a, const struct auth_tokens *config)
{
	struct tokens *fresh = NULL;
	enum yb_err err = config == NULL ? YB_OK : tokens_new(config, &fresh);

	if (err != YB_OK)
		return err;
	tokens_free(&a->tokens);
	a->tokens = fresh;
	return YB_OK;
}
