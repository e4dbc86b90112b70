/*
 * A site's own rule about logins: somebody outside is asked before a login is
 * checked, and may be told how it went. Who asks is the caller's matter; what
 * an answer does is attempt_gate.c's:
 *
 * - allow: the login goes on, after the delay, in which nobody else waits;
 * - deny: it goes on like one with a wrong password, in text and in time;
 * - no answer: as the configuration says, it goes on or is put off, with a
 *   temporary error.
 */
#ifndef AUTH_POLICY_H
#define AUTH_POLICY_H

#include "auth/auth.h"

enum {
	/* Longer, and mail programs give up; and a worker's patience has to
	 * hold for the time limit, this, and the queue (REQUEST_MS). */
	POLICY_DELAY_MAX_MS = 10 * 1000,
	/* A rule that changes takes effect within an hour. */
	POLICY_CACHE_MAX_S = 60 * 60,
	/* Answers that are remembered, of some 400 octets each. */
	POLICY_CACHED_MAX = 16384,
};

/* Text is valid during the call. */
struct policy_login {
	const struct auth_peer *from;
	const char *mechanism;
	const char *account; /* canonical, as it is claimed; "?": no name */
	const char *acts_as; /* or "" */
};

struct policy_outcome {
	const char *outcome; /* "ok", "denied", "failed" */
	const char *reason;  /* of a denied one, or "" */
	const char *device;  /* of a good one, or "" */
};

struct policy_answer {
	bool may;
	uint32_t delay_ms;
	uint32_t cache_s;
};

struct auth_policy {
	void *ctx;
	/*
	 * Asks; YB_OK if auth_policy_answered() is called with `ticket` once,
	 * later and not from within. Anything else counts as no answer.
	 */
	enum yb_err (*ask)(void *ctx, const struct policy_login *login,
			   void *ticket);
	/* Tells; nobody waits for it. NULL: nobody wants to know. */
	void (*tell)(void *ctx, const struct policy_login *login,
		     const struct policy_outcome *outcome);
	bool on_failure; /* whether logins go on without an answer */
};

/*
 * Has logins asked about from now on; NULL for none. What is remembered is
 * forgotten. Copied.
 */
void auth_set_policy(struct auth *a, const struct auth_policy *policy);

/* `err` other than YB_OK: there is none, and `answer` is not looked at. */
void auth_policy_answered(struct auth *a, void *ticket, enum yb_err err,
			  const struct policy_answer *answer, uint64_t now_ms);

#endif
