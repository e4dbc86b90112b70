/*
 * A program of the site's that answers questions: one JSON object a line on
 * its standard input, one a line on its standard output, the next question
 * only after the answer. There are as many processes of it as the
 * configuration allows, started when they are needed. Each stays for the next
 * question, or exits after an answer and is started again: both are right.
 *
 * Nothing is believed of it. Whatever it does, each question has one outcome
 * within its time; a process that is late, says anything but one answer of at
 * most COMMAND_LINE_MAX octets, or answers another question than it was asked,
 * is ended with all it has started. What it says on standard error goes to the
 * log, escaped, and not more than COMMAND_SAYS_MAX lines a second.
 */
#ifndef SERVER_COMMAND_H
#define SERVER_COMMAND_H

#include <jansson.h>

#include "net/loop.h"
#include "server/log.h"

enum {
	/* The form of questions; programs may look at it. */
	COMMAND_VERSION = 1,
	/* Of a question or an answer; a token or a hash has a few KiB. */
	COMMAND_LINE_MAX = 32 * 1024,
	/* One a core and some that wait for a network. */
	COMMAND_PROCESSES_MAX = 32,
	/* Questions that wait for a process; those asking have limits too. */
	COMMAND_WAITING_MAX = 1024,
	/* After so many processes in a row that ended without an answer there
	 * is a pause, in which all questions fail at once. */
	COMMAND_FAILURES_MAX = 3,
	COMMAND_PAUSE_MS = 1000,
	COMMAND_SAYS_MAX = 20,
};

struct command;

struct command_config {
	const char *name;    /* for the log, such as "policy"; static */
	const char *program; /* absolute; copied */
	unsigned processes;  /* at most, up to COMMAND_PROCESSES_MAX */
	uint32_t timeout_ms; /* from the question to its answer */
};

/* Starts nothing yet. NOMEM. */
YB_CHECKED enum yb_err command_new(struct loop *loop, struct log *log,
				   const struct command_config *config,
				   struct command **ret);

/* Questions fail with GONE, processes end. Takes NULL. */
void command_free(struct command **c);

/* New questions go to new processes: the program may have changed. */
void command_renew(struct command *c);

/*
 * The outcome, once: YB_OK with an object, borrowed for the call. TIMEOUT;
 * GONE if it ended; INVALID if what it said is no answer; OVERLOAD; ACCESS if
 * the program is not one that may be run; NOMEM.
 */
typedef void command_done_fn(void *ctx, enum yb_err err, const json_t *answer);

/*
 * Asks. Takes `question` over, an object, and puts "version" and "id" in;
 * NULL, which jansson gives for what it cannot hold, fails with INVALID.
 * `done` may be called before this returns.
 */
void command_ask(struct command *c, json_t *question, command_done_fn *done,
		 void *ctx);

/*
 * Has jansson wipe what it frees, since questions hold passwords; before the
 * first use of it.
 */
void command_prepare_json(void);

#endif
