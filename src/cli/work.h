/*
 * One command at work at the desk: its configuration, its request, and how
 * it tells of a refusal. What every command that asks a process shares.
 */
#ifndef CLI_WORK_H
#define CLI_WORK_H

#include "cli/desk.h"
#include "cli/say.h"

/* Of the reason that comes with a refusal, with its NUL. */
enum { WORK_REASON_MAX = 512 };

struct work;

/* Prints why the owner refused, and returns the exit code. `reason` is the
 * text that came with the answer, or "". */
typedef int work_tell_fn(const struct work *w, enum yb_err err,
			 const char *reason);

struct work {
	struct config *config;
	struct desk *desk;
	struct control_writer request;
	struct json json;
	bool as_json;
	const char *subject; /* the first argument as it was typed, or "" */
	work_tell_fn *tell;
};

/* COMMAND_OK, or the exit code; work_end() is due in both cases. */
int work_begin(const struct invocation *inv, work_tell_fn *tell,
	       struct work *w);

/* Closes all; returns `code`. */
int work_end(struct work *w, int code);

/* A whole command that prints rows, in JSON as an array; `print` asks for all
 * of them and returns the exit code. The same. */
int work_list(const struct invocation *inv, work_tell_fn *tell,
	      int (*print)(struct work *w));

/* Tells of a reply that does not add up; the exit code. */
int work_nonsense(void);

/*
 * Sends w->request; `ret` are the fields of the reply. What fails is told,
 * and *ret_code set. `ret_more` may be NULL.
 */
YB_CHECKED enum yb_err work_ask(struct work *w, enum control_owner owner,
				struct control_reader *ret, bool *ret_more,
				int *ret_code);

#endif
