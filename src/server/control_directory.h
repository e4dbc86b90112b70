/*
 * What commands ask of accounts: answered by whoever owns the directory, the
 * auth process or a command itself while no server runs.
 */
#ifndef SERVER_CONTROL_DIRECTORY_H
#define SERVER_CONTROL_DIRECTORY_H

#include "server/control.h"

struct auth;

/*
 * Answers the call before it returns. A new password is hashed here and now:
 * some 30 ms in which logins wait, which only an administrator can cause.
 */
void control_directory_handle(struct auth *auth, struct control_call *call);

#endif
