/*
 * The directory: domains, accounts and their credentials in one SQLite file
 * with one owner. Names come in canonical form (auth/name.h); what is put in
 * is what is found, octet for octet.
 *
 * One thread uses a directory. Opening takes the file for this process alone
 * and makes every file that will ever be needed (directory.db and
 * directory.db-wal); afterwards nothing is opened, made or removed, so that
 * the process can be caged with these two. A change is on disk when its call
 * returns YB_OK, and did not happen otherwise.
 */
#ifndef DIRECTORY_DIRECTORY_H
#define DIRECTORY_DIRECTORY_H

#include "base/err.h"
#include "base/setting.h"
#include "base/span.h"

enum {
	DIRECTORY_VERSION = 6, /* of the schema */
	DIRECTORY_ID_LEN = 16,
	DIRECTORY_SALT_LEN = 16,
	DIRECTORY_KEY_LEN = 32,
	DIRECTORY_SECRET_LEN = 32,
	DIRECTORY_ADDRESS_MAX = 254, /* RFC 5321 section 4.5.3.1.3 */
	DIRECTORY_DOMAIN_MAX = 253,  /* what RFC 1035's 255 octets hold */
	/* One name for a whole company; more is a mailing list's task. */
	DIRECTORY_TARGETS_MAX = 1000,
	DIRECTORY_DEVICES_MAX = 64, /* one bit each in a mailbox index */
	DIRECTORY_NAME_MAX = 64,    /* of a device; it has to fit a table */
	DIRECTORY_MAIN = 0,         /* device of the main password */
	/* A dozen of networks, each as long as IPv6 makes it. */
	DIRECTORY_NETWORKS_MAX = 512,
	/* A hash of crypt(3) in any form that is in use is shorter, and so is
	 * a legacy secret. */
	DIRECTORY_HASH_MAX = 255,
	/* Below it a verifier is no hindrance (RFC 7677 section 4). */
	DIRECTORY_ITERATIONS_MIN = 4096,
	/* Some 3 s: more would let one record stop the hashing pool. */
	DIRECTORY_ITERATIONS_MAX = 10000000,
};

/* What a credential is; the numbers are in the file. */
enum directory_kind {
	DIRECTORY_SCRAM_SHA_256 = 1, /* stored_key and server_key */
	DIRECTORY_CRYPT = 2,         /* `hash`, of crypt(3) */
	DIRECTORY_CERTIFICATE = 3,   /* stored_key: SHA-256 of the DER */
	DIRECTORY_LEGACY = 4,        /* `hash`: see auth/legacy.c */
};

/* What a device may not do; the numbers are in the file. */
enum directory_refused { DIRECTORY_NO_DELETE = 1 << 0 };

/* All zeros: no limits. */
struct directory_limits {
	uint32_t refused;     /* set of enum directory_refused */
	uint32_t protocols;   /* set of what auth numbers; 0: all */
	int64_t expires_s;    /* seconds since 1970; 0: never */
	const char *networks; /* such as "192.0.2.0/24,::1"; "" or NULL: any */
};

struct directory_credential {
	uint32_t device; /* 0 .. DIRECTORY_DEVICES_MAX - 1 */
	enum directory_kind kind;
	const char *name; /* "main" for the main password */
	struct directory_limits limits;
	uint8_t stored_key[DIRECTORY_KEY_LEN];
	uint8_t server_key[DIRECTORY_KEY_LEN];
	const char *hash;    /* or "" */
	int64_t created_s;   /* seconds since 1970 */
	int64_t last_used_s; /* 0 if never */
};

/*
 * An account as it stands in the file: one allocation, freed by whoever asked
 * for it. All its credentials share salt and iteration count.
 */
struct directory_account {
	size_t size; /* of the allocation */
	const char *address;
	uint8_t id[DIRECTORY_ID_LEN]; /* random, never used again */
	uint8_t salt[DIRECTORY_SALT_LEN];
	uint64_t generation; /* rises with every change of a credential */
	int64_t created_s;
	int64_t last_login_s; /* 0 if never */
	uint32_t iterations;
	uint32_t credentials_n;
	struct directory_credential credentials[]; /* by device */
};

struct directory;

/*
 * Opens or makes the file, mode 0600; the folder has to exist. BUSY if another
 * process has it; VERSION if a newer program wrote it; CORRUPT; ACCESS if
 * others than its owner may touch it, or if it is not a plain file; INVALID if
 * it is a database of something else. An older schema is brought up to date
 * in one transaction.
 */
YB_CHECKED enum yb_err directory_open(const char *path, struct directory **ret);
void directory_close(struct directory **d);

/* Random, made with the file: salts of unknown users are drawn from it. */
const uint8_t *directory_secret(const struct directory *d);

/*
 * Has SQLite's own words about errors told, whoever meets them; for the whole
 * process, before the first directory is opened.
 */
typedef void directory_report_fn(void *ctx, const char *text);
void directory_set_report(directory_report_fn *report, void *ctx);

/*
 * The schema's version: that of this program, that of the file before it was
 * opened (0: it was new), and that of a file which cannot be opened.
 */
