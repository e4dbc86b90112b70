#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"

enum { READ_STEP = 16 * 1024 };

enum yb_err file_write_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		s = span_skip(s, (size_t)n);
	}
	return YB_OK;
}

enum yb_err file_read_fd(int fd, struct buf *out)
{
	for (;;) {
		size_t step =
			buf_space(out) < READ_STEP ? buf_space(out) : READ_STEP;
		uint8_t beyond;
		ssize_t n;

		if (buf_reserve(out, step) != YB_OK)
			return YB_NOMEM;
		/* At the ceiling one octet more tells "full" from "whole". */
		n = step > 0 ? read(fd, out->p + out->n, step)
			     : read(fd, &beyond, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		if (n == 0)
			return YB_OK;
		if (step == 0)
			return YB_TOO_BIG;
		out->n += (size_t)n;
	}
}

enum yb_err file_read(const char *path, struct buf *out)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_from_errno(errno);
	if (!S_ISREG(st.st_mode))
		return YB_INVALID;
	return file_read_fd(fd, out);
}

static enum yb_err sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (n >= sizeof folder)
		return YB_TOO_BIG;
	memcpy(folder, path, n);
	folder[n] = 0;
	if (slash == NULL || slash == path)
		strcpy(folder, slash == NULL ? "." : "/");
	AUTO_FD fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

/* The new file is whole and on disk before it gets its name. */
static enum yb_err write_beside(const char *path, struct span s, mode_t mode)
{
	AUTO_FD fd = open(path,
			  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			  mode);
	enum yb_err err;

	if (fd < 0 || fchmod(fd, mode) < 0)
		return err_from_errno(errno);
	err = file_write_all(fd, s);
	if (err == YB_OK && fsync(fd) < 0)
		err = err_from_errno(errno);
	return err;
}

enum yb_err file_replace(const char *path, struct span s, mode_t mode)
{
	char beside[PATH_MAX];
	enum yb_err err;
	int n = snprintf(beside, sizeof beside, "%s.new", path);

	if (n < 0 || (size_t)n >= sizeof beside)
		return YB_TOO_BIG;
	err = write_beside(beside, s, mode);
	if (err == YB_OK && rename(beside, path) < 0)
		err = err_from_errno(errno);
	if (err != YB_OK) {
		(void)unlink(beside); /* the first error is the one to tell */
		return err;
	}
	return sync_folder_of(path);
}

enum yb_err file_mkdir(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return YB_OK;
	if (errno != EEXIST)
		return err_from_errno(errno);
	if (stat(path, &st) < 0)
		return err_from_errno(errno);
	return S_ISDIR(st.st_mode) ? YB_OK : YB_EXISTS;
}
