/*
 * Which accounts and mailboxes have files, in the order of their names, a few
 * at a time. Runs in the pool.
 */
#ifndef STORE_PLACES_H
#define STORE_PLACES_H

#include "store/files.h"

enum {
	/* Of one account, in one answer. */
	PLACES_MAILBOXES_MAX = 1000,
};

/*
 * The next accounts behind `after`, or from the first on with NULL: up to
 * `max`, fewer only at the end. Their mailboxes may be none.
 */
YB_CHECKED enum yb_err places_accounts(const struct files *f,
				       const struct account_id *after,
				       struct account_id *ret, size_t max,
				       size_t *ret_n);

/* The numbers of an account's mailboxes, rising. */
YB_CHECKED enum yb_err places_mailboxes(const struct files *f,
					const struct account_id *account,
					uint32_t ret[PLACES_MAILBOXES_MAX],
					size_t *ret_n);

#endif
