/*
 * An SMTP or LMTP session of a worker: the engine joined to a connection, to
 * auth for its recipients and to the store for its messages.
 */
#ifndef SERVER_SMTP_SESSION_H
#define SERVER_SMTP_SESSION_H

#include "server/connection.h"

YB_CHECKED enum yb_err smtp_session_new(struct connection *c);

#endif
