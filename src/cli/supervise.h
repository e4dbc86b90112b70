/*
 * Asking the supervisor of the running server.
 */
#ifndef CLI_SUPERVISE_H
#define CLI_SUPERVISE_H

#include "config/config.h"
#include "server/control_client.h"

/* COMMAND_OK, or the exit code for what connecting or asking gave, told. */
int supervise_tell(const struct config *c, enum yb_err err);

/* Connects; the exit code, with the reason printed. */
int supervise_connect(const struct config *c, int *ret_fd);

/*
 * Puts a request without fields. The reply lies in `buffer`, of PACKET_MAX
 * octets, also where its outcome, which is returned, is an error; `ret` is
 * empty if there was none.
 */
YB_CHECKED enum yb_err supervise_ask(int fd, enum control_type type,
				     uint8_t *buffer,
				     struct control_reader *ret);

/*
 * Connects and puts a request that the supervisor answers with BUSY while it
 * starts, ends, or reloads: then again, for some seconds, since that passes.
 * The exit code of connecting, told; the outcome is in `ret_err`.
 */
int supervise_order(const struct config *c, enum control_type type,
		    uint8_t *buffer, struct control_reader *ret,
		    enum yb_err *ret_err);

#endif
