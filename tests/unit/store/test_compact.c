/*
 * I9 and I7: logs that shrink while mail comes, goes and is read.
 */
#include "unit/store/sim_disk.h"
#include "unit/store/store_help.h"

#include "os/clock.h"
#include "store/log.h"

static const char log_0[] = "00/00/00000000000000000000000000000000/1/log";
static const char index_0[] = "00/00/00000000000000000000000000000000/1/index";
static const char folder_0[] = "00/00/00000000000000000000000000000000/1";

struct compacted {
	bool done;
	enum yb_err err;
	struct store_compacted c;
};

static void on_compacted(void *ctx, enum yb_err err, struct store_compacted c)
{
	struct compacted *answer = ctx;

	answer->done = true;
	answer->err = err;
	answer->c = c;
}

static struct store_compacted compact(struct store *st)
{
	struct compacted answer = { 0 };

	store_compact(st, help_place(0), on_compacted, &answer);
	help_wait(st, &answer.done);
	assert_ok(answer.err);
	return answer.c;
}

static struct store *open_days(struct sim_disk *disk, unsigned days)
{
	struct store_config config = { .path = "/",
				       .os = &disk->table,
				       .undelete_days = days };
	struct store *st;

	assert_ok(store_open(&config, &st));
	return st;
}

static char *wire_of(unsigned n, size_t lines)
{
	static char wire[512 * 1024];
	size_t at = (size_t)snprintf(wire, sizeof wire, "X-Id: %u\r\n\r\n", n);

	while (lines-- > 0)
		at += (size_t)snprintf(wire + at, sizeof wire - at,
				       "..line %zu of %u\r\n", lines, n);
	(void)snprintf(wire + at, sizeof wire - at, ".\r\n");
	return wire;
}

static void fill(struct store *st, unsigned first, unsigned n, size_t lines)
{
	for (unsigned i = first; i < first + n; i++)
		assert_ok(help_deliver(st, help_place(0), wire_of(i, lines)));
}

/* All that a session sees but where the octets are: rows, uids, UIDLs. */
static char *look(struct store *st, struct sim_disk *disk)
{
	struct store_snapshot *s;
	char *text = calloc(1, 1024 * 1024);
	size_t at = 0;
	struct listing l;

	assert_non_null(text);
	assert_ok(help_open(st, help_place(0), &s));
	l = help_listing(s);
	for (uint32_t i = 0; i < l.head->count; i++) {
		char *wire = help_read(&disk->table, s, i);
		struct span uidl = listing_uidl(&l, i);

		at += (size_t)snprintf(
			text + at, 1024 * 1024 - at, "%u %.*s %u %u %s\n",
			l.rows[i].uid, (int)uidl.n, (const char *)uidl.p,
			l.rows[i].dots, l.rows[i].header_size, wire);
		free(wire);
	}
	store_snapshot_close(&s);
	return text;
}

static void expect_same(struct store *st, struct sim_disk *disk,
			const char *want)
{
	char *now = look(st, disk);

	assert_string_equal(now, want);
	free(now);
}

static void drop(struct store *st, uint32_t first, uint32_t last)
{
	struct store_snapshot *s;

	assert_ok(help_open(st, help_place(0), &s));
	assert_ok(help_expunge(st, s, first, last));
	store_snapshot_close(&s);
}

static struct log_head head_of(struct sim_disk *disk)
{
	struct log_head head;

	assert_ok(log_head_decode(sim_file(disk, log_0)->p, &head));
	return head;
}

/* What is left beside log and index. */
static size_t names_in_folder(struct sim_disk *disk)
{
	size_t inode;

	assert_true(sim_walk(disk, SIM_ROOT, folder_0, &inode));
	return disk->inodes[inode].names_n;
}

