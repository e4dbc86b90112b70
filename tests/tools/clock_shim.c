/*
 * Put before the C library (LD_PRELOAD), turns the clocks of a server under
 * test: YUBIN_TEST_CLOCK names a file of two numbers (64 bits, native), which
 * is mapped before a process closes its cage. The first is added to the time
 * of day of every process, in nanoseconds; the second to the clock that only
 * goes forward, of workers alone, as if they had waited so long.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static const volatile int64_t *offsets;
static int is_worker;
static int (*real_gettime)(clockid_t, struct timespec *);

static void look_who(void)
{
	char text[4096];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);

	if (fd >= 0)
		(void)close(fd);
	is_worker = n > 0 && memmem(text, (size_t)n, "worker", 6) != NULL;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("YUBIN_TEST_CLOCK");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *p;

	*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (fd < 0)
		return;
	p = mmap(NULL, 2 * sizeof *offsets, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p != MAP_FAILED)
		offsets = p;
	look_who();
}

EXPORTED int clock_gettime(clockid_t id, struct timespec *t)
{
	int64_t ns, add = 0;

	if (real_gettime == NULL)
		*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (real_gettime(id, t) != 0)
		return -1;
	if (offsets != NULL && id == CLOCK_REALTIME)
		add = offsets[0];
	if (offsets != NULL && id == CLOCK_MONOTONIC && is_worker)
		add = offsets[1];
	if (add == 0)
		return 0;
	ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + add;
	t->tv_sec = ns / 1000000000;
	t->tv_nsec = ns % 1000000000;
	return 0;
}

EXPORTED time_t time(time_t *ret)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (ret != NULL)
		*ret = t.tv_sec;
	return t.tv_sec;
}

EXPORTED int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}
