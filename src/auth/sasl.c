/*
 * One SASL exchange: src/sasl speaks with the client, attempt.c decides.
 */
#include "auth/auth_private.h"

#include <stdlib.h>

#include "sasl/server.h"

struct auth_sasl {
	struct auth *auth;
	struct auth_peer peer;
	struct sasl_server server;
	struct attempt *attempt; /* under way; NULL otherwise */
	enum yb_err outcome;     /* YB_AGAIN: none yet */
	auth_done_fn *done;
	void *ctx;
};

/* The last thing done with `x`: its owner may free it in `done`. */
static void finish(void *ctx, enum yb_err err,
		   const struct auth_identity *identity, struct span challenge)
{
	struct auth_sasl *x = ctx;

	x->outcome = err;
	x->done(x->ctx, err, identity, challenge);
}

static void take(struct auth_sasl *x, enum sasl_outcome outcome,
		 const struct sasl_result *result, uint64_t now_ms)
{
	const struct attempt_claim claim = { .authzid = result->authzid,
					     .user = result->user,
					     .password = result->password };

	switch (outcome) {
	case SASL_CHALLENGE:
		x->done(x->ctx, YB_AGAIN, NULL, result->challenge);
		return;
	case SASL_FAIL:
		finish(x, YB_SYNTAX, NULL, SPAN_NONE);
		return;
	case SASL_CREDENTIALS:
		attempt_begin(x->auth, &x->peer, &claim, now_ms, finish, x,
			      &x->attempt);
		return;
	}
}

struct auth_sasl *auth_sasl_start(struct auth *a, const struct auth_peer *peer,
				  struct span mechanism, struct span response,
				  bool has_response, uint64_t now_ms,
				  auth_done_fn *done, void *ctx)
{
	struct sasl_result result = { .challenge = SPAN_NONE };
	enum sasl_mechanism which;
	struct auth_sasl *x;

	if (!sasl_mechanism_find(mechanism, &which)) {
		done(ctx, YB_UNSUPPORTED, NULL, SPAN_NONE);
		return NULL;
	}
	x = calloc(1, sizeof *x);
	if (x == NULL) {
		done(ctx, YB_NOMEM, NULL, SPAN_NONE);
		return NULL;
	}
	x->auth = a;
	x->peer = *peer;
	x->outcome = YB_AGAIN;
	x->done = done;
	x->ctx = ctx;
	take(x,
	     sasl_server_start(&x->server, which, response, has_response,
			       &result),
	     &result, now_ms);
	/* Nobody else knows `x` yet, so it is still there. */
	if (x->outcome != YB_AGAIN && x->outcome != YB_OK)
		auth_sasl_free(&x);
	return x;
}

void auth_sasl_step(struct auth_sasl *x, struct span response, uint64_t now_ms)
{
	struct sasl_result result = { .challenge = SPAN_NONE };

	/* A step nobody asked for, such as after the outcome. */
	if (x->outcome != YB_AGAIN || x->attempt != NULL)
		return;
	take(x, sasl_server_step(&x->server, response, &result), &result,
	     now_ms);
}

void auth_sasl_free(struct auth_sasl **x)
{
	if (*x == NULL)
		return;
	attempt_abandon(&(*x)->attempt);
	sasl_server_done(&(*x)->server);
	free(*x);
	*x = NULL;
}
