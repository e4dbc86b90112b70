/*
 * Accounts that somebody outside knows: a site's LDAP or SQL. The directory
 * here keeps a row for each that was ever used, since mail hangs on its id,
 * with its app passwords and settings; whether there is such an account at all,
 * its password and what it may comes from outside, and counts for a while.
 *
 * Whoever is about to look at an account has it brought up to date first, by
 * outside_refresh(), and waits if somebody has to be asked. What the cache
 * (auth/cache.h) then shows is the row with the answer laid over it; without an
 * answer there is no such account. An answer that does not come is a temporary
 * error, and never "no such account".
 */
#ifndef AUTH_OUTSIDE_H
#define AUTH_OUTSIDE_H

#include "auth/auth.h"
#include "base/list.h"
#include "directory/directory.h"

enum {
	/* Names that are not accounts; attackers choose them. */
	OUTSIDE_UNKNOWN_MAX = 8192,
};

/* What was said about one name. */
struct outside_account {
	bool found;
	/* The main password; kind 0: none is known here. */
	struct directory_verifier main;
	struct setting_set settings; /* before all that is set here */
};

struct auth_outside {
	void *ctx;
	/*
	 * Each asks, and returns YB_OK if auth_account_answered() or
	 * auth_password_answered() is called with `ticket` once, later and not
	 * from within.
	 */
	enum yb_err (*ask_account)(void *ctx, struct span address,
				   void *ticket);
	/* NULL where passwords are checked by what is known here. */
	enum yb_err (*ask_password)(void *ctx, struct span address,
				    struct span password, void *ticket);
	uint32_t cache_s;         /* for how long an account counts, */
	uint32_t cache_unknown_s; /* and that there is none; both above 0 */
};

/*
 * From now on accounts are those that are known outside; copied, and once it
 * was said only the times may be changed. NOMEM.
 */
YB_CHECKED enum yb_err auth_set_outside(struct auth *a,
					const struct auth_outside *outside);

void auth_account_answered(struct auth *a, void *ticket, enum yb_err err,
			   const struct outside_account *answer,
			   uint64_t now_ms);
void auth_password_answered(struct auth *a, void *ticket, enum yb_err err,
			    bool right, uint64_t now_ms);

/* Somebody who waits for an account; list_remove(&link) gives up. */
struct outside_wait {
	struct list link;
	void (*done)(struct outside_wait *w, struct auth *a, enum yb_err err);
};

/*
 * Whether the account of a canonical address is up to date: YB_OK. AGAIN: it is
 * asked about, and w->done is called once, with YB_OK or a TEMP error; without
 * `w` nobody is asked. Another error: nobody can be asked.
 */
YB_CHECKED enum yb_err outside_refresh(struct auth *a, struct span address,
				       struct outside_wait *w);

/* The same for the address that auth_recipient() has answered AGAIN for. */
YB_CHECKED enum yb_err auth_recipient_wait(struct auth *a,
					   struct outside_wait *w);

/* ---- for the cache ---- */

struct outside;

/* Lays over `account` what was said; NO_ACCOUNT if it is none. */
YB_CHECKED enum yb_err outside_lay_over(const struct outside *o,
					struct span address,
					struct directory_account *account);
void outside_settings(const struct outside *o, struct span address,
		      uint64_t settings[SETTINGS_N]);

/* A hash like those that accounts have, or "". */
const char *outside_sample(const struct outside *o);
bool outside_checks(const struct outside *o);
enum yb_err outside_ask_password(struct auth *a, struct span address,
				 struct span password, void *ticket);
void outside_free(struct outside **o);

#endif
