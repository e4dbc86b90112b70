#include "server/control_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/fd.h"

static enum yb_err connect_to(const char *path, int fd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (!span_to_str(span_str(path), un.sun_path, sizeof un.sun_path))
		return YB_TOO_BIG;
	if (connect(fd, (const struct sockaddr *)&un, sizeof un) == 0)
		return YB_OK;
	if (errno == ECONNREFUSED)
		return YB_GONE;
	/* Something of another kind stands under the name. */
	if (errno == EPROTOTYPE)
		return YB_INVALID;
	return err_from_errno(errno);
}

/* Packets themselves never block: what waits here is the command. */
static enum yb_err wait_for(int fd, short events, int seconds)
{
	struct pollfd wait = { .fd = fd, .events = events };
	int n = poll(&wait, 1, seconds * 1000);

	if (n < 0)
		return err_from_errno(errno);
	return n == 0 ? YB_TIMEOUT : YB_OK;
}

static int answer_within(unsigned type)
{
	return type == CONTROL_COMPACT || type == CONTROL_FSCK ? CONTROL_LONG_S
							       : CONTROL_WAIT_S;
}

static enum yb_err send_part(int fd, struct span part, int passed)
{
	enum yb_err err = wait_for(fd, POLLOUT, CONTROL_WAIT_S);

	return err == YB_OK ? packet_send(fd, &part, 1, &passed, passed >= 0)
			    : err;
}

enum yb_err control_connect(const char *run_path, enum control_owner owner,
			    int *ret_fd)
{
	const struct control_hello hello = { .magic = CONTROL_MAGIC,
					     .version = CONTROL_VERSION,
					     .owner = (uint16_t)owner };
	const struct span part = span_of(&hello, sizeof hello);
	char path[sizeof((struct sockaddr_un *)NULL)->sun_path + 1];
	AUTO_FD fd = -1;
	enum yb_err err;
	int n = snprintf(path, sizeof path, "%s/control", run_path);

	if (n < 0 || (size_t)n >= sizeof path)
		return YB_TOO_BIG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_from_errno(errno);
	err = connect_to(path, fd);
	if (err == YB_OK)
		err = send_part(fd, part, -1);
	if (err != YB_OK)
		return err;
	*ret_fd = fd_steal(&fd);
	return YB_OK;
}

enum yb_err control_ask(int fd, const struct control_writer *request,
			uint8_t *buffer, struct control_head *ret_head,
			struct control_reader *ret, int *ret_fd)
{
	const struct span part = buf_span(&request->out);
	struct control_head asked, head;
	struct control_reader fields;
	int fds[PACKET_FDS_MAX];
	size_t n, fds_n;
	enum yb_err err;

	if (request->failed || part.n < sizeof asked)
		return YB_TOO_BIG;
	memcpy(&asked, part.p, sizeof asked);
	err = send_part(fd, part, request->fd);
	if (err == YB_OK)
		err = wait_for(fd, POLLIN, answer_within(asked.type));
	if (err == YB_OK)
		err = packet_receive(fd, buffer, &n, fds, &fds_n);
	if (err != YB_OK)
		return err;
	err = control_read(span_of(buffer, n), &head, &fields);
	if (err == YB_OK && head.type != asked.type)
		err = YB_INVALID;
	if (err == YB_OK && ret_fd != NULL && fds_n == 1)
		*ret_fd = fd_steal(&fds[0]);
	for (size_t i = 0; i < fds_n; i++)
		fd_close(&fds[i]);
	if (err != YB_OK)
		return err;
	*ret_head = head;
	*ret = fields;
	return YB_OK;
}
