/*
 * Auth's questions about access tokens, to the process lookup: what
 * auth/token.h wants to know.
 */
#ifndef SERVER_TOKEN_CLIENT_H
#define SERVER_TOKEN_CLIENT_H

#include "auth/auth.h"
#include "server/lookup_client.h"

struct token_client {
	struct lookup_client *lookup;
	struct auth *auth;
	uint32_t timeout_ms;
	/* Called after each answer: auth may have something to do. */
	void (*after)(void *ctx);
	void *ctx;
};

/* Has auth take tokens, or none, as the configuration says. NOMEM. */
YB_CHECKED enum yb_err token_client_set(struct token_client *t,
					const struct config *config);

#endif
