/*
 * One SASL exchange: src/sasl speaks with the client, attempt_grant.c decides.
 */
#include "auth/attempt.h"

#include <stdlib.h>

#include "crypto/compare.h"

enum {
	/*
	 * A proof is tried against at least so many keys, so that accounts
	 * with a few devices take as long as one without, and as nobody
	 * (threat 8). Each costs a microsecond.
	 */
	KEYS_TRIED_MIN = 8,
};

struct auth_sasl {
	struct auth *auth;
	struct auth_peer peer;
	struct sasl_server server;
	struct attempt *attempt; /* under way; NULL otherwise */
	enum yb_err outcome;     /* YB_AGAIN: none yet */
	auth_done_fn *done;
	void *ctx;
	/* SCRAM */
	struct outside_wait wait; /* for the account, */
	bool waits;               /* while somebody is asked about it */
	struct name name;
	struct name as; /* as whom it asks to act, if another one */
	uint8_t certificate[DIRECTORY_KEY_LEN]; /* EXTERNAL: its SHA-256 */
	bool good;                              /* that name can be one */
	uint64_t generation; /* of the account when it was proved, */
	uint8_t proved[DIRECTORY_ID_LEN]; /* and which it was */
	struct sasl_result last;          /* the server's final message */
	struct auth_identity identity;
	char address[AUTH_ADDRESS_MAX + 1];
};

/* The last thing done with `x`: its owner may free it in `done`. */
static void finish(void *ctx, enum yb_err err,
		   const struct auth_identity *identity, struct span challenge)
{
	struct auth_sasl *x = ctx;

	x->outcome = err;
	x->done(x->ctx, err, identity, challenge);
}

/* ---- SCRAM ---- */

/* Who it is, made canonical, and up to date: AGAIN if that takes a while. */
static enum yb_err look_up(struct auth_sasl *x,
			   const struct sasl_result *result)
{
	struct auth *a = x->auth;
	enum yb_err err = attempt_name(a, result->user, &x->name);

	if (err == YB_OK)
		err = attempt_as(a, result->authzid, &x->name, &x->as,
				 &x->good);
	if (err == YB_OK)
		err = outside_refresh(a, name_span(&x->name), &x->wait);
	x->waits = err == YB_AGAIN;
	return err;
}

/* YB_OK with *ret_outcome, or why the account could not be looked at. */
static enum yb_err tell_salt(struct auth_sasl *x, struct sasl_result *result,
			     enum sasl_outcome *ret_outcome)
{
	struct auth *a = x->auth;
	struct cached *at = NULL;
	enum yb_err err =
		cache_find(&a->cache, name_span(&x->name), a->now_ms, &at);

	if (err != YB_OK)
		return err;
	if (x->server.mechanism == SASL_SCRAM_SHA_1) {
		uint8_t salt[DIRECTORY_SALT_LEN];

		err = legacy_salt(a, at->account, salt);
		if (err == YB_OK)
			*ret_outcome = sasl_server_salt(
				&x->server, span_of(salt, sizeof salt),
				AUTH_LEGACY_ITERATIONS, result);
		return err;
	}
	*ret_outcome = sasl_server_salt(
		&x->server,
		span_of(at->account->salt, sizeof at->account->salt),
		at->account->iterations, result);
	return YB_OK;
}

static bool has_key(const struct auth_sasl *x,
		    const struct directory_credential *c)
{
	return x->server.mechanism == SASL_SCRAM_SHA_1
		       ? legacy_scram_fits(c)
		       : c->kind == DIRECTORY_SCRAM_SHA_256;
}

