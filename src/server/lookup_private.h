/*
 * Between the files of the process lookup. Each kind of question has a row in
 * lookup_process.c and a function that asks whoever knows.
 */
#ifndef SERVER_LOOKUP_PRIVATE_H
#define SERVER_LOOKUP_PRIVATE_H

#include "server/command.h"
#include "server/lookup.h"
#include "server/process.h"

struct lookup_process {
	struct process process;
	struct peer auth;
	unsigned in_flight;
	struct command *policy; /* NULL: not configured */
	struct command *accounts;
	struct lookup_tokens *tokens;
};

/*
 * A question of auth's being answered; made before its handler is called, and
 * gone with lookup_reply().
 */
struct lookup_call {
	struct lookup_process *process;
	uint64_t incarnation; /* of the auth that asks */
	uint64_t id;
	enum lookup_kind kind;
};

/* Answers, now or later, with fields unless there is an error. */
void lookup_reply(struct lookup_call *call, enum yb_err err,
		  const struct span *parts, size_t parts_n);

/* The same with one writer's fields. */
void lookup_reply_fields(struct lookup_call *call,
			 const struct message_writer *w);

/* What `command` answered is not what the question asks for: said, once. */
void lookup_tell_odd(struct lookup_call *call, const char *command,
		     const char *what);

/*
 * The handlers. False: the fields are malformed, nothing was answered, and the
 * channel ends.
 */
typedef bool lookup_handle_fn(struct lookup_call *call,
			      struct message_reader *fields);
bool lookup_policy(struct lookup_call *call, struct message_reader *fields);
bool lookup_outcome(struct lookup_call *call, struct message_reader *fields);
bool lookup_account(struct lookup_call *call, struct message_reader *fields);
bool lookup_password(struct lookup_call *call, struct message_reader *fields);
bool lookup_token(struct lookup_call *call, struct message_reader *fields);

/* Takes a file over that was opened for what comes next. */
bool lookup_tokens_file(struct lookup_process *p, struct message *m);
/* Asks by the configuration as it is now. Takes the files in. */
YB_CHECKED enum yb_err lookup_tokens_open(struct lookup_process *p);
void lookup_tokens_free(struct lookup_process *p);

/* JSON from fields; NULL, which others take, for what JSON cannot hold. */
json_t *lookup_text(struct span s);
json_t *lookup_address(const uint8_t address[16]);
const char *lookup_protocol(uint8_t protocol);

#endif
