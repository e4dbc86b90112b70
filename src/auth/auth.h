/*
 * Who may log in: accounts in the directory, credentials checked against
 * them, guessing slowed down. All calls are made by one thread; hashing runs
 * in a bounded pool, and its results come back in auth_run(). A callback may
 * run before the call that was given it returns.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "base/err.h"
#include "base/span.h"

struct auth;
struct directory;    /* directory/directory.h */
struct sasl_channel; /* sasl/scram.h */

/* What somebody logs in for; the numbers are in the directory. */
enum auth_protocol { AUTH_POP3 = 1 << 0, AUTH_SUBMISSION = 1 << 1 };

/*
 * Sessions of an account's devices, a bit each, are to end: their credential
 * was revoked or changed.
 */
typedef void auth_ended_fn(void *ctx, const uint8_t account[16],
			   uint64_t devices);

struct auth_config {
	struct directory *directory; /* borrowed; this is its only writer */
	const char *default_domain;  /* "alice" means alice@default_domain */
	unsigned threads;            /* hashing pool; 0: hash in the caller */
	char delimiter; /* in front of a sub-address, such as '+'; 0: none */
	auth_ended_fn *ended; /* or NULL */
	void *ended_ctx;
	const uint64_t *defaults; /* SETTINGS_N of them; NULL: the presets */
	bool elsewhere; /* accounts and passwords are made elsewhere */
};

/* Whom a success names. */
struct auth_identity {
	uint8_t account[16]; /* id in the store */
	uint32_t device;     /* 0 is the main password */
	bool may_delete;
	uint32_t mailbox;    /* 1 is INBOX */
	const char *address; /* canonical; valid during the callback */
	const char *master;  /* who acts as it; NULL: nobody else */
};

/* Where a login comes from; for throttling and policy. */
struct auth_peer {
	uint8_t address[16]; /* IPv6, or IPv4 mapped into it */
	bool tls;
	bool legacy; /* without TLS, by leave of a listener for old programs */
	enum auth_protocol protocol;
	const char *mechanism; /* static; NULL for USER and PASS */
};

/* Why a login was refused: for the log, and never for the client. */
#define AUTH_REASONS(X)                     \
	X(NO_SUCH_USER, "no_such_user")     \
	X(WRONG_PASSWORD, "wrong_password") \
	X(NO_TOKEN, "no_token")             \
	X(WRONG_TOKEN, "wrong_token")       \
	X(TOKEN_AUDIENCE, "token_audience") \
	X(TOKEN_SCOPE, "token_scope")       \
	X(TOKEN_USER, "token_user")         \
	X(NOT_ALLOWED, "not_allowed_here")  \
	X(LOCKED, "locked")                 \
	X(POLICY, "policy")

/* clang-format off */
enum auth_reason {
#define X(name, text) AUTH_##name,
	AUTH_REASONS(X)
#undef X
};
/* clang-format on */

const char *auth_reason_text(enum auth_reason reason);

YB_CHECKED enum yb_err auth_open(const struct auth_config *config,
				 struct auth **ret);

/* Takes new defaults (base/setting.h), SETTINGS_N of them. */
void auth_set_defaults(struct auth *a, const uint64_t *defaults);

/* Logins under way are forgotten: their `done` is not called. */
void auth_close(struct auth **a);

/* For what follows without a time of its own, such as auth_recipient(). */
void auth_set_now(struct auth *a, uint64_t now_ms);

/* Readable when auth_run() has something to do. -1 without threads. */
int auth_fd(const struct auth *a);
void auth_run(struct auth *a, uint64_t now_ms);

/* When auth_run() wants to be called for delayed answers; UINT64_MAX never. */
uint64_t auth_deadline(const struct auth *a);

/*
 * `err` is YB_OK with `identity`, YB_DENIED for wrong credentials of any kind
 * (the reason is told to nobody), APP_PASSWORD for the same where the domain
 * that the name belongs to wants app passwords, OVERLOAD if the pool is full,
 * or a TEMP error. YB_AGAIN: `challenge` is to be sent to the client, and its
 * response given to auth_sasl_step(). With DENIED and SYNTAX `challenge`, if it
 * is not empty, is what the mechanism says about it: to be sent like a
 * challenge, before the failure.
 */
typedef void auth_done_fn(void *ctx, enum yb_err err,
			  const struct auth_identity *identity,
			  struct span challenge);

/*
 * Whom the login claimed to be that is just being denied, in canonical form;
 * "?" for a name that cannot be. For the log; valid within `done`.
 */
const char *auth_denied_name(const struct auth *a);

/* Why, for the administrator's log and nobody else; within `done` as well. */
enum auth_reason auth_denied_reason(const struct auth *a);

