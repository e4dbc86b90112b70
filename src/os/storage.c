#include "os/storage.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/fd.h"

enum {
	/* More at a time than any caller has; far below IOV_MAX. */
	STORAGE_IOV_MAX = 16,
};

static int open_beneath(int dir, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	do {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
	} while (fd < 0 && errno == EINTR);
	return (int)fd;
}

/* Threat 55: what somebody may have put in place of a file of ours. */
static enum yb_err check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_from_errno(errno);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return YB_INVALID;
	/* Root may work on the files of the store's own user. */
	if (st.st_uid != geteuid() && geteuid() != 0)
		return YB_ACCESS;
	return YB_OK;
}

static enum yb_err disk_open_root(void *ctx, const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)ctx;
	if (fd < 0)
		return err_from_errno(errno);
	*ret_fd = fd;
	return YB_OK;
}

static enum yb_err disk_open(void *ctx, int dir, const char *path,
			     enum storage_how how, int *ret_fd)
{
	/* O_NONBLOCK: opening a FIFO put in a file's place must not hang. */
	static const int flags[] = {
		[STORAGE_READ] = O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
		[STORAGE_WRITE] = O_RDWR | O_NOFOLLOW | O_NONBLOCK,
		[STORAGE_CREATE] = O_RDWR | O_NOFOLLOW | O_CREAT | O_EXCL,
		[STORAGE_FOLDER] = O_RDONLY | O_NOFOLLOW | O_DIRECTORY,
	};
	AUTO_FD fd = open_beneath(dir, path, flags[how],
				  how == STORAGE_CREATE ? 0600 : 0);
	enum yb_err err = YB_OK;

	(void)ctx;
	if (fd < 0)
		return err_from_errno(errno);
	if (how != STORAGE_FOLDER)
		err = check_file(fd);
	if (err == YB_OK)
		*ret_fd = fd_steal(&fd);
	return err;
}

static enum yb_err disk_open_unnamed(void *ctx, int dir, int *ret_fd)
{
	/* O_EXCL: nobody can give it a name later. */
	int fd =
		openat(dir, ".", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	(void)ctx;
	if (fd < 0)
		return err_from_errno(errno);
	*ret_fd = fd;
	return YB_OK;
}

static void disk_close(void *ctx, int fd)
{
	(void)ctx;
	fd_close(&fd);
}

static enum yb_err disk_lock(void *ctx, int fd)
{
	/* Belongs to the open file: a second open in this process is
	 * refused too, and no stray close() gives the lock up. */
	(void)ctx;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return YB_OK;
	return errno == EWOULDBLOCK ? YB_BUSY : err_from_errno(errno);
}

static enum yb_err disk_size(void *ctx, int fd, uint64_t *ret_size)
{
	struct stat st;

	(void)ctx;
	if (fstat(fd, &st) < 0)
		return err_from_errno(errno);
	*ret_size = (uint64_t)st.st_size;
	return YB_OK;
}

enum yb_err storage_pread(int fd, void *p, size_t n, uint64_t at, size_t *ret_n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t step = pread(fd, (uint8_t *)p + got, n - got,
				     (off_t)(at + got));

		if (step < 0 && errno == EINTR)
			continue;
		if (step < 0)
			return err_from_errno(errno);
		if (step == 0)
			break;
		got += (size_t)step;
	}
	*ret_n = got;
	return YB_OK;
}

static enum yb_err disk_read(void *ctx, int fd, void *p, size_t n, uint64_t at,
			     size_t *ret_n)
{
	(void)ctx;
	return storage_pread(fd, p, n, at, ret_n);
}

/* Drops the first `n` octets; how many pieces are left. */
static int skip_written(struct iovec **iov, int iov_n, size_t n)
{
	while (iov_n > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		iov_n--;
	}
	if (iov_n > 0) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
	return iov_n;
}

