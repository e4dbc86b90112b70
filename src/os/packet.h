/*
 * Packets with descriptors over SOCK_SEQPACKET sockets: how the processes
 * talk. A packet arrives whole or not at all; one that is cut short, or
 * brings more descriptors than allowed, is an error that ends the channel.
 */
#ifndef OS_PACKET_H
#define OS_PACKET_H

#include "base/err.h"
#include "base/span.h"

enum {
	/* Well below the 208 KiB that a default socket buffer takes. */
	PACKET_MAX = 64 * 1024,
	/* Listeners of one service go over together. */
	PACKET_FDS_MAX = 16,
};

/* Two connected ends, non-blocking, closed on exec. */
YB_CHECKED enum yb_err packet_pair(int ret_fds[2]);

/*
 * Sends `parts` as one packet. AGAIN if there is no room, GONE if nobody is
 * there. The descriptors stay the caller's.
 */
YB_CHECKED enum yb_err packet_send(int fd, const struct span *parts,
				   size_t parts_n, const int *fds,
				   size_t fds_n);

/*
 * Receives one packet into `buffer` of PACKET_MAX octets. The descriptors,
 * closed on exec, become the caller's. AGAIN, GONE at the end of file, INVALID
 * if the packet was cut short; then nothing is left open.
 */
YB_CHECKED enum yb_err packet_receive(int fd, uint8_t *buffer, size_t *ret_n,
				      int ret_fds[PACKET_FDS_MAX],
				      size_t *ret_fds_n);

#endif