/* All keys are tried, whichever fits: which one it was takes no less time. */
static enum yb_err try_keys(struct auth_sasl *x, const struct cached *at,
			    int *ret_index)
{
	uint32_t n = at->account->credentials_n;
	enum yb_err err = YB_OK;
	int found = -1;

	for (uint32_t i = 0; (i < n || i < KEYS_TRIED_MIN) && err == YB_OK;
	     i++) {
		const uint8_t *key =
			at->account->credentials[i < n ? i : 0].stored_key;
		bool fits = false;

		err = sasl_server_try(&x->server, x->auth->proof, key, &fits);
		if (fits && i < n && has_key(x, &at->account->credentials[i]))
			found = (int)i;
	}
	*ret_index = cached_may_log_in(at) && x->good ? found : -1;
	return err;
}

/* For struct attempt; the server's own proof is made of the same account. */
static enum yb_err check(const struct attempt *attempt, const struct cached *at,
			 int *ret_index)
{
	struct auth_sasl *x = attempt->ctx;
	int index = -1;
	enum yb_err err = try_keys(x, at, &index);

	x->generation = at->account->generation;
	memcpy(x->proved, at->account->id, sizeof x->proved);
	if (err == YB_OK && index >= 0 &&
	    sasl_server_accept(&x->server, x->auth->proof,
			       at->account->credentials[index].server_key,
			       &x->last) != SASL_CHALLENGE)
		err = YB_NOMEM;
	*ret_index = index;
	return err;
}

static void proved(void *ctx, enum yb_err err,
		   const struct auth_identity *identity, struct span challenge)
{
	struct auth_sasl *x = ctx;

	if (err == YB_DENIED || err == YB_APP_PASSWORD) {
		sasl_server_refuse(&x->server, &x->last);
		challenge = x->last.challenge;
	}
	if (err != YB_OK) {
		finish(x, err, NULL, challenge);
		return;
	}
	x->identity = *identity;
	memccpy(x->address, identity->address, 0, sizeof x->address);
	x->identity.address = x->address;
	if (identity->master != NULL)
		x->identity.master = x->name.text; /* as it was proved */
	x->done(x->ctx, YB_AGAIN, NULL, x->last.challenge);
}

/* The client has seen the server's proof. Meanwhile its credential may have
 * been changed or revoked. */
static void let_in(struct auth_sasl *x)
{
	struct auth *a = x->auth;
	struct cached *at = NULL;
	enum yb_err err =
		cache_find(&a->cache, name_span(&x->name), a->now_ms, &at);

	if (err == YB_OK &&
	    (!cached_may_log_in(at) ||
	     at->account->generation != x->generation ||
	     memcmp(at->account->id, x->proved, sizeof at->account->id) != 0))
		err = denial_of(a, &x->name);
	finish(x, err, err == YB_OK ? &x->identity : NULL, SPAN_NONE);
}

/* ---- EXTERNAL ---- */

/* TLS has checked the certificate, in the worker; here it is looked up. */
static enum yb_err check_certificate(const struct attempt *attempt,
				     const struct cached *at, int *ret_index)
{
	const struct auth_sasl *x = attempt->ctx;
	int found = -1;

	for (uint32_t i = 0; i < at->account->credentials_n; i++) {
		const struct directory_credential *c =
			&at->account->credentials[i];

		if (c->kind == DIRECTORY_CERTIFICATE &&
		    compare_equal(c->stored_key, x->certificate,
				  sizeof x->certificate))
			found = (int)i;
	}
	*ret_index = x->good ? found : -1;
	return YB_OK;
}

static void take_identity(struct auth_sasl *x, const struct sasl_result *result)
{
	struct auth *a = x->auth;
	char address[AUTH_ADDRESS_MAX + 1] = "";
	enum yb_err err = directory_certificate_find(a->directory,
						     x->certificate, address);

	/* A name that nobody has is refused like a wrong password. */
	if (err == YB_OK || err == YB_NO_ACCOUNT)
		err = attempt_name(a, span_str(address), &x->name);
	if (err == YB_OK)
		err = attempt_as(a, result->authzid, &x->name, &x->as,
				 &x->good);
	if (err != YB_OK)
		finish(x, err, NULL, SPAN_NONE);
	else
		attempt_begin_proof(a, &x->peer, &x->name, &x->as,
				    check_certificate, a->now_ms, finish, x,
				    &x->attempt);
}

