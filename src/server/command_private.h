/*
 * Between the files of a command: its questions wait in command.c, its
 * processes are started, asked and heard in command_process.c.
 */
#ifndef SERVER_COMMAND_PRIVATE_H
#define SERVER_COMMAND_PRIVATE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/list.h"
#include "server/command.h"

struct question {
	struct list link; /* in command.waiting, or none: a process has it */
	uint64_t id;
	uint64_t due_ms;
	command_done_fn *done;
	void *ctx;
	size_t n; /* of `line` */
	uint8_t line[];
};

/*
 * One process of the program:
 *
 *	NONE -> IDLE [command_process_start]
 *	IDLE <-> BUSY [command_process_give, take_answer]
 *	IDLE, BUSY -> ENDING [command_process_end] -> NONE [on_exit_of]
 *
 * or any of them -> NONE [command_process_bury].
 */
enum command_state { NONE, IDLE, BUSY, ENDING };

struct command_process {
	struct command *command;
	enum command_state state;
	pid_t pid;
	int in, out, err, pidfd;
	struct loop_io in_io, out_io, err_io, exit_io;
	struct question *asked;
	size_t written; /* of its line */
	bool has_answered;
	bool renew; /* to be ended after its answer */
	struct buf heard, said;
};

struct command {
	struct loop *loop;
	struct log *log;
	const char *name;
	char *program;
	unsigned processes;
	uint32_t timeout_ms;
	struct loop_timer timer; /* the first deadline */
	struct list waiting;     /* questions, the oldest first */
	size_t waiting_n;
	uint64_t next_id;
	unsigned failures;       /* processes in a row without an answer */
	uint64_t pause_until_ms; /* nothing is started before */
	uint64_t says_until_ms;  /* lines of standard error are counted */
	unsigned says_n;
	struct command_process all[COMMAND_PROCESSES_MAX];
};

/* ---- command.c ---- */

/* Its outcome; frees it. */
void command_finish(struct question *q, enum yb_err err, const json_t *answer);

/* Questions that wait, to processes that have none. */
void command_go_on(struct command *c);

/* ---- command_process.c ---- */

void command_process_init(struct command_process *p, struct command *c);

/* ACCESS if the program is not one that may be run; then nothing runs. */
YB_CHECKED enum yb_err command_process_start(struct command_process *p);

/* Asks one that is IDLE. */
void command_process_give(struct command_process *p, struct question *q);

/*
 * Ends it, with all that it has started. What it was asked, if anything, is
 * failed, or asked again of another one.
 */
void command_process_end(struct command_process *p, enum yb_err err);

/* The same for one that does `what` it may not, of which the log is told. */
void command_process_break_off(struct command_process *p, const char *what,
			       enum yb_err err);

/* Ends it, and waits until it has: nobody would hear of its end. */
void command_process_bury(struct command_process *p);

#endif
