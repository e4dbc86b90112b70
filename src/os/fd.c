#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void fd_close(int *fd)
{
	int kept = errno;

	if (*fd >= 0)
		(void)close(*fd); /* nothing to be done about a failure */
	*fd = -1;
	errno = kept;
}

enum yb_err fd_duplicate(int fd, int *ret_fd)
{
	int got = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (got < 0)
		return err_from_errno(errno);
	*ret_fd = got;
	return YB_OK;
}

static enum yb_err change(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);

	if (flags < 0)
		return err_from_errno(errno);
	flags = on ? flags | flag : flags & ~flag;
	return fcntl(fd, set, flags) < 0 ? err_from_errno(errno) : YB_OK;
}

enum yb_err fd_set_nonblocking(int fd, bool on)
{
	return change(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

enum yb_err fd_set_cloexec(int fd, bool on)
{
	return change(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}
