/*
 * Between the files attempt*.c, which take a claim to its answer: attempt.c
 * (turns and answers), attempt_begin.c, attempt_guess.c (passwords, which are
 * hashed), attempt_grant.c (proofs, and what the right ones get) and
 * attempt_token.c (access tokens, about which somebody is asked). What
 * others call is in auth/auth_private.h.
 */
#ifndef AUTH_ATTEMPT_H
#define AUTH_ATTEMPT_H

#include "auth/auth_private.h"

struct attempt {
	struct list link;        /* waiting, on a guess, asked, or held back */
	attempt_check_fn *check; /* of a proof; NULL: there is a password */
	bool by_token;           /* or that is a token */
	bool asked;              /* somebody thinks about it */
	bool anyone;             /* it is for whoever the token names */
	struct peer *peer;
	struct auth_peer from;
	struct throttle_turn turn;
	enum auth_reason reason; /* of a refusal, for the log */
	auth_done_fn *done;      /* NULL: nobody waits any more */
	void *ctx;
	struct attempt **owner; /* set to NULL when the attempt is gone */
	uint64_t begun_ms;
	bool barred;  /* by the limits of the device that it is */
	bool denied;  /* by the site's policy, whatever it proves */
	bool at_gate; /* somebody outside is asked, or wants it to wait */
	bool held;
	uint64_t due_ms;          /* of one held back, or delayed at the gate */
	struct outside_wait wait; /* for what it is about to look at */
	struct name whose;        /* of a token, once that is known */
	int64_t expires_s;        /* the same */
	struct name name;
	struct name as; /* as whom it asks to act; empty: as itself */
	size_t password_n;
	uint8_t password[]; /* prepared; empty for one that cannot be right */
};

static inline bool attempt_is_hashed(const struct attempt *at)
{
	return at->check == NULL && !at->by_token;
}

/* What is hashed, and for whom. */
struct guess {
	struct list link;     /* in auth.guesses */
	struct list attempts; /* at least one at first */
	struct auth *auth;
	struct hash_job hash;
	uint64_t number;
	bool right; /* somebody outside says so */
	struct name name;
	uint8_t id[DIRECTORY_ID_LEN]; /* the account as it was */
	uint64_t generation;
	uint8_t salt[DIRECTORY_SALT_LEN];
	size_t password_n;
	uint8_t password[];
};

/* An identity with its text: the cache may change before all have heard. */
struct grant {
	struct auth_identity identity;
	char address[AUTH_ADDRESS_MAX + 1];
	char master[AUTH_ADDRESS_MAX + 1];
};

/* ---- attempt.c ---- */

/* Gives the answer. The attempt is gone before anybody hears of it, since
 * the callback may begin another. */
void attempt_answer(struct auth *a, struct attempt *at, enum yb_err err,
		    const struct auth_identity *identity);

/* For the throttle; the attempt keeps what it points to. */
struct throttle_who attempt_who(const struct attempt *at, uint64_t guess);

/* An attempt that was hashed, in vain. */
void attempt_refuse(struct auth *a, struct attempt *at, uint64_t guess);

/* Joins the queue, behind those who came before. */
void attempt_wait(struct auth *a, struct attempt *at);
/* An attempt leaves the queue without having begun. */
void attempt_stop_waiting(struct auth *a, struct attempt *at);

/* ---- attempt_begin.c ---- */

/*
 * One with a token; all else of it is the caller's to set before
 * attempt_enter(). NOMEM, OVERLOAD.
 */
YB_CHECKED enum yb_err attempt_make_token(struct auth *a,
					  const struct auth_peer *from,
					  const struct name *name,
					  struct span token,
					  struct attempt **ret);

/* It begins, at the gate or in the queue; its owner hears of what follows. */
void attempt_enter(struct auth *a, struct attempt *at, auth_done_fn *done,
		   void *ctx, struct attempt **owner);

/* Somebody outside lets it go on: it is looked at, now or in its turn. */
void attempt_go_on(struct auth *a, struct attempt *at);

/* ---- attempt_token.c ---- */

/* Whether it was good a while ago; then `ret` is what it gets. */
bool token_is_known(struct auth *a, const struct attempt *at,
		    struct grant *ret);

/* Whether one more may be asked about. */
bool token_may_begin(const struct auth *a, struct attempt *at);
void token_begin(struct auth *a, struct attempt *at);

/* ---- attempt_gate.c ---- */

/* Whether somebody is to be asked before anything else. */
bool gate_is_closed(const struct auth *a);
/* Asks; attempt_go_on() or an answer follows, now or later. */
void gate_enter(struct auth *a, struct attempt *at);
/* Lets those go on whose delay is over, and when to call it again. */
void gate_run(struct auth *a);
uint64_t gate_deadline(const struct auth *a);
/* What became of an attempt. */
void gate_tell(struct auth *a, const struct attempt *at, enum yb_err err,
	       const struct auth_identity *identity);

/* ---- attempt_grant.c ---- */

/* What a success names; also notes that there was one. */
void grant_make(struct auth *a, struct directory_account *account, int index,
		struct grant *ret);

/* The same without a credential of ours: all that the account has. */
void grant_whole(struct auth *a, struct directory_account *account,
		 struct grant *ret);

/* Whether an account may act as somebody else, if it asks to. */
bool grant_may_act(const struct cached *at, const struct name *as);

/*
 * RFC 4422 section 2: who is granted what, "acting as the authorization
 * identity". A master has proved who he is; `grant` is his. What he asked for
 * may be refused: DENIED.
 */
YB_CHECKED enum yb_err grant_as(struct auth *a, const struct name *as,
				const struct grant *grant, struct grant *ret);

/* Asks the proof's check, and answers. */
void attempt_check_proof(struct auth *a, struct attempt *at);

/* ---- attempt_guess.c ---- */

/* The guess under way that `at` makes too; NULL. */
struct guess *guess_find(struct auth *a, const struct attempt *at);
void guess_join(struct attempt *at, struct guess *g);

/* Gives the pool a password to hash, for all who claim it. */
void guess_begin(struct auth *a, struct attempt *at);
/* Answers them, and frees the guess. */
void guess_finish(struct auth *a, struct guess *g);
void guess_free(struct guess *g);

#endif
