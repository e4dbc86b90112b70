#include "os/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void os_random(void *p, size_t n)
{
	uint8_t *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		/* Without random ids nothing can be kept apart safely. */
		if (got <= 0)
			abort();
		at += got;
		n -= (size_t)got;
	}
}

uint64_t os_random_u64(void)
{
	uint64_t v;

	os_random(&v, sizeof v);
	return v;
}
