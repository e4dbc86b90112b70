/*
 * Takes the questions of auth/outside.h to lookup, and its answers back.
 */
#ifndef SERVER_OUTSIDE_CLIENT_H
#define SERVER_OUTSIDE_CLIENT_H

#include "auth/outside.h"
#include "server/lookup_client.h"

struct outside_client {
	struct lookup_client *lookup;
	struct auth *auth;
	uint32_t timeout_ms;
	/* Auth has done something outside of its owner's calls. */
	void (*after)(void *ctx);
	void *ctx;
};

/* Has accounts looked up outside if the configuration says so. NOMEM. */
YB_CHECKED enum yb_err outside_client_set(struct outside_client *o,
					  const struct config *config);

#endif
