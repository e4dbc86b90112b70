/* A mail system that has passwords checked, on a connection. */
#ifndef SERVER_AUTH_SESSION_H
#define SERVER_AUTH_SESSION_H

#include "server/connection.h"

/* Sets class and session of `c`. NOMEM. */
YB_CHECKED enum yb_err auth_session_new(struct connection *c);

#endif
