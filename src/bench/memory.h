/*
 * Memory that a server uses: all of its processes, each with what is private
 * to it and its part of what they share (PSS). The kernel's own, such as the
 * buffers of sockets, is not in it.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include "bench/cpu.h"

/*
 * In octets. NOT_FOUND; REFUSED or another error if the processes are somebody
 * else's.
 */
YB_CHECKED enum yb_err memory_read(const struct cpu_source *source,
				   uint64_t *ret_octets);

/* Reads the text of /proc/PID/smaps_rollup; false if it has no Pss line. */
bool memory_parse_rollup(struct span text, uint64_t *ret_octets);

#endif
