/*
 * Auth's end of the channel to lookup: questions with a time limit, so that
 * nobody waits for a lookup that died, hangs, or is not there.
 */
#ifndef SERVER_LOOKUP_CLIENT_H
#define SERVER_LOOKUP_CLIENT_H

#include "server/lookup.h"
#include "server/process.h"
#include "server/requests.h"

struct lookup_client {
	struct process *process;
	struct peer peer;
	struct requests requests;
	unsigned in_flight[LOOKUP_KIND_COUNT];
};

YB_CHECKED enum yb_err lookup_client_init(struct lookup_client *c,
					  struct process *process);

/*
 * The answer, once: its fields, or why there is none (TIMEOUT, GONE,
 * OVERLOAD, or what lookup says). False if the fields are malformed: lookup is
 * then ended, and comes back.
 */
typedef bool lookup_answer_fn(void *ctx, enum yb_err err,
			      struct message_reader *fields);

/*
 * Asks; `parts` are the fields, at most LOOKUP_PARTS_MAX. With YB_OK `answer`
 * is called later, and never from within; else not at all. GONE if there is no
 * lookup at the moment, OVERLOAD, NOMEM.
 */
enum { LOOKUP_PARTS_MAX = 6 };
YB_CHECKED enum yb_err lookup_ask(struct lookup_client *c,
				  enum lookup_kind kind,
				  const struct span *parts, size_t parts_n,
				  uint64_t limit_ms, lookup_answer_fn *answer,
				  void *ctx);

#endif
