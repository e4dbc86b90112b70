/*
 * The real disk behind os/storage.h; what may stand in place of a file of
 * ours is threat 55.
 */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/unit.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/storage.h"

struct fixture {
	char path[64];
	const struct os_storage *os;
	int root;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	(void)strcpy(f->path, "/tmp/yubin-disk.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->os = storage_disk();
	assert_ok(f->os->open_root(f->os->ctx, f->path, &f->root));
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->os->close(f->os->ctx, f->root);
	assert_int_equal(nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS),
			 0);
	free(f);
	return 0;
}

static enum yb_err open_it(struct fixture *f, const char *path,
			   enum storage_how how, int *ret_fd)
{
	return f->os->open(f->os->ctx, f->root, path, how, ret_fd);
}

static void test_write_and_read(void **state)
{
	struct fixture *f = *state;
	const struct os_storage *os = f->os;
	struct iovec iov[] = { { (void *)(uintptr_t) "one", 3 },
			       { NULL, 0 },
			       { (void *)(uintptr_t) "twothree", 8 } };
	char text[32] = "";
	uint64_t size;
	size_t n;
	int fd;

	assert_ok(open_it(f, "file", STORAGE_CREATE, &fd));
	assert_ok(os->write(os->ctx, fd, iov, 3, 5));
	assert_ok(os->size(os->ctx, fd, &size));
	assert_int_equal(size, 16);
	assert_ok(os->read(os->ctx, fd, text, sizeof text, 5, &n));
	assert_int_equal(n, 11);
	assert_string_equal(text, "onetwothree");
	assert_ok(os->read(os->ctx, fd, text, sizeof text, 16, &n));
	assert_int_equal(n, 0);
	assert_ok(os->sync(os->ctx, fd));
	assert_ok(os->cut(os->ctx, fd, 8));
	assert_ok(os->size(os->ctx, fd, &size));
	assert_int_equal(size, 8);
	assert_ok(os->sync_folder(os->ctx, f->root));
	os->close(os->ctx, fd);
	assert_int_equal(open_it(f, "file", STORAGE_CREATE, &fd), YB_EXISTS);
}

/* The end of the file stays the end of the log. */
static void test_reserve_keeps_size(void **state)
{
	struct fixture *f = *state;
	enum yb_err err;
	uint64_t size;
	int fd;

	assert_ok(open_it(f, "file", STORAGE_CREATE, &fd));
	err = f->os->reserve(f->os->ctx, fd, 0, 1 << 20);
	assert_true(err == YB_OK || err == YB_UNSUPPORTED);
	assert_ok(f->os->size(f->os->ctx, fd, &size));
	assert_int_equal(size, 0);
	f->os->close(f->os->ctx, fd);
}

static void test_folders_and_names(void **state)
{
	struct fixture *f = *state;
	const struct os_storage *os = f->os;
	int a, b, fd;

	assert_ok(os->make_folder(os->ctx, f->root, "a"));
	assert_int_equal(os->make_folder(os->ctx, f->root, "a"), YB_EXISTS);
	assert_ok(os->make_folder(os->ctx, f->root, "b"));
	assert_ok(open_it(f, "a", STORAGE_FOLDER, &a));
	assert_ok(open_it(f, "b", STORAGE_FOLDER, &b));
	assert_ok(os->open(os->ctx, a, "x", STORAGE_CREATE, &fd));
	os->close(os->ctx, fd);
	assert_ok(open_it(f, "a/x", STORAGE_READ, &fd));
	os->close(os->ctx, fd);
	assert_ok(os->rename(os->ctx, a, "x", b, "y", false));
	assert_ok(os->open(os->ctx, a, "x", STORAGE_CREATE, &fd));
	os->close(os->ctx, fd);
	assert_int_equal(os->rename(os->ctx, a, "x", b, "y", false), YB_EXISTS);
	assert_ok(os->rename(os->ctx, a, "x", b, "y", true));
	assert_int_equal(os->rename(os->ctx, a, "x", b, "y", true),
			 YB_NOT_FOUND);
	assert_int_equal(os->remove(os->ctx, f->root, "b", true), YB_EXISTS);
	assert_ok(os->remove(os->ctx, b, "y", false));
	assert_ok(os->remove(os->ctx, f->root, "b", true));
	os->close(os->ctx, a);
	os->close(os->ctx, b);
}

static enum yb_err count_name(void *ctx, const char *name)
{
	struct {
		struct fixture *f;
		unsigned n;
	} *c = ctx;

	assert_string_not_equal(name, ".");
	assert_string_not_equal(name, "..");
	c->n++;
	/* Names may go meanwhile. */
	return c->f->os->remove(NULL, c->f->root, name, false);
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct {
		struct fixture *f;
		unsigned n;
	} c = { f, 0 };
	char name[16];
	int fd;

	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof name, "%d", i);
		assert_ok(open_it(f, name, STORAGE_CREATE, &fd));
		f->os->close(f->os->ctx, fd);
	}
	assert_ok(f->os->list(f->os->ctx, f->root, count_name, &c));
	assert_int_equal(c.n, 300);
	c.n = 0;
	assert_ok(f->os->list(f->os->ctx, f->root, count_name, &c));
	assert_int_equal(c.n, 0);
}