static void test_all_stays_but_space(void **state)
{
	struct sim_disk *disk = sim_new();
	struct store *st = open_days(disk, 0);
	struct log_head before;
	struct store_compacted c;
	char *want;

	(void)state;
	fill(st, 0, 40, 30);
	/* Larger than what is copied at a time. */
	assert_ok(help_deliver(st, help_place(0), wire_of(40, 20000)));
	drop(st, 3, 30);
	before = head_of(disk);
	want = look(st, disk);
	c = compact(st);
	assert_true(c.after < c.before);
	assert_int_equal(c.after, sim_file(disk, log_0)->n);
	assert_int_equal(head_of(disk).generation, before.generation + 1);
	assert_int_equal(head_of(disk).uidvalidity, before.uidvalidity);
	assert_memory_equal(head_of(disk).id, before.id, 16);
	assert_int_equal(names_in_folder(disk), 2);
	expect_same(st, disk, want);
	/* The index is believed, and it is what the log gives. */
	for (int lose = 0; lose < 2; lose++) {
		store_close(&st);
		if (lose)
			sim_truncate(sim_file(disk, index_0), 20);
		st = open_days(disk, 0);
		expect_same(st, disk, want);
	}
	free(want);
	fill(st, 41, 2, 1);
	drop(st, 1, 2);
	want = look(st, disk);
	(void)compact(st);
	expect_same(st, disk, want);
	free(want);
	/* Nothing dead: nothing is done. */
	before = head_of(disk);
	c = compact(st);
	assert_int_equal(c.before, c.after);
	assert_int_equal(head_of(disk).generation, before.generation);
	store_close(&st);
	assert_int_equal(disk->open_fds, 0);
	sim_free(&disk);
}

static void test_all_gone(void **state)
{
	struct sim_disk *disk = sim_new();
	struct store *st = open_days(disk, 0);
	struct store_snapshot *s;

	(void)state;
	fill(st, 0, 5, 5);
	drop(st, 1, 5);
	(void)compact(st);
	assert_int_equal(sim_file(disk, log_0)->n, LOG_HEAD_SIZE);
	/* I4: the uids are not given again, whatever becomes of the index. */
	for (int lose = 0; lose < 2; lose++) {
		store_close(&st);
		if (lose)
			sim_truncate(sim_file(disk, index_0), 20);
		st = open_days(disk, 0);
		fill(st, 9, 1, 1);
		assert_ok(help_open(st, help_place(0), &s));
		assert_int_equal(help_listing(s).rows[0].uid, 6 + lose);
		store_snapshot_close(&s);
		drop(st, 6, 9);
		(void)compact(st);
	}
	store_close(&st);
	sim_free(&disk);
}

static void test_deleted_mail_is_kept_so_long(void **state)
{
	struct sim_disk *disk = sim_new();
	struct store *st = open_days(disk, 7);
	struct store_undelete all = { 0 };
	struct help_answer a = { 0 };
	char *before, *after;

	(void)state;
	fill(st, 0, 10, 3);
	before = look(st, disk);
	drop(st, 2, 3);
	drop(st, 7, 7);
	(void)compact(st);
	(void)compact(st);
	store_close(&st);
	sim_truncate(sim_file(disk, index_0), 20);
	st = open_days(disk, 7);
	store_undelete(st, help_place(0), NULL, &all, help_on_changed, &a);
	assert_int_equal(a.change.messages, 3);
	/* And then a compaction has them under their new numbers. */
	after = look(st, disk);
	assert_int_equal(strlen(after), strlen(before) + 3);
	drop(st, 1, 1);
	free(after);
	after = look(st, disk);
	(void)compact(st);
	expect_same(st, disk, after);
	store_close(&st);
	sim_truncate(sim_file(disk, index_0), 20);
	st = open_days(disk, 7);
	expect_same(st, disk, after);
	free(before);
	free(after);
	store_close(&st);
	sim_free(&disk);
}

