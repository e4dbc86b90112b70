/*
 * The PROXY protocol, versions 1 and 2, as haproxy's specification has it: a
 * header in front of all else by which a proxy tells whom it speaks for. Only
 * what stands at the front is looked at; nothing is kept between calls.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include "os/socket.h"

enum {
	/* Section 2.1: "107 chars", CRLF included, with a margin of nothing. */
	PROXY_V1_MAX = 107,
	/*
	 * Of version 2, with its extensions: addresses take 216 octets at
	 * most, what proxies add some hundred; a client's certificate, the
	 * longest of all, 2 KiB.
	 */
	PROXY_V2_MAX = 4096,
};

enum proxy_step {
	PROXY_MORE,  /* the header is not whole yet */
	PROXY_DONE,  /* it has `ret_used` octets */
	PROXY_WRONG, /* it is none, or too long */
};

struct proxy_header {
	/*
	 * The proxy speaks for itself (LOCAL), or for somebody of whom it
	 * cannot tell an Internet address (UNKNOWN, UNSPEC, UNIX): `source`
	 * is not set.
	 */
	bool local;
	struct socket_address source;
};

enum proxy_step proxy_read(struct span in, size_t *ret_used,
			   struct proxy_header *ret);

#endif
