/*
 * The real disk and real threads: group commit, many mailboxes at once,
 * snapshots and expunges in between; and what somebody may have put in place
 * of a file (threat 55).
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "unit/store/store_help.h"

#include "os/fd.h"
#include "os/memfd.h"
#include "store/private.h"

struct fixture {
	char path[64];
	struct store *st;
	unsigned reports;
	/* The disk, counting. */
	struct os_storage os;
	_Atomic unsigned syncs;
	_Atomic unsigned failing; /* syncs that are to fail */
};

static void on_report(void *ctx, const char *line)
{
	(void)line;
	((struct fixture *)ctx)->reports++;
}

static enum yb_err counted_sync(void *ctx, int fd)
{
	struct fixture *f = ctx;
	unsigned failing = atomic_load(&f->failing);

	atomic_fetch_add(&f->syncs, 1);
	while (failing > 0)
		if (atomic_compare_exchange_weak(&f->failing, &failing,
						 failing - 1))
			return YB_IO;
	return storage_disk()->sync(NULL, fd);
}

static void open_store(struct fixture *f)
{
	struct store_config config = { .path = f->path,
				       .os = &f->os,
				       .threads = 8,
				       .report = on_report,
				       .ctx = f };

	assert_ok(store_open(&config, &f->st));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->os = *storage_disk();
	f->os.ctx = f; /* the disk's own calls do not look at it */
	f->os.sync = counted_sync;
	(void)strcpy(f->path, "/tmp/yubin-store.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	open_store(f);
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

	store_close(&f->st);
	assert_int_equal(nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS),
			 0);
	free(f);
	return 0;
}

struct tally {
	unsigned done, ok;
};

static void on_delivered(void *ctx, const enum yb_err *errs, size_t n)
{
	struct tally *t = ctx;

	t->done++;
	for (size_t i = 0; i < n; i++)
		t->ok += errs[i] == YB_OK;
}

static void begin(struct fixture *f, struct store_place place, const char *wire,
		  struct tally *t)
{
	struct store_delivery d = { .mode = STORE_EACH,
				    .places = &place,
				    .places_n = 1,
				    .fd = -1,
				    .wire = span_str(wire) };

	store_deliver(f->st, &d, on_delivered, t);
}

static void wait_all(struct fixture *f, const unsigned *done, unsigned n)
{
	while (*done < n) {
		struct pollfd p = { .fd = store_fd(f->st), .events = POLLIN };

		assert_int_equal(poll(&p, 1, 20000), 1);
		store_run(f->st);
	}
}

/* While a log is being synced, later appends wait for its next sync. */
static void test_group_commit(void **state)
{
	enum { N = 400 };
	struct fixture *f = *state;
	struct store_totals totals;
	struct tally t = { 0 };
	unsigned before;

	assert_ok(help_deliver(f->st, help_place(1), ".\r\n"));
	before = atomic_load(&f->syncs);
	for (unsigned i = 0; i < N; i++)
		begin(f, help_place(1), "x\r\n.\r\n", &t);
	assert_int_equal(t.done, 0); /* I2: nothing before its sync */
	assert_false(store_is_idle(f->st));
	wait_all(f, &t.done, N);
	assert_int_equal(t.ok, N);
	assert_true(atomic_load(&f->syncs) - before < N / 10);
	assert_ok(help_totals(f->st, help_place(1), &totals));
	assert_int_equal(totals.messages, N + 1);
	assert_true(store_is_idle(f->st));
}

static void test_many_mailboxes(void **state)
{
	enum { MAILBOXES = 40, ROUNDS = 10 };
	struct fixture *f = *state;
	struct tally t = { 0 };
	char wire[64];

	for (unsigned round = 0; round < ROUNDS; round++)
		for (uint8_t a = 0; a < MAILBOXES; a++) {
			(void)snprintf(wire, sizeof wire, "%u of %u\r\n.\r\n",
				       round, a);
			begin(f, help_place(a), wire, &t);
		}
	wait_all(f, &t.done, MAILBOXES * ROUNDS);
	assert_int_equal(t.ok, MAILBOXES * ROUNDS);
	for (int again = 0; again < 2; again++) {
		for (uint8_t a = 0; a < MAILBOXES; a++) {
			char want[ROUNDS * 32] = "";

			for (unsigned round = 0; round < ROUNDS; round++)
				(void)snprintf(want + strlen(want), 32,
					       "%u of %u\r\n.\r\n", round, a);
			help_expect(f->st, storage_disk(), help_place(a), want);
		}
		store_close(&f->st);
		open_store(f);
	}
	assert_int_equal(f->reports, 0);
}

