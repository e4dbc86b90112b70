#include "os/socket.h"

#include <errno.h>
#include <linux/tcp.h> /* glibc's struct tcp_info ends before the field */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

enum yb_err socket_octets_acked(int fd, uint64_t *ret)
{
	struct tcp_info info;
	socklen_t n = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0 ||
	    n < offsetof(struct tcp_info, tcpi_bytes_acked) +
			    sizeof info.tcpi_bytes_acked)
		return YB_UNSUPPORTED;
	*ret = info.tcpi_bytes_acked;
	return YB_OK;
}
