#include "os/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "os/fd.h"

enum {
	MESSAGE_MAX = 512,
	/* The kernel takes up to SCM_MAX_FD, 253. */
	FDS_MAX = 64,
};

static bool find_socket(struct sockaddr_un *ret, socklen_t *ret_n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path == NULL ? 0 : strlen(path);

	if (n < 2 || n >= sizeof ret->sun_path ||
	    (path[0] != '/' && path[0] != '@'))
		return false;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, n);
	if (path[0] == '@') /* an abstract name */
		ret->sun_path[0] = 0;
	*ret_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return true;
}

void notify_send_fds(const char *message, const int *fds, size_t n)
{
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(FDS_MAX * sizeof *fds)] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)message, strlen(message) };
	struct sockaddr_un to;
	struct msghdr m = { .msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1 };

	if (n > FDS_MAX || !find_socket(&to, &m.msg_namelen))
		return;
	if (n > 0) {
		struct cmsghdr *c;

		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(n * sizeof *fds);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, n * sizeof *fds);
	}
	AUTO_FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_send(const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof message, format, args);
	va_end(args);
	notify_send_fds(message, NULL, 0);
}

uint64_t notify_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	uint64_t us, of;

	if (usec == NULL || !num_parse(span_str(usec), UINT64_MAX, &us))
		return 0;
	if (pid != NULL && (!num_parse(span_str(pid), UINT32_MAX, &of) ||
			    of != (uint64_t)getpid()))
		return 0;
	return us / 2000;
}