/* Large and small, one mailbox: in the order in which they came. */
static void test_order_behind_a_large_body(void **state)
{
	struct fixture *f = *state;
	struct store_place place = help_place(1);
	struct store_delivery d = { .mode = STORE_EACH,
				    .places = &place,
				    .places_n = 1 };
	struct tally t = { 0 };
	size_t n = 3u << 20;
	char *body = malloc(n + 8);
	struct store_snapshot *s;
	struct listing l;

	memset(body, 'a', n);
	memcpy(body + n, "\r\n.\r\n", 6);
	assert_ok(store_spool(f->st, &d.fd));
	assert_int_equal(write(d.fd, body, n + 5), n + 5);
	d.wire_n = n + 5;
	begin(f, place, "before\r\n.\r\n", &t);
	store_deliver(f->st, &d, on_delivered, &t);
	begin(f, place, "behind\r\n.\r\n", &t);
	begin(f, help_place(2), "elsewhere\r\n.\r\n", &t);
	wait_all(f, &t.done, 4);
	assert_int_equal(t.ok, 4);
	assert_ok(help_open(f->st, place, &s));
	l = help_listing(s);
	assert_int_equal(l.head->count, 3);
	assert_int_equal(l.rows[1].wire_size, n + 5);
	assert_int_equal(l.rows[0].wire_size, 11);
	store_snapshot_close(&s);
	(void)close(d.fd);
	free(body);
}

static void on_expunged(void *ctx, enum yb_err err, struct store_change change)
{
	(void)change;
	assert_ok(err);
	++*(unsigned *)ctx;
}

/* Sessions that list and delete while mail comes in. */
static void test_sessions_in_between(void **state)
{
	enum { ROUNDS = 60 };
	struct fixture *f = *state;
	struct store_place place = help_place(1);
	struct tally t = { 0 };
	unsigned expunged = 0, asked = 0;
	uint32_t highest = 0;
	struct store_totals totals;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct store_snapshot *a, *b;
		struct listing l;

		for (int i = 0; i < 5; i++)
			begin(f, place, "mail\r\n.\r\n", &t);
		assert_ok(help_open(f->st, place, &a));
		assert_ok(help_open(f->st, place, &b));
		l = help_listing(a);
		for (uint32_t i = 1; i < l.head->count; i++)
			assert_true(l.rows[i].uid > l.rows[i - 1].uid);
		if (l.head->count > 0) {
			struct uid_range r = { l.rows[0].uid, l.rows[0].uid };

			assert_true(r.first > highest);
			highest = r.first;
			/* Both sessions delete the same message. */
			store_expunge(a, NULL, &r, 1, on_expunged, &expunged);
			store_expunge(b, NULL, &r, 1, on_expunged, &expunged);
			asked += 2;
		}
		store_snapshot_close(&a);
		store_snapshot_close(&b);
		wait_all(f, &expunged, asked);
	}
	wait_all(f, &t.done, ROUNDS * 5);
	assert_int_equal(t.ok, ROUNDS * 5);
	assert_ok(help_totals(f->st, place, &totals));
	assert_int_equal(totals.messages, ROUNDS * 5 - asked / 2);
	store_close(&f->st);
	open_store(f);
	assert_ok(help_totals(f->st, place, &totals));
	assert_int_equal(totals.messages, ROUNDS * 5 - asked / 2);
}

