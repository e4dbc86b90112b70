/*
 * I8: a full disk loses nothing, reading goes on, deleting always works, and
 * mail is taken again by itself when there is room.
 */
#include "unit/store/sim_disk.h"
#include "unit/store/store_help.h"

enum {
	KIB = 1024,
	BALLAST = 64 * KIB,
	DAY = 24 * 3600,
};

struct fixture {
	struct sim_disk *disk;
	struct store *st;
	struct store_clock clock;
	int64_t now_s;
	unsigned n; /* messages acknowledged */
	char reports[16 * KIB];
};

static int64_t real_ns(void *ctx)
{
	return ((struct fixture *)ctx)->now_s * 1000000000;
}

static uint64_t mono_ms(void *ctx)
{
	return (uint64_t)((struct fixture *)ctx)->now_s * 1000;
}

static void on_report(void *ctx, const char *line)
{
	struct fixture *f = ctx;

	(void)snprintf(f->reports + strlen(f->reports),
		       sizeof f->reports - strlen(f->reports), "%s\n", line);
}

static void open_store(struct fixture *f, unsigned days)
{
	struct store_config config = { .path = "/",
				       .os = &f->disk->table,
				       .undelete_days = days,
				       .ballast_octets = BALLAST,
				       .clock = &f->clock,
				       .report = on_report,
				       .ctx = f };

	assert_ok(store_open(&config, &f->st));
}

static void pass(struct fixture *f, int64_t s)
{
	while (s-- > 0) {
		f->now_s++;
		store_tick(f->st);
	}
}

static struct fixture *make(size_t capacity, unsigned days)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	f->disk = sim_new();
	f->disk->capacity = capacity;
	f->clock = (struct store_clock){ real_ns, mono_ms, f };
	f->now_s = 1700000000;
	open_store(f, days);
	store_tick(f->st);
	return f;
}

static void done(struct fixture *f)
{
	store_close(&f->st);
	assert_int_equal(f->disk->open_fds, 0);
	sim_free(&f->disk);
	free(f);
}

static enum yb_err put(struct fixture *f, uint8_t account, unsigned n)
{
	static char wire[4 * KIB + 64];

	(void)snprintf(wire, sizeof wire, "X-Id: %u\r\n\r\n%0*u\r\n.\r\n", n,
		       4 * KIB, n);
	return help_deliver(f->st, help_place(account), wire);
}

static void fill_up(struct fixture *f, uint8_t account)
{
	enum yb_err err;

	while ((err = put(f, account, f->n)) == YB_OK)
		f->n++;
	assert_int_equal(err, YB_FULL);
}

static uint32_t count(struct fixture *f, uint8_t account)
{
	struct store_snapshot *s;
	uint32_t n;

	assert_ok(help_open(f->st, help_place(account), &s));
	n = help_listing(s).head->count;
	for (uint32_t i = 0; i < n; i++)
		free(help_read(&f->disk->table, s, i));
	store_snapshot_close(&s);
	return n;
}

static enum yb_err drop(struct fixture *f, uint8_t account, uint32_t first,
			uint32_t last)
{
	struct uid_range range = { first, last };
	struct help_answer a = { 0 };

	store_delete(f->st, help_place(account), NULL, &range, 1,
		     help_on_changed, &a);
	help_wait(f->st, &a.done);
	return a.err;
}

static void test_deleting_works(void **state)
{
	(void)state;
	for (int restart = 0; restart < 2; restart++) {
		struct fixture *f = make(256 * KIB, 0);

		fill_up(f, 0);
		assert_true(f->n > 20);
		if (restart) {
			store_close(&f->st);
			open_store(f, 0);
		}
		assert_int_equal(count(f, 0), f->n);
		/* Every octet that is left goes. */
		while (sim_has_room(f->disk, 0,
				    f->disk->inodes[0].reserved + 1))
			f->disk->inodes[0].reserved++;
		for (uint32_t uid = 1; uid < 10; uid++)
			assert_ok(drop(f, 0, uid, uid));
		assert_non_null(strstr(f->reports, "ballast is given up"));
		/* Not for mail, even if it would fit. */
		assert_int_equal(put(f, 0, 999), YB_FULL);
		assert_int_equal(count(f, 0), f->n - 9);
		f->disk->inodes[0].reserved = 0;
		done(f);
	}
}

