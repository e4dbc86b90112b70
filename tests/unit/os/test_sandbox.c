/*
 * Cages are one-way, so each case runs in a child and tells by its exit.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/packet.h"
#include "os/process.h"
#include "os/sandbox.h"

static const char *const allow[] = { "write",  "exit",  "exit_group",
				     "close",  "brk",   "mmap",
				     "munmap", "futex", "rt_sigreturn",
				     NULL };
static const struct sandbox_rule rules[] = {
	{ "tgkill", 0, SANDBOX_IS_SELF, 0 },
	{ "mprotect", 2, SANDBOX_HAS_NOT, PROT_EXEC },
	{ "dup3", 2, SANDBOX_HAS, O_CLOEXEC },
	{ "fcntl", 1, SANDBOX_IS, F_GETFD },
	{ "fcntl", 1, SANDBOX_IS, F_GETFL },
	{ 0 }
};
static const char *const absent[] = { "clone3", NULL };
static const struct sandbox_calls calls = { .allow = allow,
					    .rules = rules,
					    .absent = absent };

static int run(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void close_cage(void)
{
	if (sandbox_seccomp(&calls, NULL) != YB_OK)
		_exit(99);
}

static bool is_killed(void (*body)(void))
{
	int status = run(body);

	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void make_socket(void)
{
	close_cage();
	(void)socket(AF_INET, SOCK_STREAM, 0);
}

static void open_file(void)
{
	close_cage();
	(void)open("/dev/null", O_RDONLY);
}

static void ask_for_parent(void)
{
	close_cage();
	(void)getppid(); /* harmless, and not on the list */
}

static void other_calls_kill(void **state)
{
	(void)state;
	assert_true(is_killed(make_socket));
	assert_true(is_killed(open_file));
	assert_true(is_killed(ask_for_parent));
}

/* ---- arguments ---- */

static void as_the_rules_say(void)
{
	pid_t self = getpid();

	close_cage();
	if (syscall(SYS_tgkill, self, self, 0) != 0 ||
	    mprotect(NULL, 0, PROT_READ) != 0 ||
	    dup3(1, 200, O_CLOEXEC) != 200 || fcntl(1, F_GETFD) < 0 ||
	    fcntl(1, F_GETFL) < 0)
		_exit(1);
	/* The C library takes clone() where it finds no clone3(). */
	if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
		_exit(2);
}

static void signal_parent(void)
{
	pid_t parent = getppid();

	close_cage();
	(void)syscall(SYS_tgkill, parent, parent, 0);
}

static void make_code(void)
{
	close_cage();
	(void)mprotect(NULL, 0, PROT_READ | PROT_EXEC);
}

static void keep_over_exec(void)
{
	close_cage();
	(void)dup3(1, 200, 0);
}

static void own_descriptor(void)
{
	close_cage();
	(void)fcntl(1, F_SETOWN, 1);
}

static void arguments_count(void **state)
{
	int status = run(as_the_rules_say);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(is_killed(signal_parent));
	assert_true(is_killed(make_code));
	assert_true(is_killed(keep_over_exec));
	assert_true(is_killed(own_descriptor));
}

/* ---- telling ---- */

static int channel[2];

static void make_socket_watched(void)
{
	static const char *const more[] = { "sendmsg", "exit_group", NULL };
	const struct sandbox_calls watched = { .allow = more };
	struct span part = SPAN_LIT("x");
	int listener = -1;

	if (sandbox_seccomp(&watched, &listener) != YB_OK || listener < 0 ||
	    packet_send(channel[1], &part, 1, &listener, 1) != YB_OK)
		_exit(99);
	(void)socket(AF_INET, SOCK_STREAM, 0);
	_exit(98); /* nobody may answer the call */
}

static void breach_is_told(void **state)
{
	struct pollfd ready = { .events = POLLIN };
	struct sandbox_breach breach;
	uint8_t buffer[PACKET_MAX];
	int fds[PACKET_FDS_MAX], status;
	size_t n, fds_n;
	pid_t pid;

	(void)state;
	assert_int_equal(packet_pair(channel), YB_OK);
	pid = fork();
	if (pid == 0)
		make_socket_watched();
	ready.fd = channel[0];
	assert_int_equal(poll(&ready, 1, 10000), 1);
	assert_int_equal(packet_receive(channel[0], buffer, &n, fds, &fds_n),
			 YB_OK);
	assert_int_equal(fds_n, 1);
	ready.fd = fds[0];
	assert_int_equal(poll(&ready, 1, 10000), 1);
	assert_int_equal(sandbox_breach_read(fds[0], &breach), YB_OK);
	assert_int_equal(breach.call, SYS_socket);
	assert_string_equal(breach.name, "socket");
	free((void *)(uintptr_t)breach.name);
	/* It waits, and has not made the call. */
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	fd_close(&fds[0]);
	fd_close(&channel[0]);
	fd_close(&channel[1]);
}