/* I7: a session goes on in its generation; its deletes name uids. */
static void test_snapshots_go_on(void **state)
{
	struct sim_disk *disk = sim_new();
	struct store *st = open_days(disk, 0);
	struct store_snapshot *s, *unread;
	char *text, *again;

	(void)state;
	fill(st, 0, 6, 4);
	assert_ok(help_open(st, help_place(0), &s));
	assert_ok(help_open(st, help_place(0), &unread));
	text = help_read(&disk->table, s, 5);
	drop(st, 1, 4);
	(void)compact(st);
	drop(st, 5, 5);
	(void)compact(st);
	again = help_read(&disk->table, s, 5);
	assert_string_equal(text, again);
	free(again);
	/* One that had asked for no message yet. */
	again = help_read(&disk->table, unread, 5);
	assert_string_equal(text, again);
	free(again);
	free(text);
	text = help_read(&disk->table, unread, 0);
	assert_string_equal(text, wire_of(0, 4));
	free(text);
	assert_ok(help_expunge(st, s, 6, 6));
	store_snapshot_close(&s);
	store_snapshot_close(&unread);
	text = look(st, disk);
	assert_string_equal(text, "");
	free(text);
	store_close(&st);
	assert_int_equal(disk->open_fds, 0);
	sim_free(&disk);
}

/* I7, when descriptors are few: what nobody needs is closed, but not this. */
static void test_snapshots_go_on_with_few_descriptors(void **state)
{
	struct sim_disk *disk = sim_new();
	struct store_config config = { .path = "/",
				       .os = &disk->table,
				       .fds_max = 4 };
	struct store_snapshot *s;
	struct store *st;
	char *want, *got;

	(void)state;
	assert_ok(store_open(&config, &st));
	fill(st, 0, 6, 20);
	assert_ok(help_open(st, help_place(0), &s));
	want = strdup(wire_of(3, 20));
	drop(st, 1, 3);
	(void)compact(st);
	for (uint8_t i = 1; i < 20; i++)
		assert_ok(help_deliver(st, help_place(i), wire_of(i, 1)));
	got = help_read(&disk->table, s, 3);
	assert_string_equal(got, want);
	free(got);
	free(want);
	store_snapshot_close(&s);
	store_close(&st);
	assert_int_equal(disk->open_fds, 0);
	sim_free(&disk);
}

/* Mail that comes, and goes, at each sync of a compaction. */
struct meanwhile {
	struct store *st;
	struct sim_disk *disk;
	struct store_snapshot *s;
	unsigned n;
	size_t answers;
	bool deletes, undeletes;
};

static void on_meanwhile(void *ctx, const enum yb_err *errs, size_t n)
{
	assert_int_equal(n, 1);
	assert_ok(errs[0]);
	((struct meanwhile *)ctx)->answers++;
}

static void on_gone(void *ctx, enum yb_err err, struct store_change change)
{
	(void)change;
	assert_ok(err);
	((struct meanwhile *)ctx)->answers++;
}

static void meanwhile(void *ctx)
{
	struct meanwhile *w = ctx;
	struct store_place place = help_place(0);
	struct store_delivery d = { .places = &place,
				    .places_n = 1,
				    .fd = -1,
				    .wire = span_str(wire_of(w->n, 3)) };
	struct uid_range range = { w->n, w->n };
	struct store_undelete all = { 0 };

	w->n++;
	store_deliver(w->st, &d, on_meanwhile, w);
	if (w->deletes)
		store_expunge(w->s, NULL, &range, 1, on_gone, w);
	if (w->undeletes)
		store_undelete(w->st, place, NULL, &all, on_gone, w);
	if (w->n < 30) {
		w->disk->behind_sync = meanwhile;
		w->disk->behind_ctx = w;
	}
}

static void run_meanwhile(bool deletes, bool undeletes)
{
	struct sim_disk *disk = sim_new();
	struct meanwhile w = { .st = open_days(disk, undeletes ? 7 : 0),
			       .disk = disk,
			       .n = 12,
			       .deletes = deletes,
			       .undeletes = undeletes };
	struct compacted answer = { 0 };
	char *want;

	fill(w.st, 0, 30, 10);
	drop(w.st, 1, 11);
	assert_ok(help_open(w.st, help_place(0), &w.s));
	disk->behind_sync = meanwhile;
	disk->behind_ctx = &w;
	store_compact(w.st, help_place(0), on_compacted, &answer);
	while (!answer.done || !store_is_idle(w.st))
		store_run(w.st);
	disk->behind_sync = NULL;
	assert_true(answer.err == YB_OK ||
		    (undeletes && answer.err == YB_AGAIN));
	assert_true(w.n > 13);
	store_snapshot_close(&w.s);
	want = look(w.st, disk);
	for (int lose = 0; lose < 2; lose++) {
		store_close(&w.st);
		if (lose)
			sim_truncate(sim_file(disk, index_0), 20);
		w.st = open_days(disk, undeletes ? 7 : 0);
		expect_same(w.st, disk, want);
	}
	assert_int_equal(names_in_folder(disk), 2);
	free(want);
	store_close(&w.st);
	sim_free(&disk);
}

