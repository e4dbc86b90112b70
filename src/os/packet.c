#include "os/packet.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/fd.h"

enum { PARTS_MAX = 9 };

union control {
	struct cmsghdr align;
	uint8_t octets[CMSG_SPACE(sizeof(int) * PACKET_FDS_MAX)];
};

enum yb_err packet_pair(int ret_fds[2])
{
	int type = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;

	if (socketpair(AF_UNIX, type, 0, ret_fds) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

enum yb_err packet_send(int fd, const struct span *parts, size_t parts_n,
			const int *fds, size_t fds_n)
{
	struct iovec iov[PARTS_MAX];
	union control control;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = parts_n };

	if (parts_n > PARTS_MAX || fds_n > PACKET_FDS_MAX)
		return YB_TOO_BIG;
	for (size_t i = 0; i < parts_n; i++)
		iov[i] = (struct iovec){ (void *)(uintptr_t)parts[i].p,
					 parts[i].n };
	if (fds_n > 0) {
		struct cmsghdr *head;

		memset(&control, 0, sizeof control);
		msg.msg_control = control.octets;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fds_n);
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int) * fds_n);
		memcpy(CMSG_DATA(head), fds, sizeof(int) * fds_n);
	}
	while (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno == EINTR)
			continue;
		/* Too many descriptors in flight: room comes as they are
		 * received. */
		if (errno == ETOOMANYREFS)
			return YB_AGAIN;
		return err_from_errno(errno);
	}
	return YB_OK;
}

/* Takes the descriptors out of the control data. */
static void collect(struct msghdr *msg, int *fds, size_t *fds_n)
{
	struct cmsghdr *head;

	*fds_n = 0;
	for (head = CMSG_FIRSTHDR(msg); head; head = CMSG_NXTHDR(msg, head)) {
		size_t n;

		if (head->cmsg_level != SOL_SOCKET ||
		    head->cmsg_type != SCM_RIGHTS)
			continue;
		n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > PACKET_FDS_MAX - *fds_n)
			n = PACKET_FDS_MAX - *fds_n;
		memcpy(fds + *fds_n, CMSG_DATA(head), n * sizeof(int));
		*fds_n += n;
	}
}

enum yb_err packet_receive(int fd, uint8_t *buffer, size_t *ret_n,
			   int ret_fds[PACKET_FDS_MAX], size_t *ret_fds_n)
{
	union control control;
	struct iovec iov = { buffer, PACKET_MAX };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.octets,
			      .msg_controllen = sizeof control.octets };
	ssize_t n;

	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_from_errno(errno);
	collect(&msg, ret_fds, ret_fds_n);
	if (n == 0 || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		for (size_t i = 0; i < *ret_fds_n; i++)
			fd_close(&ret_fds[i]);
		return n == 0 ? YB_GONE : YB_INVALID;
	}
	*ret_n = (size_t)n;
	return YB_OK;
}