/* ---- files ---- */

static char inside[] = "/tmp/yubin-test-cage-XXXXXX";

static void stay_inside(void)
{
	const struct sandbox_path path = { inside, SANDBOX_WRITE_TREE };
	char name[64];
	enum yb_err err = sandbox_landlock(&path, 1, false);
	int fd;

	if (err == YB_UNSUPPORTED)
		_exit(77);
	if (err != YB_OK)
		_exit(1);
	(void)snprintf(name, sizeof name, "%s/file", inside);
	fd = open(name, O_CREAT | O_RDWR, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || unlink(name) != 0)
		_exit(2);
	if (open("/etc/passwd", O_RDONLY) >= 0)
		_exit(3);
	(void)snprintf(name, sizeof name, "%s/../etc/passwd", inside);
	if (open(name, O_RDONLY) >= 0)
		_exit(4);
}

static void only_one_file(void)
{
	char name[64], other[64];
	struct sandbox_path path = { name, SANDBOX_WRITE_FILE };
	int fd;

	(void)snprintf(name, sizeof name, "%s/one", inside);
	(void)snprintf(other, sizeof other, "%s/two", inside);
	fd = open(name, O_CREAT | O_RDWR, 0600);
	if (fd < 0 || sandbox_landlock(&path, 1, false) != YB_OK)
		_exit(1);
	if (open(name, O_RDWR) < 0)
		_exit(2);
	if (open(other, O_CREAT | O_RDWR, 0600) >= 0)
		_exit(3);
	/* Not even its own folder entry may change. */
	if (unlink(name) == 0)
		_exit(4);
}

static void landlock_keeps_inside(void **state)
{
	char name[64];
	int status;

	(void)state;
	assert_non_null(mkdtemp(inside));
	status = run(stay_inside);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
	status = run(only_one_file);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	(void)snprintf(name, sizeof name, "%s/one", inside);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(rmdir(inside), 0);
}

/* What Landlock knows of that depends on the kernel's version. */
static void keep_off_others(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (version < 6)
		_exit(77);
	if (sandbox_landlock(NULL, 0, false) != YB_OK)
		_exit(1);
	if (bind(fd, (struct sockaddr *)&any, sizeof any) == 0 ||
	    errno != EACCES)
		_exit(2);
	any.sin_port = htons(9);
	if (connect(fd, (struct sockaddr *)&any, sizeof any) == 0 ||
	    errno != EACCES)
		_exit(3);
	if (kill(getppid(), 0) == 0 || errno != EPERM)
		_exit(4);
	if (kill(getpid(), 0) != 0)
		_exit(5);
}

static void landlock_keeps_off_others(void **state)
{
	int status = run(keep_off_others);

	(void)state;
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void lose_root(void)
{
	int folder;
	bool changed;

	if (sandbox_stands_nowhere())
		_exit(1);
	if (process_nowhere(&folder) != YB_OK || fchdir(folder) < 0 ||
	    !sandbox_stands_nowhere())
		_exit(2);
	if (open("x", O_CREAT | O_WRONLY, 0600) >= 0 || mkdir("y", 0700) == 0)
		_exit(3);
	fd_close(&folder);
	if (sandbox_root(".", &changed) != YB_OK)
		_exit(4);
	if (!changed)
		_exit(geteuid() == 0 ? 5 : 77);
	if (open("/etc/passwd", O_RDONLY) >= 0 ||
	    open("../../etc/passwd", O_RDONLY) >= 0 ||
	    open("/x", O_CREAT | O_WRONLY, 0600) >= 0 || chroot("/") == 0)
		_exit(6);
}

static void root_is_an_empty_folder(void **state)
{
	int status = run(lose_root);

	(void)state;
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* without root there is no chroot() */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void lower_limits(void)
{
	struct rlimit limit;

	if (!sandbox_limit(RLIMIT_NOFILE, 64, false) ||
	    getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur != 64 ||
	    limit.rlim_max <= 64)
		_exit(1);
	if (!sandbox_limit(RLIMIT_NOFILE, 100, true) ||
	    getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur != 100 ||
	    limit.rlim_max != 100)
		_exit(2);
	/* Never up again. */
	if (!sandbox_limit(RLIMIT_NOFILE, 200, true) ||
	    getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max != 100)
		_exit(3);
}

static void limits_are_lowered(void **state)
{
	int status = run(lower_limits);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_calls_kill),
		cmocka_unit_test(arguments_count),
		cmocka_unit_test(breach_is_told),
		cmocka_unit_test(landlock_keeps_inside),
		cmocka_unit_test(landlock_keeps_off_others),
		cmocka_unit_test(root_is_an_empty_folder),
		cmocka_unit_test(limits_are_lowered),
	};

	return cmocka_run_group_tests_name("os/sandbox", tests, NULL, NULL);
}
