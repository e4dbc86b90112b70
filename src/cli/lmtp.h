/*
 * The client's end of LMTP (RFC 2033), blocking: what `yubin deliver` needs.
 */
#ifndef CLI_LMTP_H
#define CLI_LMTP_H

#include "base/buf.h"

enum {
	/* RFC 5321 4.5.3.2.6: ten minutes for the answer to a message. */
	LMTP_WAIT_MS = 10 * 60 * 1000,
	/* RFC 5321 4.5.3.1.5: 512 octets a reply line; ours fit many times. */
	LMTP_LINE_MAX = 4096,
	/* Lines of one reply; LHLO names our extensions in ten. */
	LMTP_LINES_MAX = 64,
	LMTP_BLOCK = 64 * 1024,
	LMTP_TEXT_MAX = 400,
};

struct lmtp {
	int fd;
	struct buf in, out;
};

/* The last line of a reply, in parts. */
struct lmtp_reply {
	unsigned code;   /* such as 550 */
	char status[16]; /* such as "5.1.1"; made up if there is none */
	char text[LMTP_TEXT_MAX]; /* printable */
};

/* Connects to an address as the configuration has it. */
YB_CHECKED enum yb_err lmtp_connect(struct lmtp *l, const char *address);
void lmtp_close(struct lmtp *l);

/* Queues a command line, without its CRLF; lmtp_reply() sends it. */
YB_CHECKED enum yb_err lmtp_command(struct lmtp *l, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Sends what is queued, where much is. */
YB_CHECKED enum yb_err lmtp_data(struct lmtp *l, struct span wire);

/* Sends what is queued and reads one reply. GONE, TIMEOUT, SYNTAX. */
YB_CHECKED enum yb_err lmtp_reply(struct lmtp *l, struct lmtp_reply *ret);

/* Reads a reply's last line, for lmtp_reply(); false if it is none. */
bool lmtp_parse_line(struct span line, bool *ret_last, struct lmtp_reply *ret);

#endif
