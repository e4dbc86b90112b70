/*
 * Stream sockets: addresses in text, listeners, connections, peers.
 */
#ifndef OS_SOCKET_H
#define OS_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/span.h"

struct socket_address {
	union {
		struct sockaddr any;
		struct sockaddr_storage storage;
	};
	socklen_t n;
};

enum { SOCKET_TEXT_MAX = 128 };

/*
 * Reads "192.0.2.1:110", "[::1]:110", or a path with a slash in it (a Unix
 * socket). Names are not looked up. INVALID, TOO_BIG for a long path.
 */
YB_CHECKED enum yb_err socket_address_parse(const char *text,
					    struct socket_address *ret);

/*
 * The address `host`, IPv6 if `v6` and else IPv4, as numbers. INVALID.
 */
YB_CHECKED enum yb_err socket_address_from_text(struct span host, bool v6,
						uint16_t port,
						struct socket_address *ret);

/* The same from the octets themselves; `n` is 4 or 16. */
void socket_address_from_octets(const uint8_t *octets, size_t n, uint16_t port,
				struct socket_address *ret);

/*
 * Writes the address without its port, as logs show it: "192.0.2.1", "::1",
 * or "local" for a Unix socket.
 */
void socket_address_print(const struct socket_address *a,
			  char ret[SOCKET_TEXT_MAX]);

/* 16 octets of IPv6, or IPv4 mapped into it, of an address as people write
 * it; SYNTAX. */
YB_CHECKED enum yb_err socket_ip_parse(const char *text, uint8_t ret[16]);

/* 16 octets of IPv6, IPv4 mapped into it; zeros for a Unix socket. */
void socket_address_octets(const struct socket_address *a, uint8_t ret[16]);

/* Writes such octets as socket_address_print() does. */
void socket_octets_print(const uint8_t octets[16], char ret[SOCKET_TEXT_MAX]);

/* 127.0.0.0/8, ::1, or a Unix socket. */
bool socket_address_is_loopback(const struct socket_address *a);

/*
 * A listening socket, non-blocking. A Unix socket replaces a stale one and
 * gets `mode`. BUSY if the address is taken, ACCESS.
 */
YB_CHECKED enum yb_err socket_listen(const struct socket_address *a,
				     unsigned mode, int *ret_fd);

/*
 * Whether `fd` is a socket of `type` that listens at that very address; then
 * it is made as socket_listen() makes one.
 */
bool socket_is_listening(int fd, int type, const struct socket_address *a);

/* Accepts one connection, non-blocking. AGAIN, OVERLOAD, GONE. */
YB_CHECKED enum yb_err socket_accept(int listener, int *ret_fd,
				     struct socket_address *ret_peer);

/*
 * Connects; blocks until it is there or has failed if `blocking`, else AGAIN
 * comes back with *ret_fd set, and the socket is writable when it is done.
 */
YB_CHECKED enum yb_err socket_connect(const struct socket_address *a,
				      bool blocking, int *ret_fd);

/* Small answers leave at once: for request and answer protocols. */
void socket_no_delay(int fd);

/*
 * Octets that the other end's system has confirmed to have; UNSUPPORTED where
 * nothing is confirmed (Unix sockets).
 */
YB_CHECKED enum yb_err socket_octets_acked(int fd, uint64_t *ret);

/* User and group at the other end of a Unix socket. */
YB_CHECKED enum yb_err socket_peer(int fd, unsigned *ret_uid,
				   unsigned *ret_gid);

#endif
