/*
 * A command's end of run/control: blocking, one request at a time.
 */
#ifndef SERVER_CONTROL_CLIENT_H
#define SERVER_CONTROL_CLIENT_H

#include "server/control.h"

enum {
	/* Longer than any answer takes on a healthy disk. */
	CONTROL_WAIT_S = 60,
	/* But all of a large mailbox is read or written in one of them. */
	CONTROL_LONG_S = 12 * 3600,
};

/*
 * Connects to RUN/control and says whom it wants. NOT_FOUND if there is no
 * socket, GONE if nobody listens on it any more: no server runs. ACCESS if
 * this user may not. TOO_BIG for the path.
 */
YB_CHECKED enum yb_err control_connect(const char *run_path,
				       enum control_owner owner, int *ret_fd);

/*
 * Sends the request and waits for its reply, which lies in `buffer` of
 * PACKET_MAX octets. A descriptor that came along is the caller's if he gives
 * `ret_fd`, which else is left alone. The outcome of the request is in
 * `ret_head->err`; what is returned says whether there was one: GONE, TIMEOUT,
 * INVALID, TOO_BIG.
 */
YB_CHECKED enum yb_err control_ask(int fd, const struct control_writer *request,
				   uint8_t *buffer,
				   struct control_head *ret_head,
				   struct control_reader *ret, int *ret_fd);

#endif
