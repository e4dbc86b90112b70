/*
 * Cages are one-way, so each case runs in a child and tells by its exit.
 */
#include "unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/sandbox.h"

static const char *const allow[] = { "write", "exit", "exit_group", "close",
				     "brk", "mmap", "munmap", "futex",
				     "rt_sigreturn", NULL };
static const char *const deadly[] = { "socket", "openat", "open", NULL };
static const struct sandbox_calls calls = { allow, deadly };

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

static void close_cage(bool strict)
{
	if (sandbox_seccomp(&calls, strict) != YB_OK)
		_exit(99);
}

static void make_socket(void)
{
	close_cage(false);
	(void)socket(AF_INET, SOCK_STREAM, 0);
}

static void open_file(void)
{
	close_cage(false);
	(void)open("/dev/null", O_RDONLY);
}

static void ask_for_parent(void)
{
	close_cage(false);
	if (getppid() != -1)
		_exit(1); /* not on the list: fails, does not kill */
}

static void ask_for_parent_strictly(void)
{
	close_cage(true);
	(void)getppid();
}

static void deadly_calls_kill(void **state)
{
	int status = run(make_socket);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
	status = run(open_file);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void other_calls_fail(void **state)
{
	int status = run(ask_for_parent);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void other_calls_kill_in_test_builds(void **state)
{
	int status = run(ask_for_parent_strictly);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static char inside[] = "/tmp/yubin-test-cage-XXXXXX";

static void stay_inside(void)
{
	const struct sandbox_path path = { inside, SANDBOX_WRITE_TREE };
	char name[64];
	enum yb_err err = sandbox_landlock(&path, 1);
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
	if (fd < 0 || sandbox_landlock(&path, 1) != YB_OK)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadly_calls_kill),
		cmocka_unit_test(other_calls_fail),
		cmocka_unit_test(other_calls_kill_in_test_builds),
		cmocka_unit_test(landlock_keeps_inside),
	};

	return cmocka_run_group_tests_name("os/sandbox", tests, NULL, NULL);
}
