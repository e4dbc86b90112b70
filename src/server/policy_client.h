/*
 * Takes the questions of auth/policy.h to lookup, and its answers back.
 */
#ifndef SERVER_POLICY_CLIENT_H
#define SERVER_POLICY_CLIENT_H

#include "auth/policy.h"
#include "server/lookup_client.h"

struct policy_client {
	struct lookup_client *lookup;
	struct auth *auth;
	uint32_t timeout_ms;
	/* Auth has done something outside of its owner's calls. */
	void (*after)(void *ctx);
	void *ctx;
};

/* Has logins asked about as the configuration says, or not. */
void policy_client_set(struct policy_client *p, const struct config *config);

#endif
