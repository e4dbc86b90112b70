/*
 * A client of a line protocol, blocking, with an end to its patience: how
 * `yubin doctor` knocks at the server's doors.
 */
#ifndef CLI_DIAL_H
#define CLI_DIAL_H

#include "base/buf.h"
#include "tls/connection.h"

enum {
	/* For all that is said over one connection. */
	DIAL_MS = 10 * 1000,
	DIAL_LINE_MAX = 4096,
};

struct dial {
	int fd;
	uint64_t deadline_ms;
	struct tls_context *context;
	struct tls_connection *tls;
	struct buf in;
};

/*
 * Connects to an address as the configuration has it; one that stands for all
 * of the machine's means the loopback. With `tls` the handshake is done, the
 * certificate not looked at: that is another question. TIMEOUT, GONE (nobody
 * listens), ACCESS, INVALID (no TLS there). dial_close() is due in any case.
 */
YB_CHECKED enum yb_err dial_open(struct dial *d, const char *address, bool tls);
YB_CHECKED enum yb_err dial_start_tls(struct dial *d);
void dial_close(struct dial *d);

YB_CHECKED enum yb_err dial_send(struct dial *d, struct span octets);

/* A command, its CRLF added. */
YB_CHECKED enum yb_err dial_say(struct dial *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The next line without its end; TOO_BIG, GONE, TIMEOUT. */
YB_CHECKED enum yb_err dial_line(struct dial *d, char ret[DIAL_LINE_MAX]);

#endif
