/*
 * Networks in CIDR notation: "192.0.2.0/24", "2001:db8::/32", or a single
 * address. A list is text with commas or spaces between.
 */
#ifndef OS_NETWORK_H
#define OS_NETWORK_H

#include "os/socket.h"

struct network {
	uint8_t octets[16]; /* of IPv6, IPv4 mapped into it */
	unsigned bits;      /* of those, 0 to 128 */
};

/* INVALID if it is none, or has bits set behind its mask. */
YB_CHECKED enum yb_err network_parse(struct span text, struct network *ret);

/* An IPv6 network has no IPv4 address, not even "::/0". */
bool network_has(const struct network *n, const struct socket_address *a);

/* Cuts the next network's text off a list; empty at the end. */
struct span networks_cut(struct span *list);

/* Whether one of a list has the address; what is malformed has none. */
bool networks_have(struct span list, const struct socket_address *a);

#endif
