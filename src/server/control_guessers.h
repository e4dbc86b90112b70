/*
 * Requests about who guesses; for control_directory.c.
 */
#ifndef SERVER_CONTROL_GUESSERS_H
#define SERVER_CONTROL_GUESSERS_H

#include "auth/guessers.h"
#include "server/control.h"

YB_CHECKED enum yb_err control_auth_status(struct auth *auth,
					   struct control_call *call);
YB_CHECKED enum yb_err control_auth_forgive(struct auth *auth,
					    struct control_call *call);

#endif
