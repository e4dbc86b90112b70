/*
 * Deleted mail that comes back, and clocks that jump: what DESIGN says of
 * undelete, over restarts, with and without the index.
 */
#include "unit/store/sim_disk.h"
#include "unit/store/store_help.h"

#include "store/log.h"

enum { DAY = 24 * 3600 };

struct fixture {
	struct sim_disk *disk;
	struct store *st;
	struct store_clock clock;
	int64_t now_s;
	uint64_t up_s;
	unsigned days;
	char reports[4096];
};

static int64_t real_ns(void *ctx)
{
	return ((struct fixture *)ctx)->now_s * 1000000000;
}

static uint64_t mono_ms(void *ctx)
{
	return ((struct fixture *)ctx)->up_s * 1000;
}

static void on_report(void *ctx, const char *line)
{
	struct fixture *f = ctx;

	(void)snprintf(f->reports + strlen(f->reports),
		       sizeof f->reports - strlen(f->reports), "%s\n", line);
}

static void open_store(struct fixture *f)
{
	struct store_config config = { .path = "/",
				       .os = &f->disk->table,
				       .undelete_days = f->days,
				       .clock = &f->clock,
				       .report = on_report,
				       .ctx = f };

	assert_ok(store_open(&config, &f->st));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	f->disk = sim_new();
	f->clock = (struct store_clock){ real_ns, mono_ms, f };
	f->now_s = 1700000000;
	f->up_s = 1000;
	f->days = 7;
	open_store(f);
	store_tick(f->st);
	/* A new store has to see a day go by before it believes a clock. */
	f->now_s += DAY;
	f->up_s += DAY;
	store_tick(f->st);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(&f->st);
	assert_int_equal(f->disk->open_fds, 0);
	sim_free(&f->disk);
	free(f);
	return 0;
}

static void reopen(struct fixture *f, bool lose_index)
{
	static const char path[] =
		"00/00/00000000000000000000000000000000/1/index";

	store_close(&f->st);
	if (lose_index)
		sim_truncate(sim_file(f->disk, path), 3);
	open_store(f);
}

static void pass(struct fixture *f, int64_t s)
{
	f->now_s += s;
	f->up_s += (uint64_t)s;
	store_tick(f->st);
}

/* ---- questions ---- */

struct rows {
	bool done, more;
	struct store_row row[32];
	size_t n;
};

static void on_rows(void *ctx, enum yb_err err, const struct store_row *rows,
		    size_t n, bool more)
{
	struct rows *r = ctx;

	assert_ok(err);
	assert_true(n <= 32);
	if (n > 0)
		memcpy(r->row, rows, n * sizeof *rows);
	r->n = n;
	r->more = more;
	r->done = true;
}

static struct rows list(struct fixture *f, bool deleted)
{
	struct rows r = { 0 };

	store_list(f->st, help_place(0), 0, deleted, 32, on_rows, &r);
	help_wait(f->st, &r.done);
	return r;
}

static void deliver(struct fixture *f, unsigned n)
{
	char wire[64];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(wire, sizeof wire, "Subject: %u\r\n\r\n.\r\n",
			       i);
		assert_ok(help_deliver(f->st, help_place(0), wire));
	}
}

static uint64_t delete (struct fixture *f, const struct store_session *by,
			uint32_t first, uint32_t last)
{
	struct uid_range range = { first, last };
	struct help_answer a = { 0 };

	store_delete(f->st, help_place(0), by, &range, 1, help_on_changed, &a);
	help_wait(f->st, &a.done);
	assert_ok(a.err);
	return a.change.messages;
}

static uint64_t undelete(struct fixture *f, struct store_undelete what)
{
	struct help_answer a = { 0 };

	store_undelete(f->st, help_place(0), NULL, &what, help_on_changed, &a);
	help_wait(f->st, &a.done);
	assert_ok(a.err);
	return a.change.messages;
}

static const struct store_session phone = { .start = 0x1f2e3d4c,
					    .number = 5,
					    .worker = 3,
					    .kind = STORE_WORKER_SESSION };
static const struct store_session command = { .start = 1,
					      .number = 2,
					      .kind = STORE_COMMAND };
static const struct store_undelete everything = { 0 };

/* ---- tests ---- */

