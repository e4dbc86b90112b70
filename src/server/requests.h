/*
 * Questions that a worker has put to auth or store, or auth to lookup, and that
 * wait for their answers. Each has a deadline; when it passes, or the other
 * process dies, the asker hears of it as an error. An id is a slot and a count
 * of its uses, so that a late answer never meets a newer question.
 */
#ifndef SERVER_REQUESTS_H
#define SERVER_REQUESTS_H

#include "net/loop.h"
#include "server/message.h"

enum {
	/*
	 * Questions of one worker in flight. Each answer is at most one packet
	 * and is taken at once, so the other side never has to wait.
	 */
	REQUESTS_MAX = 8192,
	/* Longer than any sync of a healthy disk, and than auth lets a login
	 * wait for its turn to be hashed (one minute). */
	REQUEST_MS = 75 * 1000,
};

/* Whom a question went to. A login goes to auth; both may answer it. */
enum requests_asked {
	ASKED_AUTH = 1 << 0,
	ASKED_STORE = 1 << 1,
	ASKED_LOGIN = ASKED_AUTH | ASKED_STORE,
	ASKED_LOOKUP = 1 << 2, /* by auth */
};

/*
 * The answer: `m` is NULL and `err` says why if there was none. False if `m`
 * is malformed or not an answer to this; the channel is then ended.
 */
typedef bool request_answer_fn(void *ctx, enum yb_err err, struct message *m);

struct request_slot {
	struct list link; /* in order of their deadlines, or free */
	uint64_t id;      /* 0 while free */
	uint64_t deadline_ms;
	unsigned asked; /* who may answer: set of enum requests_asked */
	request_answer_fn *answer;
	void *ctx;
};

struct requests {
	struct loop *loop;
	struct loop_timer timer;
	struct list waiting, free;
	struct request_slot *slots; /* grows up to REQUESTS_MAX in chunks */
	size_t slots_n;
};

YB_CHECKED enum yb_err requests_init(struct requests *r, struct loop *loop);

/* The id to send; 0 if too many wait already. */
uint64_t requests_begin(struct requests *r, unsigned asked,
			request_answer_fn *answer, void *ctx);

/* The same with another time than REQUEST_MS; there should be few of them. */
uint64_t requests_begin_within(struct requests *r, unsigned asked, uint64_t ms,
			       request_answer_fn *answer, void *ctx);

/*
 * Gives the message to whoever waits for it. An answer that nobody waits for
 * any more is told by *ret_unwanted. False as request_answer_fn.
 */
bool requests_answer(struct requests *r, unsigned from, struct message *m,
		     bool *ret_unwanted);

/*
 * For a request_answer_fn: an answer of this type that is an outcome, with a
 * descriptor if `has_fd` and it is good. *err, which is the reason where there
 * is no answer, becomes the outcome, or GONE if it is malformed. False then.
 */
bool requests_outcome(const struct message *m, enum message_type type,
		      bool has_fd, enum yb_err *err);

/* The asker is gone; its answer will be unwanted. 0 is harmless. */
void requests_cancel(struct requests *r, uint64_t id);

/* The process asked has died: all its questions fail with GONE. */
void requests_fail(struct requests *r, unsigned asked);

/* Logins that nobody may be going to answer any more: the same for them. */
void requests_fail_logins(struct requests *r);

#endif