/* I11 with syncs in flight: what is answered OK is there afterwards. */
static void test_failing_syncs(void **state)
{
	struct fixture *f = *state;
	struct store_place place = help_place(1);
	struct store_totals totals;
	unsigned ok = 0;

	assert_ok(help_deliver(f->st, place, ".\r\n"));
	for (int round = 0; round < 20; round++) {
		struct tally t = { 0 };

		if (round % 4 == 1)
			atomic_store(&f->failing, 1);
		for (int i = 0; i < 8; i++)
			begin(f, place, "x\r\n.\r\n", &t);
		wait_all(f, &t.done, 8);
		ok += t.ok;
		/* The new generation is made behind the answers. */
		while (!store_is_idle(f->st)) {
			struct pollfd p = { .fd = store_fd(f->st),
					    .events = POLLIN };

			(void)poll(&p, 1, 1000);
			store_run(f->st);
		}
	}
	/* One sync covered the first, none was asked for the others. */
	assert_int_equal(ok, 15 * 8);
	store_close(&f->st);
	open_store(f);
	assert_ok(help_totals(f->st, place, &totals));
	assert_int_equal(totals.messages, ok + 1);
	assert_int_equal(f->reports, 0);
}

/* An account goes while mail for it is on the way. */
static void test_removal_under_load(void **state)
{
	struct fixture *f = *state;
	struct tally t = { 0 };
	struct help_answer a = { 0 };
	unsigned more;

	for (int i = 0; i < 30; i++)
		begin(f, help_place(1), "x\r\n.\r\n", &t);
	store_remove_account(f->st, help_place(1).account, help_on_done, &a);
	/* Until it is gone nothing is taken for it. */
	begin(f, help_place(1), "x\r\n.\r\n", &t);
	begin(f, help_place(2), "y\r\n.\r\n", &t);
	help_wait(f->st, &a.done);
	assert_ok(a.err);
	wait_all(f, &t.done, 32);
	help_expect(f->st, storage_disk(), help_place(1), "");
	help_expect(f->st, storage_disk(), help_place(2), "y\r\n.\r\n");
	more = t.done;
	begin(f, help_place(1), "z\r\n.\r\n", &t);
	wait_all(f, &t.done, more + 1);
	help_expect(f->st, storage_disk(), help_place(1), "z\r\n.\r\n");
}

static void test_lock(void **state)
{
	struct fixture *f = *state;
	struct store_config config = { .path = f->path };
	struct store *second = NULL;

	assert_int_equal(store_open(&config, &second), YB_BUSY);
	assert_null(second);
	store_close(&f->st);
	assert_ok(store_open(&config, &second));
	assert_int_equal(store_fd(second), -1);
	store_close(&second);
	config.path = "/nonexistent/store";
	assert_int_equal(store_open(&config, &second), YB_NOT_FOUND);
	open_store(f);
}

/* What a worker gets cannot write. */
static void test_log_is_read_only(void **state)
{
	struct fixture *f = *state;
	struct store_snapshot *s;
	int fd, same;

	assert_ok(help_deliver(f->st, help_place(1), "x\r\n.\r\n"));
	assert_ok(help_open(f->st, help_place(1), &s));
	assert_ok(store_snapshot_log(s, &fd));
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_ok(store_snapshot_log(s, &same));
	assert_int_equal(fd, same);
	store_snapshot_close(&s);
}

static void mailbox_path(struct fixture *f, const char *name, char *dst)
{
	struct store_place place = help_place(1);
	char path[FILES_PATH_MAX];

	files_path(&place, name, path);
	(void)sprintf(dst, "%s/%s", f->path, path);
}

/* Threat 55: links, FIFOs and folders in place of our files. */
static void test_hostile_files(void **state)
{
	struct fixture *f = *state;
	char log[256], other[256], index[256];
	struct store_snapshot *s;

	assert_ok(help_deliver(f->st, help_place(1), "x\r\n.\r\n"));
	mailbox_path(f, "log", log);
	mailbox_path(f, "index", index);
	(void)sprintf(other, "%s/other", f->path);
	for (int kind = 0; kind < 4; kind++) {
		store_close(&f->st);
		assert_int_equal(rename(log, other), 0);
		if (kind == 0)
			assert_int_equal(symlink(other, log), 0);
		else if (kind == 1)
			assert_int_equal(link(other, log), 0);
		else if (kind == 2)
			assert_int_equal(mkfifo(log, 0600), 0);
		else
			assert_int_equal(mkdir(log, 0700), 0);
		open_store(f);
		assert_int_not_equal(help_open(f->st, help_place(1), &s),
				     YB_OK);
		assert_int_not_equal(
			help_deliver(f->st, help_place(1), ".\r\n"), YB_OK);
		assert_int_equal(remove(log), 0);
		assert_int_equal(rename(other, log), 0);
	}
	/* The index is derived: what is in its place is replaced. */
	store_close(&f->st);
	assert_int_equal(rename(index, other), 0);
	assert_int_equal(symlink(other, index), 0);
	open_store(f);
	help_expect(f->st, storage_disk(), help_place(1), "x\r\n.\r\n");
	store_close(&f->st);
	assert_int_equal(remove(index), 0);
	assert_int_equal(link(other, index), 0);
	open_store(f);
	help_expect(f->st, storage_disk(), help_place(1), "x\r\n.\r\n");
	assert_int_equal(remove(other), 0);
}