static void test_new_uid_same_uidl(void **state)
{
	struct fixture *f = *state;
	struct rows before, after, gone;

	deliver(f, 6);
	before = list(f, false);
	assert_int_equal(delete (f, &phone, 2, 4), 3);
	assert_int_equal(delete (f, &command, 6, 6), 1);
	for (int again = 0; again < 3; again++) {
		gone = list(f, true);
		assert_int_equal(gone.n, 4);
		for (size_t i = 0; i < 4; i++) {
			char by[STORE_SESSION_TEXT];

			assert_int_equal(gone.row[i].deleted_s, f->now_s);
			store_session_print(&gone.row[i].by, by);
			assert_string_equal(by,
					    i < 3 ? "w3.1f2e3d4c.5" : "c.1.2");
		}
		reopen(f, again == 1);
	}
	assert_int_equal(undelete(f, (struct store_undelete){ .from = phone }),
			 3);
	for (int again = 0; again < 3; again++) {
		after = list(f, false);
		assert_int_equal(after.n, 5);
		assert_int_equal(after.row[2].uid, 7);
		assert_int_equal(after.row[4].uid, 9);
		for (size_t i = 2; i < 5; i++) {
			assert_string_equal(after.row[i].uidl,
					    before.row[i - 1].uidl);
			assert_int_equal(after.row[i].octets,
					 before.row[i - 1].octets);
			assert_int_equal(after.row[i].received_ns,
					 before.row[i - 1].received_ns);
		}
		assert_int_equal(list(f, true).n, 1);
		reopen(f, again == 1);
	}
	/* Its old uid is gone for good, and it can go and come back again. */
	assert_int_equal(delete (f, NULL, 2, 4), 0);
	assert_int_equal(delete (f, &phone, 8, 8), 1);
	assert_int_equal(undelete(f, everything), 2);
	after = list(f, false);
	assert_int_equal(after.n, 6);
	assert_int_equal(after.row[4].uid, 10);
	assert_string_equal(after.row[4].uidl, before.row[5].uidl);
	assert_int_equal(after.row[5].uid, 11);
	assert_string_equal(after.row[5].uidl, before.row[2].uidl);
	assert_int_equal(undelete(f, everything), 0);
	deliver(f, 1);
	assert_int_equal(list(f, false).row[6].uid, 12);
}

static void test_which_ones(void **state)
{
	struct fixture *f = *state;
	static const struct uid_range two[] = { { 2, 2 }, { 4, 8 } };

	deliver(f, 10);
	(void)delete (f, &phone, 1, 5);
	pass(f, 3600);
	(void)delete (f, &phone, 6, 10);
	assert_int_equal(undelete(f,
				  (struct store_undelete){
					  .ranges = two,
					  .ranges_n = 2,
					  .since_s = f->now_s - 10,
				  }),
			 3);
	assert_int_equal(undelete(f,
				  (struct store_undelete){
					  .ranges = two,
					  .ranges_n = 2,
				  }),
			 3);
	assert_int_equal(undelete(f,
				  (struct store_undelete){
					  .since_s = f->now_s + 1,
				  }),
			 0);
	assert_int_equal(undelete(f,
				  (struct store_undelete){
					  .from = command,
				  }),
			 0);
	assert_int_equal(list(f, true).n, 4);
}

static void test_only_so_long(void **state)
{
	struct fixture *f = *state;

	deliver(f, 2);
	(void)delete (f, &phone, 1, 1);
	pass(f, 6 * DAY);
	(void)delete (f, &phone, 2, 2);
	assert_int_equal(list(f, true).n, 2);
	pass(f, DAY);
	assert_int_equal(list(f, true).n, 1);
	assert_int_equal(undelete(f, everything), 1);
	/* 0 days: deleted is gone. */
	f->days = 0;
	reopen(f, false);
	(void)delete (f, &phone, 3, 3);
	assert_int_equal(list(f, true).n, 0);
	assert_int_equal(undelete(f, everything), 0);
}

static void test_clock_ahead(void **state)
{
	struct fixture *f = *state;

	deliver(f, 1);
	(void)delete (f, &phone, 1, 1);
	assert_string_equal(f->reports, "");
	/* Small jumps add up, and are one in the end. */
	f->now_s += 20 * 3600;
	store_tick(f->st);
	assert_string_equal(f->reports, "");
	f->now_s += 300 * DAY;
	store_tick(f->st);
	assert_non_null(strstr(f->reports, "the clock is 7220 hours ahead"));
	assert_int_equal(list(f, true).n, 1);
	/* A restart believes it no more. */
	reopen(f, false);
	f->reports[0] = 0;
	store_tick(f->st);
	assert_non_null(strstr(f->reports, "ahead"));
	assert_int_equal(list(f, true).n, 1);
	/* It is back. */
	f->now_s -= 300 * DAY;
	store_tick(f->st);
	assert_non_null(strstr(f->reports, "believed again"));
	assert_int_equal(list(f, true).n, 1);
	/* Or it stays, and goes on steadily for a day. */
	f->now_s += 300 * DAY;
	store_tick(f->st);
	pass(f, DAY - 10);
	assert_int_equal(list(f, true).n, 1);
	pass(f, 20);
	assert_int_equal(list(f, true).n, 0);
}

static void test_octets(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "w0.1.2", true },
		{ "c.ffffffff.1", true },
		{ "w255.1.1", true },
		{ "w256.1.1", false },
		{ "", false },
		{ "w0.1", false },
		{ "w0.1.2.3", false },
		{ "x0.1.2", false },
		{ "c.100000000.1", false },
		{ "w.1.1", false },
		{ "c.-1.1", false },
		{ "c..1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct store_session s, back;
		char text[STORE_SESSION_TEXT];
		uint8_t octets[16];

		assert_int_equal(
			store_session_parse(span_str(rows[i].text), &s),
			rows[i].good);
		if (!rows[i].good)
			continue;
		log_put_session(octets, &s);
		log_get_session(octets, &back);
		store_session_print(&back, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_new_uid_same_uidl),
		WITH_STORE(test_which_ones),
		WITH_STORE(test_only_so_long),
		WITH_STORE(test_clock_ahead),
		cmocka_unit_test(test_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