static void test_hostile_names(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, socket_fd;

	assert_int_equal(chdir(f->path), 0);
	assert_ok(open_it(f, "real", STORAGE_CREATE, &fd));
	f->os->close(f->os->ctx, fd);
	assert_int_equal(symlink("real", "symlink"), 0);
	assert_int_equal(link("real", "hardlink"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(symlink("folder", "linked"), 0);
	assert_int_equal(close(open("folder/f", O_CREAT | O_WRONLY, 0600)), 0);
	socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)strcpy(addr.sun_path, "socket");
	assert_int_equal(bind(socket_fd, (void *)&addr, sizeof addr), 0);
	(void)close(socket_fd);
	static const char *const names[] = {
		"symlink",     "hardlink",       "real",     "fifo",
		"folder",      "socket",         "linked/f", "../x",
		"/etc/passwd", "folder/../../x", "missing",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_int_not_equal(open_it(f, names[i], STORAGE_READ, &fd),
				     YB_OK);
		assert_int_not_equal(open_it(f, names[i], STORAGE_WRITE, &fd),
				     YB_OK);
	}
	assert_int_not_equal(open_it(f, "linked", STORAGE_FOLDER, &fd), YB_OK);
	assert_int_not_equal(open_it(f, "symlink", STORAGE_CREATE, &fd), YB_OK);
	assert_ok(open_it(f, "folder/f", STORAGE_WRITE, &fd));
	f->os->close(f->os->ctx, fd);
	assert_int_equal(chdir("/"), 0);
}

static void test_lock(void **state)
{
	struct fixture *f = *state;
	int a, b;

	assert_ok(open_it(f, "lock", STORAGE_CREATE, &a));
	assert_ok(open_it(f, "lock", STORAGE_WRITE, &b));
	assert_ok(f->os->lock(f->os->ctx, a));
	assert_int_equal(f->os->lock(f->os->ctx, b), YB_BUSY);
	f->os->close(f->os->ctx, a);
	assert_ok(f->os->lock(f->os->ctx, b));
	f->os->close(f->os->ctx, b);
}

static void test_unnamed(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int fd;

	assert_ok(f->os->open_unnamed(f->os->ctx, f->root, &fd));
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	f->os->close(f->os->ctx, fd);
}

/* ---- a race for what is opened (threat 55) ---- */

/* At least so long, and at most where the machine is busy. */
enum { RACE_MS = 1000, RACE_MOST_MS = 30000 };

struct race {
	struct fixture *f;
	_Atomic bool over;
	_Atomic unsigned swaps;
};

/*
 * Each takes the name "mail" by a rename, as fast as it can. (What a second
 * name leads to is of the same user's, or the kernel lets nobody make it.)
 */
static void *swap_names(void *ctx)
{
	struct race *r = ctx;
	int dir = r->f->root;

	for (; !r->over; r->swaps++) {
		int fd = -1;

		(void)unlinkat(dir, "next", 0);
		switch (r->swaps % 5) {
		case 0:
			fd = openat(dir, "next", O_CREAT | O_WRONLY, 0600);
			(void)!write(fd, "ours", 4);
			(void)close(fd);
			break;
		case 1:
			(void)!symlinkat("secret", dir, "next");
			break;
		case 2:
			(void)!linkat(dir, "twice", dir, "next", 0);
			break;
		case 3:
			(void)!mkfifoat(dir, "next", 0600);
			break;
		default:
			(void)!symlinkat("/dev/zero", dir, "next");
			break;
		}
		(void)renameat(dir, "next", dir, "mail");
		/* On one processor too, each is met. */
		(void)sched_yield();
	}
	return NULL;
}

static bool goes_on(const struct race *r, unsigned opened, uint64_t ms)
{
	return ms < RACE_MS ||
	       (ms < RACE_MOST_MS && (r->swaps <= 100 || opened <= 10));
}

/*
 * Whatever stands there at that moment: what comes out is a file of ours, or
 * an error, and at once.
 */
static void test_race(void **state)
{
	static const enum storage_how hows[] = { STORAGE_READ, STORAGE_WRITE,
						 STORAGE_CREATE };
	struct fixture *f = *state;
	struct race race = { .f = f };
	unsigned tries = 0, opened = 0, wrong = 0;
	uint64_t begun = clock_mono_ms();
	struct stat st;
	pthread_t thread;
	int fd, secret, twice;

	assert_ok(open_it(f, "twice", STORAGE_CREATE, &twice));
	f->os->close(f->os->ctx, twice);
	assert_ok(open_it(f, "secret", STORAGE_CREATE, &secret));
	assert_int_equal(write(secret, "do not read or write", 20), 20);
	assert_int_equal(fstat(secret, &st), 0);
	assert_int_equal(pthread_create(&thread, NULL, swap_names, &race), 0);
	for (; goes_on(&race, opened, clock_mono_ms() - begun); tries++) {
		struct stat got;
		char text[8] = "";

		if (open_it(f, "mail", hows[tries % 3], &fd) != YB_OK)
			continue;
		opened++;
		/* It may not be written yet. */
		if (fstat(fd, &got) < 0 || !S_ISREG(got.st_mode) ||
		    got.st_ino == st.st_ino ||
		    pread(fd, text, sizeof text, 0) > 4 ||
		    (text[0] != 0 && strcmp(text, "ours") != 0))
			wrong++;
		f->os->close(f->os->ctx, fd);
	}
	/* Before anything fails: the other thread works on `race`. */
	race.over = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(wrong, 0);
	assert_true(race.swaps > 100 && tries > 100 && opened > 10);
	f->os->close(f->os->ctx, secret);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_write_and_read),
		T(test_reserve_keeps_size),
		T(test_folders_and_names),
		T(test_list),
		T(test_hostile_names),
		T(test_lock),
		T(test_unnamed),
		cmocka_unit_test_setup_teardown(test_race, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
