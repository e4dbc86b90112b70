/*
 * Where a command gets its work done: at the running server's counter, or,
 * while no server runs, behind it: the command then takes STORE/lock, is the
 * owner of the store for the moment, and runs the same handlers.
 *
 * Root without a server works as the owner of each folder, so that what is
 * made belongs to who will need it.
 */
#ifndef CLI_DESK_H
#define CLI_DESK_H

#include "config/config.h"
#include "server/control.h"

struct desk;

/*
 * COMMAND_OK, or the exit code with the reason printed: 12 if the store's
 * lock is held but nobody answers, 1.
 */
int desk_open(const struct config *config, struct desk **ret);
void desk_close(struct desk **desk);

/*
 * Asks the owner; the reply's fields are valid until the next call. What is
 * returned says whether there was a reply at all; it is printed if not.
 */
YB_CHECKED enum yb_err desk_ask(struct desk *desk, enum control_owner owner,
				const struct control_writer *request,
				struct control_head *ret_head,
				struct control_reader *ret);

/* The descriptor that came with the last reply, the caller's; -1 if none. */
int desk_take_fd(struct desk *desk);

#endif