/* ---- APOP and CRAM-MD5 ---- */

static enum yb_err check_digest(const struct attempt *attempt,
				const struct cached *at, int *ret_index)
{
	const struct auth_sasl *x = attempt->ctx;

	return legacy_check_digest(&x->server, at, ret_index);
}

static void take_digest(struct auth_sasl *x, const struct sasl_result *result)
{
	enum yb_err err = attempt_name(x->auth, result->user, &x->name);

	if (err != YB_OK)
		finish(x, err, NULL, SPAN_NONE);
	else
		attempt_begin_proof(x->auth, &x->peer, &x->name, &x->as,
				    check_digest, x->auth->now_ms, finish, x,
				    &x->attempt);
}

/* ---- access tokens ---- */

/* RFC 7628 section 3.2.2: "For a failed authentication, the server returns an
 * error result in JSON format and fails the authentication." */
static void looked_up(void *ctx, enum yb_err err,
		      const struct auth_identity *identity,
		      struct span challenge)
{
	struct auth_sasl *x = ctx;

	if (err == YB_DENIED || err == YB_APP_PASSWORD)
		challenge = token_refusal(x->auth,
					  x->server.mechanism == SASL_XOAUTH2
						  ? OAUTH_XOAUTH2
						  : OAUTH_BEARER);
	finish(x, err, identity, challenge);
}

/*
 * Section 3.2: what the server knows otherwise, such as its host, "MUST be
 * validated to match". Section 4.3: without a token a client asks what it
 * needs one for, and hears it as all do whose token is refused.
 */
static void take_token(struct auth_sasl *x, const struct sasl_result *result)
{
	struct auth *a = x->auth;
	enum yb_err err;

	if (result->token.n > 0 && token_host_fits(a, result->host)) {
		attempt_begin_token(a, &x->peer, result->user, result->token,
				    a->now_ms, looked_up, x, &x->attempt);
		return;
	}
	err = attempt_name(a, result->user, &x->name);
	if (err == YB_OK)
		err = denial_of(a, &x->name);
	a->denied_reason =
		result->token.n > 0 ? AUTH_TOKEN_AUDIENCE : AUTH_NO_TOKEN;
	looked_up(x, err, NULL, SPAN_NONE);
}

/* ---- what all mechanisms have in common ---- */

static void take(struct auth_sasl *x, enum sasl_outcome outcome,
		 struct sasl_result *result)
{
	const struct attempt_claim claim = { .authzid = result->authzid,
					     .user = result->user,
					     .password = result->password };
	uint64_t now_ms = x->auth->now_ms;
	enum yb_err err = YB_OK;

	if (outcome == SASL_WANTS_SALT)
		err = look_up(x, result);
	if (err == YB_AGAIN)
		return; /* on_account() goes on */
	if (err == YB_OK && outcome == SASL_WANTS_SALT)
		err = tell_salt(x, result, &outcome);
	if (err != YB_OK) {
		finish(x, err, NULL, SPAN_NONE);
		return;
	}
	switch (outcome) {
	case SASL_CHALLENGE:
		x->done(x->ctx, YB_AGAIN, NULL, result->challenge);
		return;
	case SASL_FAIL:
	case SASL_WANTS_SALT:
		finish(x, YB_SYNTAX, NULL, result->challenge);
		return;
	case SASL_REFUSED:
		finish(x, denial_of(x->auth, &x->name), NULL,
		       result->challenge);
		return;
	case SASL_CREDENTIALS:
		attempt_begin(x->auth, &x->peer, &claim, now_ms, finish, x,
			      &x->attempt);
		return;
	case SASL_TOKEN:
		take_token(x, result);
		return;
	case SASL_IDENTITY:
		take_identity(x, result);
		return;
	case SASL_DIGEST:
		take_digest(x, result);
		return;
	case SASL_PROOF:
		attempt_begin_proof(x->auth, &x->peer, &x->name, &x->as, check,
				    now_ms, proved, x, &x->attempt);
		return;
	case SASL_DONE:
		let_in(x);
		return;
	}
}

