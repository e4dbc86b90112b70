/*
 * The one door to the disk through which all of the store's reads and writes
 * pass, as a table of calls: the real disk is one implementation, a recorder
 * that simulates power cuts another. Descriptors are the table's own; only
 * those of the real disk mean anything to the kernel.
 *
 * Every call is whole: EINTR and short counts are dealt with inside. Calls
 * may come from several threads at once, on one descriptor too.
 */
#ifndef OS_STORAGE_H
#define OS_STORAGE_H

#include <sys/uio.h>

#include "base/err.h"
#include "base/span.h"

enum storage_how {
	STORAGE_READ,   /* an existing file, for reading */
	STORAGE_WRITE,  /* an existing file, for reading and writing */
	STORAGE_CREATE, /* a new file, 0600; EXISTS if the name is taken */
	STORAGE_FOLDER, /* an existing folder */
};

/* One name in a folder, "." and ".." left out; an error ends the listing. */
typedef enum yb_err storage_name_fn(void *ctx, const char *name);

struct os_storage {
	void *ctx;

	/* Opens the store's folder by the path an administrator gave. */
	enum yb_err (*open_root)(void *ctx, const char *path, int *ret_fd);
	/*
	 * Opens `path`, which may hold slashes, beneath the folder `dir`.
	 * No link is followed, and a file has to be a regular one, ours,
	 * with a single name (threat 55): else INVALID or ACCESS.
	 */
	enum yb_err (*open)(void *ctx, int dir, const char *path,
			    enum storage_how how, int *ret_fd);
	/* A file without a name on the disk of `dir`, read and write. */
	enum yb_err (*open_unnamed)(void *ctx, int dir, int *ret_fd);
	void (*close)(void *ctx, int fd);
	/* Takes the whole file for this process; BUSY if another has it. */
	enum yb_err (*lock)(void *ctx, int fd);

	enum yb_err (*size)(void *ctx, int fd, uint64_t *ret_size);
	/* Reads up to `n` octets; fewer only at the end of the file. */
	enum yb_err (*read)(void *ctx, int fd, void *p, size_t n, uint64_t at,
			    size_t *ret_n);
	/* Writes all, or fails with an unknown part of it written. */
	enum yb_err (*write)(void *ctx, int fd, const struct iovec *iov,
			     int iov_n, uint64_t at);
	/* Reserves blocks without a change of size. */
	enum yb_err (*reserve)(void *ctx, int fd, uint64_t at, uint64_t n);
	/* What is left on the disk of the folder, in octets. */
	enum yb_err (*room)(void *ctx, int dir, uint64_t *ret_octets);
	/* Makes the file `size` octets long. */
	enum yb_err (*cut)(void *ctx, int fd, uint64_t size);
	/* Content and size of a file are on disk once this returns YB_OK. */
	enum yb_err (*sync)(void *ctx, int fd);
	/* The names in a folder are on disk once this returns YB_OK. */
	enum yb_err (*sync_folder)(void *ctx, int dir);

	/* Names below hold no slash. */
	enum yb_err (*make_folder)(void *ctx, int dir, const char *name);
	/* Without `replace`: EXISTS if the new name is taken. */
	enum yb_err (*rename)(void *ctx, int from_dir, const char *from,
			      int to_dir, const char *to, bool replace);
	enum yb_err (*remove)(void *ctx, int dir, const char *name,
			      bool folder);
	/* Names may be removed from the folder meanwhile. */
	enum yb_err (*list)(void *ctx, int dir, storage_name_fn *each,
			    void *each_ctx);
};

/* The real disk. */
const struct os_storage *storage_disk(void);

/* pread() until `n` octets or the end of the file, on a real descriptor. */
YB_CHECKED enum yb_err storage_pread(int fd, void *p, size_t n, uint64_t at,
				     size_t *ret_n);

#endif
