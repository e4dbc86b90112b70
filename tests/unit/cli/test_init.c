/*
 * `yubin init` and the account commands without a server: what is on the disk
 * afterwards, with which rights, and that all of it may be repeated. Run by
 * root the commands become an ordinary user: system users are not for tests.
 */
#include "unit/unit.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "config/config.h"
#include "os/fd.h"
#include "os/file.h"
#include "store/store.h"

enum { NOBODY = 65534, WORDS_MAX = 16 };

struct place {
	char folder[64];
	char out[80];         /* what a command printed */
	char text[64 * 1024]; /* the same, read */
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	*state = p;
	strcpy(p->folder, "/tmp/yubin-init-XXXXXX");
	if (mkdtemp(p->folder) == NULL)
		return -1;
	(void)snprintf(p->out, sizeof p->out, "%s.out", p->folder);
	return geteuid() == 0 ? chown(p->folder, NOBODY, NOBODY) : 0;
}

/* Runs a line of arguments ("@" is the folder) with `input`; the exit code. */
static int yubin(struct place *p, const char *input, const char *line)
{
	char text[512];
	char *argv[WORDS_MAX] = { 0 };
	struct command_parse parsed;
	struct buf printed;
	int argc = 0, status, pipe_fds[2];
	size_t n = 0;
	pid_t pid;

	n = (size_t)snprintf(text, sizeof text, "yubin ");
	for (const char *c = line; *c != 0; c++)
		n += (size_t)(*c == '@' ? snprintf(text + n, sizeof text - n,
						   "%s", p->folder)
					: snprintf(text + n, sizeof text - n,
						   "%c", *c == '%' ? '@' : *c));
	for (char *w = strtok(text, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	assert_int_equal(command_parse(argc, argv, &parsed), COMMAND_ASK_RUN);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(write(pipe_fds[1], input, strlen(input)),
			 strlen(input));
	fd_close(&pipe_fds[1]);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int out = open(p->out, O_RDWR | O_CREAT | O_TRUNC, 0600);

		alarm(60);
		if (geteuid() == 0 &&
		    (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 ||
		     setuid(NOBODY) < 0))
			_exit(99);
		(void)umask(077);
		(void)dup2(pipe_fds[0], STDIN_FILENO);
		(void)dup2(out, STDOUT_FILENO);
		(void)dup2(out, STDERR_FILENO);
		status = parsed.inv.command->run(&parsed.inv);
		(void)fflush(stdout);
		_exit(status);
	}
	fd_close(&pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	buf_init(&printed, sizeof p->text - 1);
	assert_ok(file_read(p->out, &printed));
	memcpy(p->text, printed.p != NULL ? (char *)printed.p : "", printed.n);
	p->text[printed.n] = 0;
	buf_done(&printed);
	return WEXITSTATUS(status);
}

static void assert_says(const struct place *p, const char *want)
{
	if (strstr(p->text, want) == NULL)
		fail_msg("want: %s\ngot: %s", want, p->text);
}

static void path_of(const struct place *p, const char *name, char ret[128])
{
	(void)snprintf(ret, 128, "%s/%s", p->folder, name);
}

static struct stat look(const struct place *p, const char *name)
{
	char path[128];
	struct stat st;

	path_of(p, name, path);
	if (lstat(path, &st) < 0)
		fail_msg("%s is missing", path);
	return st;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	char command[256];

	(void)snprintf(command, sizeof command, "rm -rf '%s' '%s'", p->folder,
		       p->out);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static const struct {
	const char *name;
	unsigned mode;
} made[] = {
	{ "d", S_IFDIR | 0755 },
	{ "d/yubin.yaml", S_IFREG | 0644 },
	{ "d/store", S_IFDIR | 0700 },
	{ "d/auth", S_IFDIR | 0700 },
	{ "d/run", S_IFDIR | 0755 },
	{ "d/tls/ca.pem", S_IFREG | 0644 },
	{ "d/tls/ca.key", S_IFREG | 0600 },
	{ "d/tls/server.pem", S_IFREG | 0644 },
	{ "d/tls/server.key", S_IFREG | 0600 },
};

static void test_init(void **state)
{
	struct place *p = *state;
	struct stat before[ARRAY_LEN(made)];

	assert_int_equal(yubin(p, "", "init @/d --loopback --port-base 7000"),
			 0);
	assert_says(p, "yubin serve -c ");
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		before[i] = look(p, made[i].name);
		assert_int_equal(before[i].st_mode, made[i].mode);
	}
	assert_int_equal(yubin(p, "", "check -c @/d/yubin.yaml"), 0);
	assert_int_equal(yubin(p, "", "check --show -c @/d/yubin.yaml"), 0);
	assert_says(p, "pop3s: {address: [\"127.0.0.1:7995\"], tls: implicit}");
	assert_says(p, "lmtp: {address: [\"run/lmtp\", \"127.0.0.1:7024\"]");
	/* Again: what is there stays, and other wishes are not ignored. */
	assert_int_equal(yubin(p, "", "init @/d --hostname other.example"), 1);
	assert_says(p, "kept");
	assert_says(p, "has \"localhost\" as hostname, not \"other.example\"");
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		struct stat st = look(p, made[i].name);

		assert_int_equal(st.st_ino, before[i].st_ino);
		assert_int_equal(st.st_mode, made[i].mode);
	}
}

static void test_init_repairs(void **state)
{
	struct place *p = *state;
	struct stat ca;
	char path[128], other[128];

	assert_int_equal(yubin(p, "", "init @/d --hostname mail.a.example"), 0);
	assert_int_equal(yubin(p, "", "check --show -c @/d/yubin.yaml"), 0);
	assert_says(p, "hostname: mail.a.example\ndefault_domain: a.example\n");
	ca = look(p, "d/tls/ca.key");
	/* A missing folder or certificate comes back, by the same authority. */
	path_of(p, "d/store", path);
	assert_int_equal(rmdir(path), 0);
	path_of(p, "d/tls/server.key", path);
	assert_int_equal(unlink(path), 0);
	path_of(p, "d/tls/server.pem", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(yubin(p, "", "check -c @/d/yubin.yaml"), 10);
	assert_int_equal(yubin(p, "", "init @/d"), 0);
	assert_int_equal(yubin(p, "", "check -c @/d/yubin.yaml"), 0);
	assert_int_equal(look(p, "d/tls/ca.key").st_ino, ca.st_ino);
	/* Half a pair is not written over. */
	path_of(p, "d/tls/server.pem", path);
	path_of(p, "d/tls/kept.pem", other);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(yubin(p, "", "init @/d"), 1);
	assert_says(p, "server.key exists and");
	assert_int_equal(rename(other, path), 0);
	/* Rights that were opened are closed again. */
	path_of(p, "d/store", path);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(yubin(p, "", "check -c @/d/yubin.yaml"), 10);
	assert_says(p, "chmod 700");
	assert_int_equal(yubin(p, "", "init @/d"), 0);
	assert_int_equal(yubin(p, "", "check -c @/d/yubin.yaml"), 0);
}

static void test_init_refuses(void **state)
{
	struct place *p = *state;
	char path[128];

	assert_int_equal(yubin(p, "", "init --loopback"), 2);
	assert_int_equal(yubin(p, "", "init @/d --port-base 1"), 2);
	assert_int_equal(yubin(p, "", "init @/d --loopback --port-base 64541"),
			 2);
	assert_int_equal(yubin(p, "", "init @/d --loopback --port-base -1"), 2);
	assert_int_equal(yubin(p, "", "init @/d --hostname bad_name"), 10);
	assert_says(p, "\"bad_name\" is not a domain name");
	/* Nothing of it was left that looks like a server. */
	path_of(p, "d/yubin.yaml", path);
	assert_true(access(path, F_OK) < 0);
	assert_int_equal(yubin(p, "", "init /proc/nowhere/d"), 1);
	assert_says(p, "cannot make /proc/nowhere");
	assert_ok(file_replace(path, SPAN_LIT("bad: 1\n"), 0644));
	assert_int_equal(yubin(p, "", "init @/d"), 10);
	assert_says(p, "yubin.yaml:1:1: unknown key \"bad\"");
	assert_int_equal(yubin(p, "", "init @/d --loopback --port-base 64540"),
			 10);
}

/* ---- accounts without a server ---- */

static void test_accounts(void **state)
{
	struct place *p = *state;
	char generated[64];

	assert_int_equal(yubin(p, "", "init @/d --loopback"), 0);
	assert_int_equal(yubin(p, "", "account list -c @/d/yubin.yaml"), 0);
	assert_string_equal(p->text, "");
	/* Standard output has the password and nothing else. */
	assert_int_equal(yubin(p, "",
			       "account add -c @/d/yubin.yaml "
			       "alice%a.example"),
			 0);
	assert_true(strlen(p->text) > 20 && strlen(p->text) < 40);
	assert_ptr_equal(strchr(p->text, '\n'), p->text + strlen(p->text) - 1);
	memcpy(generated, p->text, strlen(p->text) + 1);
	assert_int_equal(yubin(p, "",
			       "account password -c @/d/yubin.yaml "
			       "alice%a.example"),
			 0);
	assert_string_not_equal(generated, p->text);
	assert_int_equal(yubin(p, "",
			       "account add -c @/d/yubin.yaml "
			       "alice%a.example"),
			 1);
	assert_says(p, "exists already");
	assert_int_equal(yubin(p, "weak\n",
			       "account add -c @/d/yubin.yaml "
			       "bob%a.example --password-stdin"),
			 1);
	assert_says(p, "too weak");
	assert_int_equal(yubin(p, "weak\n",
			       "account add -c @/d/yubin.yaml "
			       "bob%a.example --password-stdin "
			       "--allow-weak"),
			 0);
	assert_string_equal(p->text, "");
	assert_int_equal(yubin(p, "\n",
			       "account password -c @/d/yubin.yaml "
			       "bob%a.example --password-stdin"),
			 1);
	assert_says(p, "standard input has no password");
	assert_int_equal(yubin(p, "", "account add -c @/d/yubin.yaml nobody"),
			 1);
	assert_says(p, "is not valid");
	assert_int_equal(yubin(p, "", "account list -c @/d/yubin.yaml"), 0);
	assert_true(strncmp(p->text, "alice@a.example ", 16) == 0);
	assert_says(p, "\nbob@a.example ");
	assert_int_equal(yubin(p, "", "account list --json -c @/d/yubin.yaml"),
			 0);
	assert_says(p, "\"address\": \"bob@a.example\"");
	assert_says(p, "\"last_login\": null");
}

static void test_account_show_and_remove(void **state)
{
	struct place *p = *state;

	assert_int_equal(yubin(p, "", "init @/d --loopback --port-base 7000"),
			 0);
	assert_int_equal(yubin(p, "",
			       "account add -c @/d/yubin.yaml "
			       "alice%a.example --json"),
			 0);
	assert_says(p, "\"password\": \"");
	assert_int_equal(yubin(p, "",
			       "account show -c @/d/yubin.yaml "
			       "alice%a.example"),
			 0);
	assert_says(p, "server      localhost, port 7995, security TLS\n"
		       "  server      localhost, port 7110, security STARTTLS");
	assert_says(p, "0 messages, 0 octets");
	assert_int_equal(yubin(p, "",
			       "account show -c @/d/yubin.yaml "
			       "eve%a.example"),
			 1);
	assert_says(p, "there is no account eve@a.example");
	/* Without a terminal and without --yes nothing is removed. */
	assert_int_equal(yubin(p, "yes\n",
			       "account remove -c @/d/yubin.yaml "
			       "alice%a.example"),
			 1);
	assert_says(p, "--yes");
	assert_int_equal(yubin(p, "",
			       "account remove -c @/d/yubin.yaml "
			       "--yes alice%a.example"),
			 0);
	assert_says(p, "removed alice@a.example and 0 messages");
	assert_int_equal(yubin(p, "",
			       "account remove -c @/d/yubin.yaml "
			       "--yes alice%a.example"),
			 1);
}

/* All come in the order of their addresses, and once. */
static void test_list(void **state)
{
	struct place *p = *state;
	const char *at;
	size_t n = 0;

	assert_int_equal(yubin(p, "", "init @/d --loopback"), 0);
	for (unsigned i = 0; i < 12; i++) {
		char line[128];

		(void)snprintf(line, sizeof line,
			       "account add -c @/d/yubin.yaml u%02u%%a.example",
			       i);
		assert_int_equal(yubin(p, "", line), 0);
	}
	assert_int_equal(yubin(p, "", "account list -c @/d/yubin.yaml"), 0);
	for (at = p->text; (at = strstr(at, "@a.example")) != NULL; at++) {
		assert_int_equal((at[-2] - '0') * 10 + at[-1] - '0', n);
		n++;
	}
	assert_int_equal(n, 12);
}

static void test_store_in_use(void **state)
{
	struct place *p = *state;
	struct store *st;
	struct store_config config;
	char path[128];

	assert_int_equal(yubin(p, "", "init @/d --loopback"), 0);
	assert_int_equal(yubin(p, "", "status -c @/d/yubin.yaml"), 11);
	assert_says(p, "the server does not run");
	/* Once, so that the lock belongs to the commands' user. */
	assert_int_equal(yubin(p, "", "account list -c @/d/yubin.yaml"), 0);
	path_of(p, "d/store", path);
	config = (struct store_config){ .path = path };
	assert_ok(store_open(&config, &st));
	assert_int_equal(yubin(p, "", "account list -c @/d/yubin.yaml"), 12);
	assert_says(p, "in use by another process");
	store_close(&st);
	assert_int_equal(yubin(p, "", "account list -c @/d/yubin.yaml"), 0);
	assert_int_equal(yubin(p, "", "account list -c @/d/none.yaml"), 10);
	assert_says(p, "run `yubin init` first");
}

static void test_check_as_json(void **state)
{
	struct place *p = *state;
	char path[128];

	path_of(p, "y.yaml", path);
	assert_ok(file_replace(path, SPAN_LIT("a: 1\nb: \"\\\"\\n\"\n"), 0644));
	assert_int_equal(yubin(p, "", "check --json -c @/y.yaml"), 10);
	assert_says(p, "\"line\": 2,\n      \"column\": 1,\n      \"text\": "
		       "\"unknown key \\\"b\\\"\"");
	assert_says(p, "\"valid\": false");
	assert_int_equal(yubin(p, "", "check --json --show -c @/y.yaml"), 2);
}

int main(void)
{
#define PLACE(test) \
	cmocka_unit_test_setup_teardown(test, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		PLACE(test_init),
		PLACE(test_init_repairs),
		PLACE(test_init_refuses),
		PLACE(test_accounts),
		PLACE(test_account_show_and_remove),
		PLACE(test_list),
		PLACE(test_store_in_use),
		PLACE(test_check_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
