/*
 * Lists of networks in CIDR notation (RFC 4632, 4291), from which a device may
 * log in: "192.0.2.0/24,2001:db8::/32,198.51.100.7".
 */
#ifndef AUTH_NETWORK_H
#define AUTH_NETWORK_H

#include "base/err.h"
#include "directory/directory.h"

/*
 * The list in one form: without spaces, each address as inet_ntop(3) writes
 * it. INVALID for what is no network, or has bits behind its prefix, since
 * that is a slip as a rule; TOO_BIG.
 */
YB_CHECKED enum yb_err networks_canonical(struct span in,
					  char ret[DIRECTORY_NETWORKS_MAX + 1]);

/* Whether an address (IPv4 mapped into IPv6) is in one; an empty list holds
 * all. What is no list holds none. */
bool networks_hold(const char *networks, const uint8_t address[16]);

#endif