static void on_account(struct outside_wait *w, struct auth *a, enum yb_err err)
{
	struct auth_sasl *x = list_entry(w, struct auth_sasl, wait);
	struct sasl_result result = { .challenge = SPAN_NONE };
	enum sasl_outcome outcome = SASL_FAIL;

	(void)a;
	x->waits = false;
	if (err == YB_OK)
		err = tell_salt(x, &result, &outcome);
	if (err == YB_OK)
		take(x, outcome, &result);
	else
		finish(x, err, NULL, SPAN_NONE);
}

static void set_now(struct auth *a, uint64_t now_ms)
{
	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
}

static bool has_binding(const struct sasl_channel *channel)
{
	return channel->exporter_n > 0 || channel->end_point_n > 0;
}

/* RFC 7628 section 3: "TLS MUST be used for OAUTHBEARER". */
static bool may_use(const struct auth *a, const struct auth_peer *peer,
		    const struct sasl_channel *channel, unsigned flags)
{
	return ((flags & SASL_BINDS_CHANNEL) == 0 || has_binding(channel)) &&
	       ((flags & SASL_WANTS_CERTIFICATE) == 0 ||
		(channel->has_certificate && peer->tls)) &&
	       ((flags & SASL_CARRIES_TOKEN) == 0 ||
		(a->tokens != NULL && peer->tls));
}

struct auth_sasl *auth_sasl_start(struct auth *a, const struct auth_peer *peer,
				  const struct sasl_channel *channel,
				  struct span mechanism, struct span response,
				  bool has_response, uint64_t now_ms,
				  auth_done_fn *done, void *ctx)
{
	struct sasl_result result = { .challenge = SPAN_NONE };
	enum sasl_outcome outcome;
	enum sasl_mechanism which;
	struct auth_sasl *x;

	if (!sasl_mechanism_find(mechanism, &which) ||
	    !may_use(a, peer, channel, sasl_mechanism_flags(which))) {
		done(ctx, YB_UNSUPPORTED, NULL, SPAN_NONE);
		return NULL;
	}
	x = calloc(1, sizeof *x);
	if (x == NULL) {
		done(ctx, YB_NOMEM, NULL, SPAN_NONE);
		return NULL;
	}
	set_now(a, now_ms);
	x->auth = a;
	x->peer = *peer;
	x->peer.mechanism = sasl_mechanism_name(which);
	x->outcome = YB_AGAIN;
	list_init(&x->wait.link);
	x->wait.done = on_account;
	x->done = done;
	x->ctx = ctx;
	memcpy(x->certificate, channel->certificate, sizeof x->certificate);
	outcome = sasl_server_start(&x->server, which, channel, response,
				    has_response, &result);
	take(x, outcome, &result);
	/* Nobody else knows `x` yet, so it is still there. */
	if (x->outcome != YB_AGAIN && x->outcome != YB_OK)
		auth_sasl_free(&x);
	return x;
}

void auth_sasl_step(struct auth_sasl *x, struct span response, uint64_t now_ms)
{
	struct sasl_result result = { .challenge = SPAN_NONE };
	enum sasl_outcome outcome;

	/* A step nobody asked for, such as after the outcome. */
	if (x->outcome != YB_AGAIN || x->attempt != NULL || x->waits)
		return;
	set_now(x->auth, now_ms);
	outcome = sasl_server_step(&x->server, response, &result);
	take(x, outcome, &result);
}

void auth_sasl_free(struct auth_sasl **x)
{
	if (*x == NULL)
		return;
	attempt_abandon((*x)->auth, &(*x)->attempt);
	list_remove(&(*x)->wait.link);
	sasl_server_done(&(*x)->server);
	mem_wipe(*x, sizeof **x);
	free(*x);
	*x = NULL;
}
