#include "bench/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "os/fd.h"

bool memory_parse_rollup(struct span text, uint64_t *ret_octets)
{
	while (text.n > 0) {
		struct span line = span_cut(&text, '\n');
		uint64_t kib;

		/* proc(5): "Pss:                1234 kB" */
		if (!span_starts(line, SPAN_LIT("Pss:")))
			continue;
		line = span_skip(line, 4);
		while (line.n > 0 && line.p[0] == ' ')
			line = span_skip(line, 1);
		if (!num_parse(span_cut(&line, ' '), UINT64_MAX / 1024, &kib))
			return false;
		*ret_octets = kib * 1024;
		return true;
	}
	return false;
}

static enum yb_err read_one(pid_t pid, uint64_t *ret_octets)
{
	enum { ROLLUP_MAX = 4096 }; /* some 25 short lines */
	char path[64], text[ROLLUP_MAX];
	AUTO_FD fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (n < 0)
		return errno == ESRCH ? YB_NOT_FOUND : err_from_errno(errno);
	return memory_parse_rollup(span_of(text, (size_t)n), ret_octets)
		       ? YB_OK
		       : YB_INVALID;
}

enum yb_err memory_read(const struct cpu_source *source, uint64_t *ret_octets)
{
	AUTO_FREE pid_t *pids = NULL;
	size_t n = 0;
	uint64_t sum = 0;
	enum yb_err err = cpu_processes(source, &pids, &n);

	for (size_t i = 0; err == YB_OK && i < n; i++) {
		uint64_t octets = 0;

		err = read_one(pids[i], &octets);
		/* It has ended since they were listed: it has no memory. */
		if (err == YB_NOT_FOUND)
			err = YB_OK;
		sum += octets;
	}
	if (err == YB_OK)
		*ret_octets = sum;
	return err;
}
