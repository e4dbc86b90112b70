/*
 * Between the files of src/auth, and for its tests.
 *
 * An attempt is one login under way. It goes one way:
 *
 *	attempt_begin() --remembered--> answered
 *	   | waits: fresh or failing                  [attempt_begin]
 *	   | hashed: on a guess, alone or with others [guess_begin]
 *	   | held back: the answer waits              [attempt_refuse]
 *	   v
 *	answered                                      [attempt_answer]
 *
 * A guess is one account with one password; attempts that make the same one
 * at the same time share its hash. A proof needs no hash: it is checked as soon
 * as its address may begin, however long the queue of the pool is.
 */
#ifndef AUTH_AUTH_PRIVATE_H
#define AUTH_AUTH_PRIVATE_H

#include "auth/auth.h"
#include "auth/cache.h"
#include "auth/name.h"
#include "auth/outside.h"
#include "auth/peers.h"
#include "auth/policy.h"
#include "auth/throttle.h"
#include "auth/hash.h"
#include "auth/token.h"
#include "sasl/saslprep.h"
#include "sasl/server.h"

enum {
	/* Some 30 ms, which nobody notices once an hour. */
	AUTH_ITERATIONS = 100000,
	/* Attempts without an outcome yet, each of at most 5 KiB; two
	 * threads hash as many within AUTH_WAIT_MS. */
	AUTH_WAITING_MAX = 1024,
	/* Refusals held back; beyond it the next one due leaves early. */
	AUTH_HELD_MAX = 4096,
	/* No client waits longer for its turn; workers wait a little longer
	 * for an answer (REQUEST_MS). */
	AUTH_WAIT_MS = 60 * 1000,
	/* Guesses at one account that are hashed at once. */
	AUTH_ACCOUNT_GUESSES = 2,
	/* Hashes handed to the pool for each thread: one runs, one is next. */
	AUTH_GUESSES_A_THREAD = 2,
	/* RFC 5802 section 5.1's least for SCRAM-SHA-1: old devices are slow,
	 * and what is hashed is random. It is kept nowhere: it stays so. */
	AUTH_LEGACY_ITERATIONS = 4096,
	/* The time of a login is written down at most this often, ... */
	AUTH_LOGIN_NOTE_S = 60 * 60,
	/* ... and so many at once, or after so long. */
	AUTH_LOGINS_MAX = 256,
	AUTH_LOGINS_MS = 10 * 1000,
};

struct attempt; /* auth/attempt.h */

/*
 * Which credential of an account a client has proved, by its index; -1 for
 * none. Takes as long for a fake account as for a real one.
 */
typedef enum yb_err attempt_check_fn(const struct attempt *at,
				     const struct cached *cached,
				     int *ret_index);

struct auth {
	struct directory *directory; /* borrowed */
	auth_ended_fn *ended;        /* or NULL */
	void *ended_ctx;
	uint64_t imported_n; /* accounts with a hash from elsewhere */
	struct cache cache;
	struct peers peers;
	struct name denied; /* who is told so at the moment, and why */
	enum auth_reason denied_reason;
	struct throttle throttle;
	int64_t real_base_ms; /* added to now_ms: ms since 1970 */
	struct hmac *proof;   /* for SCRAM; keyed anew for each sum */
	struct pool *pool;
	struct list hashed; /* guesses whose hash is there */
	char default_domain[NAME_DOMAIN_MAX + 1]; /* "" if there is none */
	uint32_t iterations;                      /* of new verifiers */
	char delimiter;                           /* of sub-addresses, or 0 */
	char reason[AUTH_REASON_MAX];             /* of the last refusal */
	uint64_t now_ms;                          /* told last */
	struct list fresh;     /* attempts that wait, oldest first, */
	struct list failing;   /* and those from addresses that failed */
	struct list guesses;   /* being hashed */
	struct tokens *tokens; /* NULL: none are taken */
	struct list asked;     /* attempts with tokens that are asked about */
	size_t tokens_n;       /* attempts with tokens, */
	size_t asked_n;        /* and those of them that are asked about */
	struct list held;      /* refused attempts, the first due first */
	struct list asking;    /* attempts that the policy is asked about, */
	struct list delayed;   /* and those that it holds up, in their order */
	size_t at_gate_n;      /* in these two */
	struct outside *outside;   /* who knows the accounts; NULL: we do */
	bool elsewhere;            /* accounts are not made here */
	struct name wanted;        /* auth_recipient() has answered AGAIN for */
	struct auth_policy policy; /* no `ask`: nobody is asked */
	struct map policy_map;     /* answers that count for a while */
	struct list policy_answers; /* the oldest first */
	size_t policy_answers_n;
	size_t waiting_n; /* passwords, in these two and on guesses */
	size_t proofs_n;  /* proofs and tokens in these two */
	size_t held_n;
	size_t guesses_n, guesses_max;
	uint64_t guess_number; /* how many hashes there were */
	uint64_t cache_hits;
	bool turning;
	struct directory_login logins[AUTH_LOGINS_MAX]; /* not written yet */
	size_t logins_n;
	uint64_t logins_due_ms;
};

/* What a client said. Spans are not used after the call. */
struct attempt_claim {
	struct span authzid; /* empty: as `user` */
	struct span user;
	struct span password;
};

/*
 * Checks a claim; `done` as in auth_login(). While it is under way *owner
 * points to it, if `owner` is not NULL, so that attempt_abandon() may be
 * called.
 */
void attempt_begin(struct auth *a, const struct auth_peer *peer,
		   const struct attempt_claim *claim, uint64_t now_ms,
		   auth_done_fn *done, void *ctx, struct attempt **owner);

