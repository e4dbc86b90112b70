/*
 * A POP3 session of a worker: the engine joined to a connection, to auth for
 * its login and to the store for its maildrop.
 */
#ifndef SERVER_POP3_SESSION_H
#define SERVER_POP3_SESSION_H

#include "server/connection.h"

/*
 * Gives the connection a session. `tls` says how it is protected now and may
 * be: enum config_tls of its listener, with a context or without.
 */
YB_CHECKED enum yb_err pop3_session_new(struct connection *c);

#endif
