/*
 * One connection's side of a protocol as a state machine: answers in, by
 * chunks cut anywhere; commands out. It owns no descriptor and no clock. A
 * dialog lives as long as its client and begins anew with each connection,
 * so that its buffers are allocated once.
 */
#ifndef BENCH_DIALOG_H
#define BENCH_DIALOG_H

#include "base/buf.h"
#include "bench/answer.h"
#include "bench/bench.h"

enum dialog_step {
	DIALOG_MORE,    /* the input is used up */
	DIALOG_BEGAN,   /* an operation that is timed by itself begins */
	DIALOG_TIMED,   /* it is over, the next begins */
	DIALOG_COUNT,   /* one more is done, timed with its session */
	DIALOG_SECURE,  /* do the TLS handshake, then call secured() */
	DIALOG_SETTLED, /* logged in, to stay until leave() */
	DIALOG_WRONG,   /* `wrong` says what; give the connection up */
};

/* What the run tells its dialogs. */
struct dialog_world {
	void *ctx;
	/*
	 * Leave to begin one more operation, and its number; false once the
	 * run is over.
	 */
	bool (*ticket)(void *ctx, uint64_t *ret_serial);
	/* What all messages that are sent have in common, in wire form. */
	struct span body;
	uint64_t run_id;
	const char *date; /* RFC 5322, when the run began */
};

struct dialog {
	const struct dialog_kind *kind;
	const struct bench_plan *plan;
	const struct dialog_world *world;
	struct buf out;   /* to be sent; the client drops what is */
	struct span tail; /* to be sent after that; borrowed from world */
	bool secure;      /* TLS is there */
	char wrong[BENCH_ERROR_TEXT_MAX];
};

enum { DIALOG_NAME_MAX = 48 };

struct dialog_kind {
	size_t size; /* of the struct that begins with a struct dialog */
	bool counts_sessions; /* a session that ends well is an operation */
	/* A new connection, of the ticket `serial`. */
	void (*begin)(struct dialog *d, uint64_t serial);
	void (*secured)(struct dialog *d);
	/* Ends a session that has settled; NULL if the kind never does. */
	void (*leave)(struct dialog *d);
	enum dialog_step (*feed)(struct dialog *d, struct span *in);
	/*
	 * What answer is still to come, as text for errors; false at the end
	 * of the dialog, where the server closes.
	 */
	bool (*awaits)(const struct dialog *d, char dst[DIALOG_NAME_MAX]);
	/* Frees what the kind has allocated. */
	void (*done)(struct dialog *d);
	/* Each connection takes a ticket; else each message does. */
	bool ticket_a_session;
};

extern const struct dialog_kind dialog_pop3_empty, dialog_pop3_fetch;
extern const struct dialog_kind dialog_pop3_login, dialog_pop3_idle;
extern const struct dialog_kind dialog_lmtp, dialog_smtp;

YB_CHECKED enum yb_err dialog_new(const struct dialog_kind *kind,
				  const struct bench_plan *plan,
				  const struct dialog_world *world,
				  struct dialog **ret);
void dialog_free(struct dialog **d);

/*
 * Commands are few and short: an output that does not fit is a mistake of
 * ours, or memory has run out. Either becomes DIALOG_WRONG at the next step.
 */
void dialog_say(struct dialog *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Each returns DIALOG_WRONG, and keeps the first text. */
enum dialog_step dialog_wrong(struct dialog *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
enum dialog_step dialog_wrong_answer(struct dialog *d, const char *command,
				     struct span answer);

/* The user name of an operation, NUL at its end. */
void dialog_user(const struct dialog *d, uint64_t serial,
		 char dst[PATTERN_NAME_MAX + 1]);

#endif