static enum yb_err disk_write(void *ctx, int fd, const struct iovec *iov,
			      int iov_n, uint64_t at)
{
	struct iovec copy[STORAGE_IOV_MAX];
	struct iovec *left = copy;

	(void)ctx;
	assert(iov_n <= STORAGE_IOV_MAX);
	memcpy(copy, iov, (size_t)iov_n * sizeof *iov);
	iov_n = skip_written(&left, iov_n, 0);
	while (iov_n > 0) {
		ssize_t n = pwritev(fd, left, iov_n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		/* A disk that takes nothing and names no reason is full. */
		if (n == 0)
			return YB_FULL;
		at += (uint64_t)n;
		iov_n = skip_written(&left, iov_n, (size_t)n);
	}
	return YB_OK;
}

static enum yb_err disk_reserve(void *ctx, int fd, uint64_t at, uint64_t n)
{
	(void)ctx;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)n) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

static enum yb_err disk_room(void *ctx, int dir, uint64_t *ret_octets)
{
	struct statfs st;

	(void)ctx;
	if (fstatfs(dir, &st) < 0)
		return err_from_errno(errno);
	*ret_octets = (uint64_t)st.f_bavail * (uint64_t)st.f_bsize;
	return YB_OK;
}

static enum yb_err disk_cut(void *ctx, int fd, uint64_t size)
{
	int result;

	(void)ctx;
	do {
		result = ftruncate(fd, (off_t)size);
	} while (result < 0 && errno == EINTR);
	return result < 0 ? err_from_errno(errno) : YB_OK;
}

static enum yb_err disk_sync(void *ctx, int fd)
{
	int result;

	(void)ctx;
	/* EINTR comes before anything was written, and loses no error. */
	do {
		result = fdatasync(fd);
	} while (result < 0 && errno == EINTR);
	return result < 0 ? err_from_errno(errno) : YB_OK;
}

static enum yb_err disk_sync_folder(void *ctx, int dir)
{
	int result;

	(void)ctx;
	do {
		result = fsync(dir);
	} while (result < 0 && errno == EINTR);
	return result < 0 ? err_from_errno(errno) : YB_OK;
}

static enum yb_err disk_make_folder(void *ctx, int dir, const char *name)
{
	(void)ctx;
	assert(strchr(name, '/') == NULL);
	return mkdirat(dir, name, 0700) < 0 ? err_from_errno(errno) : YB_OK;
}

static enum yb_err disk_rename(void *ctx, int from_dir, const char *from,
			       int to_dir, const char *to, bool replace)
{
	(void)ctx;
	assert(strchr(from, '/') == NULL && strchr(to, '/') == NULL);
	if (renameat2(from_dir, from, to_dir, to,
		      replace ? 0 : RENAME_NOREPLACE) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

static enum yb_err disk_remove(void *ctx, int dir, const char *name,
			       bool folder)
{
	(void)ctx;
	assert(strchr(name, '/') == NULL);
	if (unlinkat(dir, name, folder ? AT_REMOVEDIR : 0) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

static enum yb_err disk_list(void *ctx, int dir, storage_name_fn *each,
			     void *each_ctx)
{
	/* Opened anew: the position of `dir` itself stays at the start. */
	int fd = open_beneath(dir, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	enum yb_err err = YB_OK;
	const struct dirent *entry;

	(void)ctx;
	if (stream == NULL) {
		err = err_from_errno(errno);
		fd_close(&fd);
		return err;
	}
	while (err == YB_OK && (errno = 0, entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			err = each(each_ctx, entry->d_name);
	if (err == YB_OK && errno != 0)
		err = err_from_errno(errno);
	(void)closedir(stream); /* was only read */
	return err;
}

const struct os_storage *storage_disk(void)
{
	static const struct os_storage disk = {
		.open_root = disk_open_root,
		.open = disk_open,
		.open_unnamed = disk_open_unnamed,
		.close = disk_close,
		.lock = disk_lock,
		.size = disk_size,
		.read = disk_read,
		.write = disk_write,
		.reserve = disk_reserve,
		.room = disk_room,
		.cut = disk_cut,
		.sync = disk_sync,
		.sync_folder = disk_sync_folder,
		.make_folder = disk_make_folder,
		.rename = disk_rename,
		.remove = disk_remove,
		.list = disk_list,
	};

	return &disk;
}
