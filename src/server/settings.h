/*
 * What the sessions of a worker go by: a configuration and the TLS contexts
 * made by it. A session keeps those that it began with; a reload makes new
 * ones for the sessions that come (counted references).
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "config/config.h"
#include "tls/context.h"

struct settings {
	unsigned refs;
	struct tls_context *pop3_tls, *smtp_tls; /* NULL: no TLS */
	struct config config;
};

/* One reference, the caller's; NULL if out of memory. */
struct settings *settings_new(const struct config *config);
struct settings *settings_hold(struct settings *s);

/* Takes NULL; leaves NULL. */
void settings_release(struct settings **s);

/*
 * Adds certificate `i` of the configuration from its open files; the default
 * one, 0, comes first. INVALID with a readable reason, NOMEM, IO.
 */
YB_CHECKED enum yb_err settings_add_pair(struct settings *s, size_t i,
					 int certificate, int key,
					 const char **ret_reason);

/*
 * Adds whom to believe about POP3's clients, behind the last certificate.
 * Errors as above.
 */
YB_CHECKED enum yb_err settings_trust_clients(struct settings *s, int file,
					      const char **ret_reason);

#endif
