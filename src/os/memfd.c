#include "os/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"

enum {
	ALL_SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
	SIZE_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
};

enum yb_err memfd_open(const char *name, int *ret_fd)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_from_errno(errno);
	*ret_fd = fd;
	return YB_OK;
}

enum yb_err memfd_seal(int fd)
{
	if (fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

enum yb_err memfd_make(const char *name, struct span block, int *ret_fd)
{
	AUTO_FD fd = -1;
	enum yb_err err = memfd_open(name, &fd);

	if (err == YB_OK)
		err = file_write_all(fd, block);
	if (err == YB_OK)
		err = memfd_seal(fd);
	if (err == YB_OK)
		*ret_fd = fd_steal(&fd);
	return err;
}

enum yb_err memfd_check(int fd, uint64_t min, uint64_t max, uint64_t *ret_size)
{
	const int want = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & want) != want || fstat(fd, &st) < 0)
		return YB_INVALID;
	if (st.st_size < 0 || (uint64_t)st.st_size < min ||
	    (uint64_t)st.st_size > max)
		return YB_INVALID;
	*ret_size = (uint64_t)st.st_size;
	return YB_OK;
}

enum yb_err memfd_map(int fd, uint64_t max, struct span *ret)
{
	uint64_t size;
	void *p;

	if (memfd_check(fd, 1, max, &size) != YB_OK)
		return YB_INVALID;
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_from_errno(errno);
	*ret = span_of(p, size);
	return YB_OK;
}

void memfd_unmap(struct span *mapping)
{
	if (mapping->n > 0)
		(void)munmap((void *)(uintptr_t)mapping->p, mapping->n);
	*mapping = SPAN_NONE;
}

static enum yb_err map_shared(int fd, size_t size, bool writable, void **ret)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return err_from_errno(errno);
	*ret = p;
	return YB_OK;
}

enum yb_err memfd_draft(const char *name, size_t size, int *ret_fd,
			uint8_t **ret_p)
{
	AUTO_FD fd = -1;
	enum yb_err err = memfd_open(name, &fd);
	void *p = NULL;

	/* Memory that is short is told now; a page that is not to be had
	 * later would be a signal. */
	if (err == YB_OK && fallocate(fd, 0, 0, (off_t)size) < 0)
		err = err_from_errno(errno);
	if (err == YB_OK)
		err = map_shared(fd, size, true, &p);
	if (err == YB_OK) {
		*ret_fd = fd_steal(&fd);
		*ret_p = p;
	}
	return err;
}

enum yb_err memfd_publish(int fd, uint8_t *draft, size_t size, struct span *ret)
{
	enum yb_err err;

	/* While somebody has it mapped for writing it cannot be sealed. */
	(void)munmap(draft, size);
	err = memfd_seal(fd);
	return err == YB_OK ? memfd_map(fd, size, ret) : err;
}

enum yb_err memfd_share(const char *name, size_t size, int *ret_fd, void **ret)
{
	AUTO_FD fd = -1;
	enum yb_err err = memfd_open(name, &fd);

	if (err == YB_OK && (ftruncate(fd, (off_t)size) < 0 ||
			     fcntl(fd, F_ADD_SEALS, SIZE_SEALS) < 0))
		err = err_from_errno(errno);
	if (err == YB_OK)
		err = map_shared(fd, size, true, ret);
	if (err == YB_OK)
		*ret_fd = fd_steal(&fd);
	return err;
}

enum yb_err memfd_reader(int fd, int *ret_fd)
{
	char path[32];
	int reader;

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	if (reader < 0)
		return err_from_errno(errno);
	*ret_fd = reader;
	return YB_OK;
}

enum yb_err memfd_map_shared(int fd, size_t size, bool writable, void **ret)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & SIZE_SEALS) != SIZE_SEALS ||
	    fstat(fd, &st) < 0 || st.st_size < 0 || (size_t)st.st_size != size)
		return YB_INVALID;
	return map_shared(fd, size, writable, ret);
}