/* USER and PASS. The spans are not used after the return. */
void auth_login(struct auth *a, const struct auth_peer *peer, struct span user,
		struct span password, uint64_t now_ms, auth_done_fn *done,
		void *ctx);

/* One SASL exchange on the server's side. */
struct auth_sasl;

/*
 * Starts `mechanism`; NULL, with `done` called, if that failed at once.
 * UNSUPPORTED for an unknown mechanism, one that binds a channel where
 * `channel` has nothing to bind, or one with a token where none are taken
 * (auth/token.h) or there is no TLS. `has_response` tells an empty initial
 * response from none (RFC 4422 section 4.3.a).
 */
struct auth_sasl *auth_sasl_start(struct auth *a, const struct auth_peer *peer,
				  const struct sasl_channel *channel,
				  struct span mechanism, struct span response,
				  bool has_response, uint64_t now_ms,
				  auth_done_fn *done, void *ctx);

/* Goes on after YB_AGAIN. SYNTAX for a malformed response, as `done`. */
void auth_sasl_step(struct auth_sasl *x, struct span response, uint64_t now_ms);

/*
 * Forgets the exchange; `done` will not be called any more. Also frees one
 * whose outcome came. Takes NULL.
 */
void auth_sasl_free(struct auth_sasl **x);

/* What was done since auth_open(); all only rise. */
struct auth_counters {
	uint64_t cache_hits; /* passwords that were known: not hashed */
	uint64_t hashes;     /* that were begun */
};

struct auth_counters auth_counters(const struct auth *a);

/* Where mail for an address goes: to at least one mailbox, none twice. */
struct auth_mailbox {
	uint8_t account[16];
	uint32_t mailbox;
	uint32_t reserved;
	uint64_t quota_octets, quota_messages; /* 0: no limit */
};

enum {
	/* Mailboxes that one address leads to: as many as one delivery has
	 * (STORE_PLACES_MAX), so that the largest alias alone is taken. */
	AUTH_PLACES_MAX = 1000,
	/* Aliases one behind the other; people lose track before that. */
	AUTH_ALIAS_DEPTH_MAX = 10,
	/* Names looked up for one address: each mailbox over a few aliases. */
	AUTH_ALIAS_STEPS_MAX = 4 * AUTH_PLACES_MAX,
};

struct auth_places {
	size_t n;
	struct auth_mailbox at[AUTH_PLACES_MAX];
};

/*
 * Resolves a recipient. NO_ACCOUNT if the domain is ours and the address is
 * not; DENIED if the domain is not ours (no relaying); TOO_MANY, which should
 * not be, since aliases are checked when they are made. AGAIN where somebody
 * outside has to be asked first: auth_recipient_wait() of auth/outside.h.
 * "postmaster" without a domain, and at each of ours, always leads somewhere as
 * long as there is an account at all (RFC 5321 section 4.5.1).
 */
YB_CHECKED enum yb_err auth_recipient(struct auth *a, struct span address,
				      struct auth_places *ret);

/* ---- changes, made through the running server or by a command ---- */

enum {
	AUTH_ADDRESS_MAX = 254, /* RFC 5321 4.5.3.1.3, without < and > */
	/* Longer passwords only cost time; 1 KiB holds any passphrase. */
	AUTH_PASSWORD_MAX = 1024,
	/* A generated password: 100 bits in groups, typed from paper. */
	AUTH_GENERATED_LEN = 24,
	/* A reason with its NUL; two addresses and a sentence. */
	AUTH_REASON_MAX = 640,
};

struct auth_account {
	uint8_t id[16];
	const char *address;
	int64_t created_s;    /* seconds since 1970 */
	int64_t last_login_s; /* 0 if never */
	const char *devices;  /* names, separated by ", " */
};

/* False stops the walk. */
typedef bool auth_account_fn(void *ctx, const struct auth_account *account);

/*
 * Makes an account, and its domain local if it is new. EXISTS, WEAK (with the
 * reason in `ret_reason`, valid until the next call, unless `allow_weak`),
 * INVALID address. IN_USE with a reason if the name is taken otherwise.
 * Blocks for the hash: call it from a command, or a pool.
 */
YB_CHECKED enum yb_err auth_account_add(struct auth *a, struct span address,
					struct span password, bool allow_weak,
					const char **ret_reason);
YB_CHECKED enum yb_err
auth_account_password(struct auth *a, struct span address, struct span password,
		      bool allow_weak, const char **ret_reason);

/*
 * Makes an account whose password is known by a hash of another server's, as
 * Dovecot's passwd-files have it: "{SHA512-CRYPT}$6$...", {SHA256-CRYPT},
 * {BLF-CRYPT}, {CRYPT}, {PLAIN}, or crypt(3)'s own form. The first good login
 * puts a verifier in its place. Errors as auth_account_add(); UNSUPPORTED,
 * with the reason, for a hash that is not checked here.
 */
