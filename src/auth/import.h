/*
 * Many accounts at once: records that are ready, since their passwords were
 * hashed by whoever sends them, go into the directory in few transactions.
 */
#ifndef AUTH_IMPORT_H
#define AUTH_IMPORT_H

#include "auth/auth.h"
#include "directory/directory.h"

enum {
	/* Records of one call, and of one transaction. */
	AUTH_IMPORT_MAX = 128,
};

struct auth_import {
	struct span address;
	struct directory_verifier verifier; /* of device DIRECTORY_MAIN */
};

/*
 * What becomes of each record goes to `ret_errs`: YB_OK, INVALID for what is
 * no address or no verifier, EXISTS, IN_USE for the name of an alias. Those
 * that are good are added, or only looked at with `dry_run`. What is returned
 * concerns all of them; none was added then.
 */
YB_CHECKED enum yb_err auth_accounts_import(struct auth *a,
					    const struct auth_import *records,
					    size_t n, bool dry_run,
					    enum yb_err *ret_errs);

/*
 * A password as it would come with a new account: normalised and hashed with
 * a salt of its own. INVALID and WEAK with a reason, static. Blocks; may be
 * called from several threads at once. Nothing of `address` but its octets is
 * looked at.
 */
YB_CHECKED enum yb_err
auth_import_password(struct span address, struct span password, bool allow_weak,
		     struct directory_verifier *ret, const char **ret_reason);

/* Whether the call above would take it: the same, without the hash. */
YB_CHECKED enum yb_err auth_import_check(struct span address,
					 struct span password, bool allow_weak,
					 const char **ret_reason);

/*
 * What a line of a list says: "address", "address,password", with quotes as
 * CSV has them, or "user:password:uid:gid:..." of Dovecot's passwd-files; what
 * comes first, a comma or a colon, tells. Quotes are taken off in place. False
 * if they do not match; they then stand in what is returned.
 */
bool auth_import_line(struct span line, struct span *ret_address,
		      struct span *ret_secret);

/*
 * What Dovecot's password databases have: "{SCHEME}text", or the text of
 * crypt(3) alone. Is `text` a password that is to be hashed, *ret_plain says
 * where in it; else `ret` is ready, except that its hash points to
 * `ret_hash`. UNSUPPORTED with a reason, static, for a scheme that cannot be
 * taken.
 */
YB_CHECKED enum yb_err auth_import_scheme(struct span text,
					  struct directory_verifier *ret,
					  char ret_hash[DIRECTORY_HASH_MAX + 1],
					  struct span *ret_plain,
					  const char **ret_reason);

#endif
