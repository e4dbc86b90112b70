#include "os/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

extern char **environ;

enum {
	FIRST = 3, /* SD_LISTEN_FDS_START */
	/* Above all numbers that any of them may get. */
	PARKING = FIRST + INHERITED_MAX,
};

static bool number_of(const char *variable, uint64_t max, uint64_t *ret)
{
	const char *text = getenv(variable);

	return text != NULL && num_parse(span_str(text), max, ret);
}

static void take_names(struct inherited *list, size_t n)
{
	const char *text = getenv("LISTEN_FDNAMES");
	struct span rest = span_str(text != NULL ? text : "");

	for (size_t i = 0; i < n; i++) {
		struct span name = span_cut(&rest, ':');

		/* A name that is too long is no name of ours. */
		if (!span_to_str(name, list[i].name, sizeof list[i].name))
			list[i].name[0] = 0;
	}
}

size_t inherited_take(struct inherited ret[INHERITED_MAX])
{
	uint64_t pid = 0, n = 0;

	if (!number_of("LISTEN_PID", UINT32_MAX, &pid) ||
	    pid != (uint64_t)getpid() ||
	    !number_of("LISTEN_FDS", INHERITED_MAX, &n))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		ret[i].fd = FIRST + (int)i;
		if (fcntl(ret[i].fd, F_SETFD, FD_CLOEXEC) < 0)
			ret[i].fd = -1; /* promised, but not there */
	}
	take_names(ret, n);
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return n;
}

static bool set_environment(const struct inherited *list, size_t n)
{
	char names[INHERITED_MAX * INHERITED_NAME_MAX] = "";
	char number[16];
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(names + at, sizeof names - at, "%s%s",
				       i > 0 ? ":" : "", list[i].name);
	(void)snprintf(number, sizeof number, "%d", (int)getpid());
	if (setenv("LISTEN_PID", number, 1) < 0)
		return false;
	(void)snprintf(number, sizeof number, "%zu", n);
	return setenv("LISTEN_FDS", number, 1) == 0 &&
	       setenv("LISTEN_FDNAMES", names, 1) == 0;
}

enum yb_err inherit_exec(const char *program, const char *const *argv,
			 const struct inherited *list, size_t n)
{
	int parked[INHERITED_MAX];

	if (n > INHERITED_MAX || !set_environment(list, n))
		return YB_TOO_BIG;
	for (size_t i = 0; i < n; i++) {
		parked[i] = fcntl(list[i].fd, F_DUPFD_CLOEXEC, PARKING);
		if (parked[i] < 0)
			return err_from_errno(errno);
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(parked[i], FIRST + (int)i) < 0)
			return err_from_errno(errno);
	if (close_range(FIRST + (unsigned)n, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return err_from_errno(errno);
	(void)execve(program, (char **)(uintptr_t)argv, environ);
	return err_from_errno(errno);
}