YB_CHECKED enum yb_err auth_account_import(struct auth *a, struct span address,
					   struct span hash,
					   const char **ret_reason);

/*
 * Makes an account with the credentials that it had in a backup: `n` of them,
 * all with one salt and count. Errors as auth_account_add().
 */
struct directory_verifier; /* directory/directory.h */
YB_CHECKED enum yb_err
auth_account_restore(struct auth *a, struct span address,
		     const struct directory_verifier *credentials, size_t n,
		     const char **ret_reason);

/* How many accounts still have such a hash. */
uint64_t auth_imported(const struct auth *a);

/*
 * Removes the account from the directory; its mail is the store's matter.
 * IN_USE with a reason while aliases lead to it.
 */
YB_CHECKED enum yb_err auth_account_remove(struct auth *a, struct span address,
					   uint8_t ret_id[16],
					   const char **ret_reason);
YB_CHECKED enum yb_err auth_account_get(struct auth *a, struct span address,
					auth_account_fn *each, void *ctx);
/* All accounts in the order of their addresses, from behind `after`. */
YB_CHECKED enum yb_err auth_account_each(struct auth *a, struct span after,
					 auth_account_fn *each, void *ctx);

/* ---- devices ---- */

enum { AUTH_DEVICE_NAME_MAX = 64 };

/* As the directory numbers them. */
enum auth_device_kind {
	AUTH_DEVICE_PASSWORD = 1, /* an app password, or the main one */
	AUTH_DEVICE_IMPORTED = 2, /* the main one, a hash from elsewhere */
	AUTH_DEVICE_CERTIFICATE = 3,
	AUTH_DEVICE_LEGACY = 4,
};

enum auth_device_refused { AUTH_NO_DELETE = 1 << 0 };

/*
 * How old programs log in, each with a secret for it alone: enum, and the word
 * in the directory, for commands and in the configuration.
 */
#define AUTH_LEGACIES(X)              \
	X(APOP, "apop")               \
	X(CRAM_MD5, "cram-md5")       \
	X(SCRAM_SHA_1, "scram-sha-1") \
	X(WITHOUT_TLS, "without-tls")

/* clang-format off */
enum auth_legacy {
#define X(id, word) AUTH_LEGACY_##id,
	AUTH_LEGACIES(X)
#undef X
};
/* clang-format on */

const char *auth_legacy_word(enum auth_legacy which);
bool auth_legacy_find(struct span word, enum auth_legacy *ret);

struct auth_device {
	const char *name; /* "" to have one made */
	enum auth_device_kind kind;
	uint32_t refused;     /* set of enum auth_device_refused */
	uint32_t protocols;   /* set of enum auth_protocol; 0: all */
	const char *networks; /* in CIDR, with commas; "": from anywhere */
	int64_t created_s, last_used_s;
	int64_t expires_s;          /* 0: never */
	enum auth_legacy legacy;    /* of that kind: by what */
	const uint8_t *fingerprint; /* of a certificate: 32 octets; or NULL */
};

/* False stops the walk. */
typedef bool auth_device_fn(void *ctx, const struct auth_device *device);

/*
 * Adds an app password, or a legacy secret, which has to have an end, or a
 * certificate, whose SHA-256 stands in the place of the password. EXISTS if
 * the account has a device of that name; QUOTA if it has all it may have;
 * NO_ACCOUNT; INVALID with the reason, which is static. Blocks for the hash.
 */
YB_CHECKED enum yb_err auth_device_add(struct auth *a, struct span address,
				       const struct auth_device *device,
				       struct span password,
				       char ret_name[AUTH_DEVICE_NAME_MAX + 1],
				       const char **ret_reason);

/*
 * Takes a device away; its sessions end. NO_ACCOUNT, NOT_FOUND; UNSUPPORTED
 * for the main password, which is changed instead.
 */
YB_CHECKED enum yb_err auth_device_revoke(struct auth *a, struct span address,
					  struct span device);

/*
 * An account that has a device of that kind, which is not a password: the next
 * behind number `*at`, in the order in which they were made; start with 0.
 * NO_ACCOUNT.
 */
YB_CHECKED enum yb_err auth_device_next(struct auth *a,
					enum auth_device_kind kind, int64_t *at,
					char ret[AUTH_ADDRESS_MAX + 1]);

/* All of an account. NO_ACCOUNT. */
YB_CHECKED enum yb_err auth_device_each(struct auth *a, struct span address,
					auth_device_fn *each, void *ctx);
/* A sealed copy of the whole directory, for a backup. */
YB_CHECKED enum yb_err auth_directory_copy(struct auth *a, int *ret_fd);

/* A fresh password, such as "k7qf-m2xw-9trd-hz4c-p8vn", with its NUL. */
void auth_generate_password(char ret[AUTH_GENERATED_LEN + 1]);

#endif