/* A folder of the path replaced by a link to elsewhere. */
static void test_linked_folder(void **state)
{
	struct fixture *f = *state;
	char folder[256], other[256];
	struct store_snapshot *s;

	assert_ok(help_deliver(f->st, help_place(1), "x\r\n.\r\n"));
	store_close(&f->st);
	(void)sprintf(folder, "%s/01", f->path);
	(void)sprintf(other, "%s/moved", f->path);
	assert_int_equal(rename(folder, other), 0);
	assert_int_equal(symlink(other, folder), 0);
	open_store(f);
	assert_int_not_equal(help_open(f->st, help_place(1), &s), YB_OK);
	assert_int_equal(remove(folder), 0);
	assert_int_equal(rename(other, folder), 0);
	help_expect(f->st, storage_disk(), help_place(1), "x\r\n.\r\n");
}

/* Descriptors closed under pressure come back when they are needed. */
static void test_closed_descriptors(void **state)
{
	struct fixture *f = *state;
	struct store_place place = help_place(1);
	struct store_snapshot *s;
	struct mailbox *mb;
	struct tally t = { 0 };
	size_t fds;
	char *text;

	assert_ok(help_deliver(f->st, place, "x\r\n.\r\n"));
	assert_ok(help_deliver(f->st, place, "y\r\n.\r\n"));
	assert_ok(help_open(f->st, place, &s));
	assert_ok(mailbox_get(f->st, &place, &mb));
	fds = f->st->fds_n;
	f->st->fds_n = f->st->config.fds_max + fds - 2;
	assert_ok(log_file_make_room(f->st));
	f->st->fds_n -= f->st->config.fds_max - 2;
	assert_int_equal(mb->log->fd, -1);
	text = help_read(storage_disk(), s, 1);
	assert_string_equal(text, "y\r\n.\r\n");
	free(text);
	for (int i = 0; i < 5; i++)
		begin(f, place, "z\r\n.\r\n", &t);
	wait_all(f, &t.done, 5);
	assert_int_equal(t.ok, 5);
	assert_true(mb->log->fd >= 0);
	assert_false(mb->index_stale);
	mailbox_unuse(&mb);
	store_snapshot_close(&s);
}

/* Threat 57: nothing but our own octets in the files, and nobody else's to
 * read; space reserved ahead is given back. */
static void test_files_on_disk(void **state)
{
	struct fixture *f = *state;
	char log[256], index[256];
	struct stat st;

	for (int i = 0; i < 20; i++)
		assert_ok(help_deliver(f->st, help_place(1), "x\r\n.\r\n"));
	mailbox_path(f, "log", log);
	mailbox_path(f, "index", index);
	store_close(&f->st);
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, LOG_HEAD_SIZE + 20 * (96 + 8));
	assert_true(st.st_blocks * 512 < STORE_RESERVE_MIN);
	assert_int_equal(stat(index, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	open_store(f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_group_commit),
		T(test_many_mailboxes),
		T(test_order_behind_a_large_body),
		T(test_sessions_in_between),
		T(test_failing_syncs),
		T(test_removal_under_load),
		T(test_lock),
		T(test_log_is_read_only),
		T(test_hostile_files),
		T(test_linked_folder),
		T(test_closed_descriptors),
		T(test_files_on_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