unsigned directory_version_known(void);
unsigned directory_version_before(const struct directory *d);
YB_CHECKED enum yb_err directory_probe(const char *path, unsigned *ret);

/* A domain as it stands in the file. */
struct directory_domain {
	char name[DIRECTORY_DOMAIN_MAX + 1];
	char alias_of[DIRECTORY_DOMAIN_MAX + 1]; /* "" for one of its own */
	int64_t created_s;
	uint64_t accounts_n, aliases_n; /* at it */
	uint64_t names_n;               /* domains that are an alias of it */
};

/* NOT_FOUND if mail for the domain is not ours. */
YB_CHECKED enum yb_err directory_domain_find(struct directory *d,
					     struct span name);

/* The domain that it is another name of, or "". NOT_FOUND as above. */
YB_CHECKED enum yb_err
directory_domain_alias_of(struct directory *d, struct span name,
			  char ret[DIRECTORY_DOMAIN_MAX + 1]);

/* All about one, counted; about the next in order. NOT_FOUND. */
YB_CHECKED enum yb_err directory_domain_get(struct directory *d,
					    struct span name,
					    struct directory_domain *ret);
YB_CHECKED enum yb_err directory_domain_next(struct directory *d,
					     struct span after,
					     struct directory_domain *ret);

/*
 * Makes a domain ours; with `alias_of`, another name of that one, which has
 * to be there (NOT_FOUND) and no alias itself (INVALID). EXISTS.
 */
YB_CHECKED enum yb_err directory_domain_add(struct directory *d,
					    struct span name,
					    struct span alias_of,
					    int64_t now_s);

/* Somebody who keeps a domain from being removed; NOT_FOUND. */
YB_CHECKED enum yb_err
directory_domain_resident(struct directory *d, struct span name,
			  char ret[DIRECTORY_ADDRESS_MAX + 1]);

/* NOT_FOUND; INVALID while accounts, aliases or domains hang on it. */
YB_CHECKED enum yb_err directory_domain_remove(struct directory *d,
					       struct span name);

/* Whose settings (base/setting.h): by address, or by the domain's name. */
enum directory_owner { DIRECTORY_ACCOUNT, DIRECTORY_DOMAIN };

/* What is set there; nothing for an owner who is not there. */
YB_CHECKED enum yb_err directory_settings_get(struct directory *d,
					      enum directory_owner owner,
					      struct span name,
					      struct setting_set *ret);

/* Sets those of `changed` that `set` has, and clears the others of it. */
YB_CHECKED enum yb_err directory_settings_change(struct directory *d,
						 enum directory_owner owner,
						 struct span name,
						 uint32_t changed,
						 const struct setting_set *set);

/*
 * An alias: an address of ours that is no account, and whose mail goes to
 * others. "@example.org" stands for all addresses of its domain that have no
 * other home. One allocation, freed by whoever asked.
 */
struct directory_alias {
	const char *address;
	size_t targets_n;
	const char *targets[]; /* in order; at least one */
};

/* The alias of an address, the next in order; NOT_FOUND. */
YB_CHECKED enum yb_err directory_alias_find(struct directory *d,
					    struct span address,
					    struct directory_alias **ret);
YB_CHECKED enum yb_err directory_alias_next(struct directory *d,
					    struct span after,
					    struct directory_alias **ret);
void directory_alias_free(struct directory_alias **alias);

/*
 * An alias that leads to `target`: the first made after number `*at`, which
 * is then its own; start with 0. NOT_FOUND.
 */
YB_CHECKED enum yb_err
directory_alias_using(struct directory *d, struct span target, int64_t *at,
		      char ret[DIRECTORY_ADDRESS_MAX + 1]);

/*
 * Adds targets to an alias, which comes into being with its first one. Those
 * that it has already stay. NOT_FOUND without its domain; TOO_BIG above
 * DIRECTORY_TARGETS_MAX. `check` is called when all is in its place, and if
 * it fails nothing has happened; NULL for none.
 */
YB_CHECKED enum yb_err
directory_alias_add(struct directory *d, struct span address,
		    const struct span *targets, size_t n, int64_t now_s,
		    enum yb_err (*check)(void *ctx), void *ctx);

/*
 * Takes targets from an alias; it goes with its last one, or at once with
 * `n` 0. NOT_FOUND if it or one of them is not there; nothing changes then.
 */
YB_CHECKED enum yb_err directory_alias_remove(struct directory *d,
					      struct span address,
					      const struct span *targets,
					      size_t n);

/* The file as it stands now, in a sealed memfd: for a backup. */
YB_CHECKED enum yb_err directory_copy(struct directory *d, int *ret_fd);

/* The account of an address; NO_ACCOUNT. */
YB_CHECKED enum yb_err directory_account_find(struct directory *d,
					      struct span address,
					      struct directory_account **ret);
/* The oldest account of a domain, or of all; NO_ACCOUNT. */
YB_CHECKED enum yb_err directory_account_first(struct directory *d,
					       struct span domain,
					       struct directory_account **ret);
