/*
 * Walks over mailboxes for commands that take an ADDRESS or --all.
 */
#ifndef CLI_MAILBOXES_H
#define CLI_MAILBOXES_H

#include "cli/work.h"

struct mailbox_place {
	const char *address;
	uint8_t account[16];
	uint64_t mailbox;
};

/* Its exit code; the walk goes on behind one that failed. */
typedef int mailbox_fn(void *ctx, const struct mailbox_place *place);

/*
 * Calls for each mailbox that has files: of the first argument, or, with
 * --all, of every account. The first exit code that is not OK; PARTLY if
 * others were. A progress line on a terminal.
 */
int mailboxes_walk(struct work *w, const struct invocation *inv,
		   mailbox_fn *each, void *ctx);

/* For work_begin(). */
int mailboxes_tell(const struct work *w, enum yb_err err, const char *reason);

#endif
