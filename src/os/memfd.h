/*
 * Sealed memory files: a block that one process made, others may map or read,
 * and nobody can change or shrink any more.
 */
#ifndef OS_MEMFD_H
#define OS_MEMFD_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/* A memfd of `block` with all seals set; `name` shows in /proc. */
YB_CHECKED enum yb_err memfd_make(const char *name, struct span block,
				  int *ret_fd);

/*
 * A memfd of `size` octets to be filled through `ret_p`; then memfd_publish()
 * unmaps that, seals the memfd, and maps it read-only (memfd_unmap() releases
 * that). If it fails the draft is unmapped, and the descriptor is still the
 * caller's.
 */
YB_CHECKED enum yb_err memfd_draft(const char *name, size_t size, int *ret_fd,
				   uint8_t **ret_p);
YB_CHECKED enum yb_err memfd_publish(int fd, uint8_t *draft, size_t size,
				     struct span *ret);

/* An empty memfd to be written, then sealed with memfd_seal(). */
YB_CHECKED enum yb_err memfd_open(const char *name, int *ret_fd);
YB_CHECKED enum yb_err memfd_seal(int fd);

/*
 * For a descriptor from another process: INVALID unless it is a memfd that
 * nobody can write, shrink or grow, of at least `min` and at most `max`
 * octets; tells its size. Only then may it be mapped without fear.
 */
YB_CHECKED enum yb_err memfd_check(int fd, uint64_t min, uint64_t max,
				   uint64_t *ret_size);

/* A mapping of a whole sealed memfd, read-only; release with memfd_unmap(). */
YB_CHECKED enum yb_err memfd_map(int fd, uint64_t max, struct span *ret);
void memfd_unmap(struct span *mapping);

/*
 * Memory that one process writes and others read at the same time: its size
 * is sealed, so that no access can fail, its octets are not. All zero at
 * first; mapped writable. It stays mapped until the process ends.
 */
YB_CHECKED enum yb_err memfd_share(const char *name, size_t size, int *ret_fd,
				   void **ret);

/* A descriptor of the same memory that cannot be mapped for writing. */
YB_CHECKED enum yb_err memfd_reader(int fd, int *ret_fd);

/*
 * Maps what memfd_share() made, from a descriptor of another process's:
 * INVALID unless it has that size, sealed.
 */
YB_CHECKED enum yb_err memfd_map_shared(int fd, size_t size, bool writable,
					void **ret);

#endif
