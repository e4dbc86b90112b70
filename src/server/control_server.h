/*
 * Connections of commands in the process that owns the data: requests are
 * read, handed to the handler, and their replies sent. One request of a
 * connection is worked on at a time, so what a connection can hold is one
 * packet; connections are few, and one that says nothing is closed.
 */
#ifndef SERVER_CONTROL_SERVER_H
#define SERVER_CONTROL_SERVER_H

#include "net/loop.h"
#include "server/control.h"
#include "server/message.h"

enum {
	/* Administrators at work at the same time, scripts included. */
	CONTROL_CONNECTIONS_MAX = 32,
	/* A command asks, and reads, at once; a person may think of a yes. */
	CONTROL_IDLE_MS = 5 * 60 * 1000,
	/* Who does not take a reply within this has stopped. */
	CONTROL_SEND_MS = 10 * 1000,
};

/*
 * Works on the call and ends it by control_reply(), at once or later. The
 * call's fields are gone when the handler returns.
 */
typedef void control_handle_fn(void *ctx, struct control_call *call);

struct control_server {
	struct loop *loop;
	control_handle_fn *handle;
	void *ctx;
	struct list connections;
	unsigned n;
	uint8_t *buffer; /* PACKET_MAX octets, for the request being read */
};

YB_CHECKED enum yb_err control_server_init(struct control_server *s,
					   struct loop *loop,
					   control_handle_fn *handle,
					   void *ctx);

/* Takes the connection over, or closes it if there are too many. */
void control_server_take(struct control_server *s, int fd);

/* Takes that of a CONTROL message; false if it has none. */
bool control_server_message(struct control_server *s, struct message *m);

/* Whether somebody still waits for the reply. */
bool control_call_is_heard(const struct control_call *call);

/* The user at the other end of the call; UINT32_MAX if that is unknown. */
uint32_t control_call_uid(const struct control_call *call);

/*
 * Closes all connections. Calls that are being worked on may still be
 * replied to; nobody hears it.
 */
void control_server_done(struct control_server *s);

#endif