/* The space of what was deleted comes back, and with it the mail. */
static void test_recovers(void **state)
{
	struct fixture *f = make(256 * KIB, 0);
	unsigned before;

	(void)state;
	fill_up(f, 0);
	before = f->n;
	assert_ok(drop(f, 0, 1, before - 3));
	pass(f, 30);
	assert_int_equal(count(f, 0), 3);
	fill_up(f, 0);
	assert_true(f->n > before + 20);
	/* The ballast is whole again: deleting goes on working. */
	assert_ok(drop(f, 0, before, f->n));
	done(f);
}

/* Room that somebody else has taken, and gives back. */
static void test_well_again(void **state)
{
	struct fixture *f = make(256 * KIB, 7);

	(void)state;
	fill_up(f, 0);
	while (sim_has_room(f->disk, 0, f->disk->inodes[0].reserved + 1))
		f->disk->inodes[0].reserved++;
	assert_ok(drop(f, 0, 1, 1));
	assert_int_equal(put(f, 1, 0), YB_FULL);
	f->disk->capacity *= 2;
	pass(f, 3);
	assert_non_null(strstr(f->reports, "there is room on the disk again"));
	assert_ok(put(f, 1, 0));
	f->disk->inodes[0].reserved = 0;
	done(f);
}

/* Deleted mail is freed before its time, the oldest first. */
static void test_frees_early(void **state)
{
	struct fixture *f = make(256 * KIB, 8);
	const struct store_undelete all = { 0 };
	struct help_answer a = { 0 }, b = { 0 };
	unsigned n;

	(void)state;
	/* A new store believes the clock after a day. */
	f->now_s += DAY;
	store_tick(f->st);
	for (n = 0; n < 10; n++)
		assert_ok(put(f, 0, n));
	assert_ok(drop(f, 0, 1, 10));
	f->now_s += 5 * DAY;
	store_tick(f->st);
	for (n = 0; n < 10; n++)
		assert_ok(put(f, 1, n));
	assert_ok(drop(f, 1, 1, 10));
	fill_up(f, 2);
	pass(f, 60);
	n = f->n;
	fill_up(f, 2);
	assert_true(f->n > n);
	/* All of the older ones went, and of the others none. */
	f->disk->capacity *= 4;
	pass(f, 3);
	store_undelete(f->st, help_place(0), NULL, &all, help_on_changed, &a);
	help_wait(f->st, &a.done);
	assert_int_equal(a.change.messages, 0);
	store_undelete(f->st, help_place(1), NULL, &all, help_on_changed, &b);
	help_wait(f->st, &b.done);
	assert_int_equal(b.change.messages, 10);
	done(f);
}

static enum yb_err put_within(struct fixture *f, struct store_quota quota,
			      const char *wire)
{
	struct store_place place = help_place(3);
	struct help_answer a = { 0 };
	struct store_delivery d = { .places = &place,
				    .places_n = 1,
				    .quotas = &quota,
				    .wire = span_str(wire),
				    .fd = -1 };

	store_deliver(f->st, &d, help_on_delivered, &a);
	help_wait(f->st, &a.done);
	return a.err;
}

/* A mailbox is full before the disk is; deleted mail does not count. */
static void test_quotas(void **state)
{
	const struct store_quota two = { .messages = 2 };
	const struct store_quota small = { .octets = 24 };
	struct fixture *f = make(256 * KIB, 7);

	(void)state;
	assert_ok(put_within(f, two, "0123456789\r\n.\r\n"));
	assert_ok(put_within(f, two, "0123456789\r\n.\r\n"));
	assert_int_equal(put_within(f, two, ".\r\n"), YB_QUOTA);
	assert_int_equal(put_within(f, small, "\r\n.\r\n"), YB_QUOTA);
	/* It can never fit. */
	assert_int_equal(
		put_within(f, small, "0123456789012345678901234\r\n.\r\n"),
		YB_OVER_QUOTA);
	assert_ok(drop(f, 3, 1, 1));
	assert_ok(put_within(f, small, "0123456789\r\n.\r\n"));
	assert_int_equal(put_within(f, small, "\r\n.\r\n"), YB_QUOTA);
	assert_ok(put_within(f, (struct store_quota){ 0 }, "\r\n.\r\n"));
	done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deleting_works),
		cmocka_unit_test(test_recovers),
		cmocka_unit_test(test_well_again),
		cmocka_unit_test(test_frees_early),
		cmocka_unit_test(test_quotas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
