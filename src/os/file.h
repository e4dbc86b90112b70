/*
 * Whole files: read, written, replaced so that a crash leaves the old or the
 * new one. Mail itself goes through os/storage.h.
 */
#ifndef OS_FILE_H
#define OS_FILE_H

#include <sys/types.h>

#include "base/buf.h"

/* Writes all of `s`, whatever write() takes at a time. */
YB_CHECKED enum yb_err file_write_all(int fd, struct span s);

/* Appends the rest of the file to `out`; TOO_BIG above its ceiling. */
YB_CHECKED enum yb_err file_read_fd(int fd, struct buf *out);

/* Appends a whole regular file to `out`. Follows no link in its last name. */
YB_CHECKED enum yb_err file_read(const char *path, struct buf *out);

/*
 * Replaces `path` with `s`: written beside it, synced, renamed over it, the
 * folder synced. A crash leaves the old file or the new one, never a part.
 */
YB_CHECKED enum yb_err file_replace(const char *path, struct span s,
				    mode_t mode);

/* Makes a folder if it is missing. */
YB_CHECKED enum yb_err file_mkdir(const char *path, mode_t mode);

#endif