/*
 * What a client has to say about an account, in one form for all: a name that
 * cannot be becomes one that nobody has. NOMEM.
 */
YB_CHECKED enum yb_err attempt_name(struct auth *a, struct span user,
				    struct name *ret);

/*
 * As whom `name` asks to act: an empty name for itself. False for an authzid
 * that cannot be a name. NOMEM.
 */
YB_CHECKED enum yb_err attempt_as(struct auth *a, struct span authzid,
				  const struct name *name, struct name *ret,
				  bool *ret_good);

/*
 * The same for a proof: `check` is called once, now or later, with an attempt
 * whose `ctx` is the one given here, and then `done`.
 */
void attempt_begin_proof(struct auth *a, const struct auth_peer *peer,
			 const struct name *name, const struct name *as,
			 attempt_check_fn *check, uint64_t now_ms,
			 auth_done_fn *done, void *ctx, struct attempt **owner);

/*
 * The same for an access token (auth/token.h); an empty `user` asks as whoever
 * it names.
 */
void attempt_begin_token(struct auth *a, const struct auth_peer *peer,
			 struct span user, struct span token, uint64_t now_ms,
			 auth_done_fn *done, void *ctx, struct attempt **owner);

/* What is said about a token that is refused; empty if none are taken. */
struct span token_refusal(const struct auth *a, enum oauth_form form);
/* Whether that is where a client may say that it has connected to. */
bool token_host_fits(const struct auth *a, struct span host);
void tokens_free(struct tokens **tokens);

/*
 * `done` is not called any more. The guess is finished, and counts; a proof
 * that was not checked yet is dropped.
 */
void attempt_abandon(struct auth *a, struct attempt **at);

/* INVALID with the reason where accounts are made elsewhere. */
YB_CHECKED enum yb_err auth_may_make(struct auth *a, const char **ret_reason);

/* Forgets what the site's policy has said. */
void gate_forget_all(struct auth *a);

/* Takes in finished hashes, gives due answers, begins what may begin. */
void attempts_run(struct auth *a);
uint64_t attempts_deadline(const struct auth *a);
void attempts_drop_all(struct auth *a);

/* Whether an account or alias of exactly that name leads to a mailbox:
 * NO_ACCOUNT, TOO_MANY. */
YB_CHECKED enum yb_err auth_address_find(struct auth *a,
					 const struct name *name);

/* IN_USE with the reason if aliases lead to `name`. */
YB_CHECKED enum yb_err auth_still_needed(struct auth *a,
					 const struct name *name,
					 const char **ret_reason);

/* IN_USE with the reason if `name` cannot become an account since it is an
 * alias, or at a domain that is another name. */
YB_CHECKED enum yb_err auth_name_is_free(struct auth *a,
					 const struct name *name,
					 const char **ret_reason);

/*
 * The form of a password that is hashed. INVALID with the reason for what
 * cannot be one at all, WEAK unless `allow_weak`.
 */
YB_CHECKED enum yb_err password_prepare(struct span password,
					struct span address, bool allow_weak,
					uint8_t dst[SASLPREP_OUT_MAX],
					size_t *ret_n, const char **ret_reason);

/* Milliseconds since 1970 at a->now_ms; does not jump with the clock. */
int64_t auth_real_ms(struct auth *a);

/* Notes that a login went well; written later, see AUTH_LOGIN_NOTE_S. */
void login_note(struct auth *a, struct directory_account *account,
		uint32_t device);
/* Writes what was noted. What cannot be written is tried again later. */
void logins_flush(struct auth *a);

/* Whether a credential that was proved, by its index, lets in from there. */
bool device_may_login(const struct cached *at, int index,
		      const struct auth_peer *from);

/* What a denial is called for this name; also notes the name. */
enum yb_err denial_of(struct auth *a, const struct name *name);

/* Tells whoever wants to know that sessions of these devices are to end. */
void devices_tell_ended(struct auth *a, const uint8_t account[DIRECTORY_ID_LEN],
			uint64_t devices);

/* Makes the keys for a prepared password by v->salt and v->iterations. */
YB_CHECKED enum yb_err verifier_make(struct span prepared,
				     struct directory_verifier *v);

/* ---- legacy.c ---- */

/* Whether it is a credential for an old program, and by what it logs in. */
bool legacy_of(const struct directory_credential *c, enum auth_legacy *ret);

/* Makes a credential of a secret; v->hash is then `ret_hash`. */
YB_CHECKED enum yb_err legacy_make(struct auth *a,
				   const struct directory_account *account,
				   enum auth_legacy which, struct span secret,
				   struct directory_verifier *v,
				   char ret_hash[DIRECTORY_HASH_MAX + 1]);

/* What SCRAM-SHA-1 tells of an account, real or not; the count is
 * AUTH_LEGACY_ITERATIONS. */
YB_CHECKED enum yb_err legacy_salt(struct auth *a,
				   const struct directory_account *account,
				   uint8_t ret[DIRECTORY_SALT_LEN]);
/* Whether its keys are those of SCRAM-SHA-1. */
bool legacy_scram_fits(const struct directory_credential *c);

/* Which secret of the account the digest was made with; -1. */
YB_CHECKED enum yb_err legacy_check_digest(const struct sasl_server *s,
					   const struct cached *at,
					   int *ret_index);
/* For passwords that came in clear. */
attempt_check_fn legacy_check_clear;

/* That many more accounts have a hash from elsewhere, or fewer. */
void imported_count(struct auth *a, int more);

/* Counts them anew, if there were any. */
void imported_recount(struct auth *a);

/* The canonical name of an account to be made; errors as auth_account_add(). */
YB_CHECKED enum yb_err account_name_free(struct auth *a, struct span address,
					 struct name *ret,
					 const char **ret_reason);

#endif