/* The next in the order of addresses; NO_ACCOUNT behind the last. */
YB_CHECKED enum yb_err directory_account_next(struct directory *d,
					      struct span after,
					      struct directory_account **ret);
/* How many credentials are hashes of crypt(3). */
YB_CHECKED enum yb_err directory_imported(struct directory *d, uint64_t *ret);

/* One of them; NOT_FOUND if there is none. */
YB_CHECKED enum yb_err directory_imported_one(struct directory *d,
					      char ret[DIRECTORY_HASH_MAX + 1]);

/* The address of the account that a certificate is bound to; NO_ACCOUNT. */
YB_CHECKED enum yb_err
directory_certificate_find(struct directory *d,
			   const uint8_t fingerprint[DIRECTORY_KEY_LEN],
			   char ret[DIRECTORY_ADDRESS_MAX + 1]);

/*
 * An account with a credential of that kind, which is not
 * DIRECTORY_SCRAM_SHA_256: the first made after number `*at`, which is then
 * its own; start with 0. NO_ACCOUNT.
 */
YB_CHECKED enum yb_err
directory_credential_next(struct directory *d, enum directory_kind kind,
			  int64_t *at, char ret[DIRECTORY_ADDRESS_MAX + 1]);

/* Wipes and frees; takes NULL. */
void directory_account_free(struct directory_account **account);

/* A credential, a verifier with the salt and count that it was made with. */
struct directory_verifier {
	enum directory_kind kind;
	uint32_t device;
	const char *name;
	const char *hash; /* "" or NULL where there is none */
	struct directory_limits limits;
	uint8_t salt[DIRECTORY_SALT_LEN];
	uint32_t iterations;
	uint8_t stored_key[DIRECTORY_KEY_LEN];
	uint8_t server_key[DIRECTORY_KEY_LEN];
};

/*
 * Makes an account with its first credential, and its domain local if it is
 * new. EXISTS; INVALID if a field is out of its bounds.
 */
YB_CHECKED enum yb_err directory_account_add(struct directory *d,
					     struct span address,
					     const struct directory_verifier *v,
					     int64_t now_s,
					     uint8_t ret_id[DIRECTORY_ID_LEN]);

/* One of many. */
struct directory_new_account {
	struct span address;
	const struct directory_verifier *verifier;
	enum yb_err err; /* what became of it: as directory_account_add() */
};

/* Makes accounts in one transaction: those that can be made, or none. */
YB_CHECKED enum yb_err
directory_accounts_add(struct directory *d, struct directory_new_account *list,
		       size_t n, int64_t now_s);

/*
 * Sets the credential of one device, new or not. INVALID if the account has
 * others that were made with another salt or count; NO_ACCOUNT; EXISTS if
 * another device has the name.
 */
YB_CHECKED enum yb_err
directory_credential_put(struct directory *d, struct span address,
			 const struct directory_verifier *v, int64_t now_s);

/*
 * Adds a device under a number that was free the longest, since mailboxes
 * remember what a device has collected by its number; v->device is not looked
 * at. Errors as above; QUOTA if there are DIRECTORY_DEVICES_MAX already.
 */
YB_CHECKED enum yb_err directory_device_add(struct directory *d,
					    struct span address,
					    const struct directory_verifier *v,
					    int64_t now_s,
					    uint32_t *ret_device);

/* NO_ACCOUNT; NOT_FOUND if there is no such device. */
YB_CHECKED enum yb_err directory_device_remove(struct directory *d,
					       struct span address,
					       uint32_t device);

/* Removes an account with its credentials; its domain stays. NO_ACCOUNT. */
YB_CHECKED enum yb_err
directory_account_remove(struct directory *d, struct span address,
			 uint8_t ret_id[DIRECTORY_ID_LEN]);

/* ---- who guesses (auth/throttle.h) ---- */

enum { DIRECTORY_TALLY_KEY_LEN = 16 };

struct directory_tally {
	uint32_t kind;
	uint8_t key[DIRECTORY_TALLY_KEY_LEN];
	uint32_t failures; /* 0: it has no row */
	int64_t since_ms;
	const char *label; /* valid during the callback */
};

typedef void directory_tally_fn(void *ctx, const struct directory_tally *row);

/* All, the oldest first. */
YB_CHECKED enum yb_err directory_tallies_each(struct directory *d,
					      directory_tally_fn *each,
					      void *ctx);

/* Any number of puts between these is one change. */
YB_CHECKED enum yb_err directory_tallies_begin(struct directory *d);
YB_CHECKED enum yb_err directory_tally_put(struct directory *d,
					   const struct directory_tally *row);
YB_CHECKED enum yb_err directory_tallies_commit(struct directory *d);

/* A login that went well. */
struct directory_login {
	uint8_t id[DIRECTORY_ID_LEN];
	uint32_t device;
	int64_t at_s;
};

/*
 * Notes logins, all in one transaction; accounts and devices that are gone
 * meanwhile are passed over. Never turns a time back.
 */
YB_CHECKED enum yb_err directory_logins(struct directory *d,
					const struct directory_login *logins,
					size_t n);

#endif