static void test_mail_comes_and_goes(void **state)
{
	(void)state;
	run_meanwhile(false, false);
	run_meanwhile(true, false);
	run_meanwhile(false, true);
	run_meanwhile(true, true);
}

/* Every call fails once: the old log or the new one, nothing between. */
static void test_every_call_fails(void **state)
{
	(void)state;
	for (size_t k = 1; k < 40; k++) {
		struct sim_disk *disk = sim_new();
		struct store *st = open_days(disk, 0);
		struct compacted answer = { 0 };
		struct store_snapshot *s;
		char *want;

		fill(st, 0, 12, 10);
		drop(st, 1, 9);
		want = look(st, disk);
		assert_ok(help_open(st, help_place(0), &s));
		disk->calls = 0;
		disk->fail_at = k;
		disk->fail_err = k % 2 == 0 ? YB_IO : YB_FULL;
		store_compact(st, help_place(0), on_compacted, &answer);
		help_wait(st, &answer.done);
		disk->fail_at = 0;
		expect_same(st, disk, want);
		/* It takes mail again, at the latest at the second try. */
		if (help_deliver(st, help_place(0), ".\r\n") != YB_OK)
			while (help_deliver(st, help_place(0), ".\r\n") !=
			       YB_OK)
				clock_sleep_ns(100 * 1000000);
		free(want);
		want = look(st, disk);
		store_snapshot_close(&s);
		store_close(&st);
		assert_int_equal(disk->open_fds, 0);
		st = open_days(disk, 0);
		expect_same(st, disk, want);
		free(want);
		store_close(&st);
		sim_free(&disk);
	}
}

static int64_t far_ahead(void *ctx)
{
	(void)ctx;
	return clock_real_ns();
}

static uint64_t hours_later(void *ctx)
{
	return *(uint64_t *)ctx;
}

/* By itself: half dead and a megabyte, or all gone; and in peace. */
static void test_by_itself(void **state)
{
	uint64_t now_ms = 1000000;
	struct store_clock clock = { far_ahead, hours_later, &now_ms };
	struct sim_disk *disk = sim_new();
	struct store_config config = { .path = "/",
				       .os = &disk->table,
				       .clock = &clock };
	struct store *st;
	size_t size;

	(void)state;
	assert_ok(store_open(&config, &st));
	fill(st, 0, 100, 1600);
	drop(st, 1, 49);
	size = sim_file(disk, log_0)->n;
	assert_true(size > 2 * 1024 * 1024);
	now_ms += 60000;
	store_tick(st);
	assert_int_equal(sim_file(disk, log_0)->n, size);
	drop(st, 50, 55);
	size = sim_file(disk, log_0)->n;
	now_ms += 5000;
	store_tick(st);
	assert_int_equal(sim_file(disk, log_0)->n, size);
	now_ms += 6000;
	store_tick(st);
	assert_true(sim_file(disk, log_0)->n < size / 2);
	drop(st, 1, 100);
	now_ms += 11000;
	store_tick(st);
	assert_int_equal(sim_file(disk, log_0)->n, LOG_HEAD_SIZE);
	store_close(&st);
	sim_free(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_stays_but_space),
		cmocka_unit_test(test_all_gone),
		cmocka_unit_test(test_deleted_mail_is_kept_so_long),
		cmocka_unit_test(test_snapshots_go_on),
		cmocka_unit_test(test_snapshots_go_on_with_few_descriptors),
		cmocka_unit_test(test_mail_comes_and_goes),
		cmocka_unit_test(test_every_call_fails),
		cmocka_unit_test(test_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
