/*
 * Calls to the disk that fail: I8 (nothing is lost on a full disk), I10 (all
 * or none), I11 (a failed sync is not repeated and believed).
 */
#include "unit/store/sim_disk.h"
#include "unit/store/store_help.h"

#include "base/cleanup.h"
#include "store/private.h"

static const char one[] = "Subject: one\r\n\r\nfirst\r\n.\r\n";
static const char two[] = "Subject: two\r\n\r\nsecond\r\n.\r\n";
static const char both[] = "Subject: one\r\n\r\nfirst\r\n.\r\n"
			   "Subject: two\r\n\r\nsecond\r\n.\r\n";
static const char log_1[] = "01/01/01010101010101010101010101010101/1/log";

static const char index_1[] = "01/01/01010101010101010101010101010101/1/index";

struct fixture {
	struct sim_disk *disk;
	struct store *st;
	const struct os_storage *os;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->disk = sim_new();
	f->os = &f->disk->table;
	f->st = help_store(f->os, NULL, NULL);
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

/* The `nth` call of these kinds from now on fails. */
static void plan(struct fixture *f, unsigned kinds, size_t nth, enum yb_err err)
{
	f->disk->calls = 0;
	f->disk->fail_at = nth;
	f->disk->fail_kinds = kinds;
	f->disk->fail_err = err;
}

static uint64_t generation(struct fixture *f)
{
	struct log_head head;

	assert_ok(log_head_decode(sim_file(f->disk, log_1)->p, &head));
	return head.generation;
}

static void test_failed_sync(void **state)
{
	struct fixture *f = *state;
	struct store_snapshot *before, *after;
	size_t events;
	char *text;

	assert_ok(help_deliver(f->st, help_place(1), one));
	assert_ok(help_open(f->st, help_place(1), &before));
	assert_int_equal(generation(f), 1);
	plan(f, 1u << SIM_SYNC, 1, YB_IO);
	events = f->disk->events_n;
	assert_int_equal(help_deliver(f->st, help_place(1), two), YB_IO);
	/* Rewritten as a new generation, which takes mail. */
	assert_int_equal(generation(f), 2);
	help_expect(f->st, f->os, help_place(1), one);
	assert_ok(help_deliver(f->st, help_place(1), two));
	help_expect(f->st, f->os, help_place(1), both);
	/* I7: the old snapshot names its generation, and reads from it. */
	assert_int_equal(help_listing(before).head->generation, 1);
	text = help_read(f->os, before, 0);
	assert_string_equal(text, one);
	free(text);
	assert_ok(help_expunge(f->st, before, 1, 1));
	assert_ok(help_open(f->st, help_place(1), &after));
	assert_int_equal(help_listing(after).head->generation, 2);
	store_snapshot_close(&after);
	store_snapshot_close(&before);
	/* The descriptor whose sync failed was not synced again. */
	for (size_t i = events; i < f->disk->events_n; i++)
		if (f->disk->events[i].kind == SIM_SYNC)
			assert_true(f->disk->events[i].inode >
				    f->disk->events[events].inode);
	store_close(&f->st);
	f->st = help_store(f->os, NULL, NULL);
	help_expect(f->st, f->os, help_place(1), two);
	/* What was refused is not in the new generation either. */
	store_close(&f->st);
	sim_truncate(sim_file(f->disk, index_1), 0);
	f->st = help_store(f->os, NULL, NULL);
	help_expect(f->st, f->os, help_place(1), two);
}

/* While the disk stays bad the mailbox can be read; then it recovers. */
static void test_read_only_until_rewritten(void **state)
{
	struct fixture *f = *state;
	struct store_place place = help_place(1);
	struct store_snapshot *s;
	struct mailbox *mb;

	assert_ok(help_deliver(f->st, place, one));
	assert_ok(help_open(f->st, place, &s));
	assert_ok(mailbox_get(f->st, &place, &mb));
	/* A log in which a sync has failed, and no new file can be made. */
	plan(f, 1u << SIM_NEW, 1, YB_FULL);
	mailbox_fail(mb);
	store_run(f->st);
	assert_true(mb->failed);
	assert_int_equal(help_deliver(f->st, place, two), YB_READ_ONLY);
	assert_int_equal(help_expunge(f->st, s, 1, 1), YB_READ_ONLY);
	help_expect(f->st, f->os, place, one);
	assert_int_equal(generation(f), 1);
	/* Once the pause is over the next attempt begins another one. */
	mb->retry_ms = 0;
	assert_int_equal(help_deliver(f->st, place, two), YB_READ_ONLY);
	assert_false(mb->failed);
	assert_true(generation(f) > 1);
	mailbox_unuse(&mb);
	assert_ok(help_deliver(f->st, place, two));
	help_expect(f->st, f->os, place, both);
	store_snapshot_close(&s);
}

/* The new generation has the name, but the name could not be synced: the
 * next attempt makes another generation, and readers stay on the old one. */
static void test_rename_without_folder_sync(void **state)
{
	struct fixture *f = *state;
	struct store_place place = help_place(1);
	struct store_snapshot *s;
	struct mailbox *mb;
	char *text;

	assert_ok(help_deliver(f->st, place, one));
	assert_ok(mailbox_get(f->st, &place, &mb));
	plan(f, 1u << SIM_SYNC_FOLDER, 1, YB_IO);
	mailbox_fail(mb);
	store_run(f->st);
	assert_true(mb->failed);
	assert_int_equal(generation(f), 2);
	assert_ok(help_open(f->st, place, &s));
	assert_int_equal(help_listing(s).head->generation, 1);
	text = help_read(f->os, s, 0);
	assert_string_equal(text, one);
	free(text);
	store_snapshot_close(&s);
	mb->retry_ms = 0;
	assert_int_equal(help_deliver(f->st, place, two), YB_READ_ONLY);
	assert_int_equal(generation(f), 3);
	mailbox_unuse(&mb);
	assert_ok(help_deliver(f->st, place, two));
	help_expect(f->st, f->os, place, both);
}

/* I10: one append fails, and every touched log is cut back. */
static void test_all_or_none(void **state)
{
	struct fixture *f = *state;
	struct store_place places[3] = { help_place(1), help_place(2),
					 help_place(3) };
	size_t before;

	assert_ok(help_deliver_to(f->st, places, 3, one));
	before = sim_file(f->disk, log_1)->n;
	for (size_t nth = 1; nth <= 3; nth++) {
		plan(f, 1u << SIM_WRITE, nth, YB_FULL);
		assert_int_equal(help_deliver_to(f->st, places, 3, two),
				 YB_FULL);
		assert_int_equal(sim_file(f->disk, log_1)->n, before);
		for (uint8_t a = 1; a <= 3; a++)
			help_expect(f->st, f->os, help_place(a), one);
	}
	plan(f, 0, 0, YB_OK);
	store_close(&f->st);
	f->st = help_store(f->os, NULL, NULL);
	for (uint8_t a = 1; a <= 3; a++)
		help_expect(f->st, f->os, help_place(a), one);
	assert_ok(help_deliver_to(f->st, places, 3, two));
	help_expect(f->st, f->os, help_place(2), both);
}

static enum yb_err each_errs[3];

static void on_each(void *ctx, const enum yb_err *errs, size_t n)
{
	assert_int_equal(n, 3);
	memcpy(each_errs, errs, sizeof each_errs);
	*(bool *)ctx = true;
}

/* LMTP answers each recipient for itself. */
static void test_each(void **state)
{
	struct fixture *f = *state;
	struct store_place places[3] = { help_place(1), help_place(2),
					 help_place(3) };
	struct store_delivery d = { .mode = STORE_EACH,
				    .places = places,
				    .places_n = 3,
				    .fd = -1,
				    .wire = span_str(two) };
	bool done = false;

	assert_ok(help_deliver_to(f->st, places, 3, one));
	plan(f, 1u << SIM_WRITE, 2, YB_FULL);
	store_deliver(f->st, &d, on_each, &done);
	help_wait(f->st, &done);
	assert_int_equal(each_errs[0], YB_OK);
	assert_int_equal(each_errs[1], YB_FULL);
	assert_int_equal(each_errs[2], YB_OK);
	help_expect(f->st, f->os, help_place(1), both);
	help_expect(f->st, f->os, help_place(2), one);
	help_expect(f->st, f->os, help_place(3), both);
}

/*
 * Whatever single call fails, at any point of a first delivery, a second
 * one, an expunge and a reopening: no crash, no false answer, and afterwards
 * the mailbox holds exactly what was acknowledged, or what was refused with
 * a temporary error and may be there.
 */
static void fail_every_call(bool journal)
{
	static const enum yb_err errs[] = { YB_IO, YB_FULL };

	for (size_t nth = 1; nth < 80; nth++) {
		struct fixture f = { .disk = sim_new() };
		struct store_snapshot *s = NULL;
		enum yb_err first, second, third = YB_IO;
		char *all;

		f.os = &f.disk->table;
		f.st = journal ? help_journalled(f.os)
			       : help_store(f.os, NULL, NULL);
		plan(&f, 0, nth, errs[nth % 2]);
		first = help_deliver(f.st, help_place(1), one);
		second = help_deliver(f.st, help_place(1), two);
		if (help_open(f.st, help_place(1), &s) == YB_OK &&
		    first == YB_OK)
			third = help_expunge(f.st, s, 1, 1);
		store_snapshot_close(&s);
		store_close(&f.st);
		f.disk->fail_at = 0;
		f.st = help_store(f.os, NULL, NULL);
		all = help_all(f.st, f.os, help_place(1));
		if (second == YB_OK)
			assert_non_null(strstr(all, two));
		if (third == YB_OK)
			assert_null(strstr(all, one));
		else if (first == YB_OK)
			assert_non_null(strstr(all, one));
		free(all);
		assert_ok(help_deliver(f.st, help_place(1), two));
		store_close(&f.st);
		assert_int_equal(f.disk->open_fds, 0);
		sim_free(&f.disk);
	}
}

static void test_every_call_fails_once(void **state)
{
	(void)state;
	fail_every_call(false);
}

static void test_every_call_fails_once_with_journal(void **state)
{
	(void)state;
	fail_every_call(true);
}

/* ---- the journal ---- */

/* The first delivery makes the journal, all others go into it. */
static void journal_setup(struct fixture *f)
{
	store_close(&f->st);
	f->st = help_journalled(f->os);
	assert_ok(help_deliver(f->st, help_place(1), one));
	assert_int_equal(f->st->journal.state, JOURNAL_READY);
	assert_int_equal(f->st->journal.logs_n, 0);
}

/* I2: acknowledged is what was synced: the log then, not the journal. */
static void test_journal_fails(void **state)
{
	static const unsigned kinds[] = { 1u << SIM_SYNC, 1u << SIM_WRITE };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct fixture *f = *state;
		size_t events;
		bool synced = false;

		journal_setup(f);
		events = f->disk->events_n;
		/* The first write is the log's. */
		plan(f, kinds[i], 1 + i, YB_IO);
		assert_ok(help_deliver(f->st, help_place(1), two));
		assert_int_equal(f->st->journal.state, JOURNAL_GIVEN_UP);
		for (size_t k = events; k < f->disk->events_n; k++)
			synced |= f->disk->events[k].kind == SIM_SYNC;
		assert_true(synced);
		assert_int_equal(generation(f), 1);
		help_expect(f->st, f->os, help_place(1), both);
		/* Nobody writes to it again. */
		assert_ok(help_deliver(f->st, help_place(2), two));
		assert_int_equal(f->st->journal.logs_n, 0);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* What only the journal was synced for, and the log's own sync fails: the
 * kernel may have dropped it (I11). */
static void test_log_fails_behind_journal(void **state)
{
	struct fixture *f = *state;
	struct sim_data *log;
	uint64_t before;

	journal_setup(f);
	log = sim_file(f->disk, log_1);
	before = log->n;
	assert_ok(help_deliver(f->st, help_place(1), two));
	assert_int_equal(f->st->journal.logs_n, 1);
	log = sim_file(f->disk, log_1);
	memset(log->p + before, 0, log->n - before);
	plan(f, 1u << SIM_SYNC, 1, YB_IO);
	f->st->journal.draining = 3;
	journal_drain(f->st);
	store_run(f->st);
	assert_int_equal(generation(f), 2);
	assert_int_equal(f->st->journal.logs_n, 0);
	help_expect(f->st, f->os, help_place(1), both);
	assert_ok(help_deliver(f->st, help_place(1), one));
	store_close(&f->st);
	assert_null(sim_file(f->disk, "journal"));
	f->st = help_store(f->os, NULL, NULL);
	{
		struct store_totals totals;

		assert_ok(help_totals(f->st, help_place(1), &totals));
		assert_int_equal(totals.messages, 3);
	}
}

/* A log that cannot be synced at the end: its octets stay in the journal. */
static void test_journal_outlives_bad_log(void **state)
{
	struct fixture *f = *state;
	struct sim_data *log;
	uint64_t before;

	journal_setup(f);
	before = sim_file(f->disk, log_1)->n;
	assert_ok(help_deliver(f->st, help_place(1), two));
	plan(f, 1u << SIM_SYNC | 1u << SIM_NEW, 1, YB_IO);
	f->disk->fail_for_good = true;
	store_close(&f->st);
	f->disk->fail_for_good = false;
	plan(f, 0, 0, YB_OK);
	assert_non_null(sim_file(f->disk, "journal"));
	log = sim_file(f->disk, log_1);
	sim_truncate(log, before);
	f->st = help_store(f->os, NULL, NULL);
	assert_null(sim_file(f->disk, "journal"));
	help_expect(f->st, f->os, help_place(1), both);
}

/* Nothing is written over what a log that is not synced may need. */
static void test_half_waits_for_its_logs(void **state)
{
	struct fixture *f = *state;
	struct store_place place = help_place(1);
	struct mailbox *mb;
	uint64_t before;

	journal_setup(f);
	assert_ok(help_deliver(f->st, help_place(2), one));
	before = sim_file(f->disk, log_1)->n;
	assert_ok(help_deliver(f->st, place, two));
	assert_ok(mailbox_get(f->st, &place, &mb));
	/* It has failed, and no new generation can be made. */
	plan(f, 1u << SIM_NEW, 1, YB_FULL);
	f->disk->fail_for_good = true;
	mailbox_fail(mb);
	store_run(f->st);
	assert_true(mb->failed);
	mailbox_unuse(&mb);
	/* Each takes a block: more than both halves have. */
	for (int i = 0; i < 12; i++)
		assert_ok(help_deliver(f->st, help_place(2), two));
	f->disk->dead = true;
	store_close(&f->st);
	f->disk->dead = false;
	plan(f, 0, 0, YB_OK);
	f->disk->fail_for_good = false;
	sim_truncate(sim_file(f->disk, log_1), before);
	f->st = help_store(f->os, NULL, NULL);
	help_expect(f->st, f->os, place, both);
}

struct switching {
	struct sim_disk *disk;
	struct store *st;
	struct mailbox *mb;
	bool seen;
};

static void drain_while_switching(void *ctx)
{
	struct switching *s = ctx;

	if (s->mb->work == MAILBOX_SWITCHING) {
		s->seen = true;
		s->st->journal.draining = 3;
		journal_drain(s->st);
	} else {
		s->disk->behind_sync = drain_while_switching;
	}
}

static void on_compacted(void *ctx, enum yb_err err, struct store_compacted c)
{
	assert_true(c.after < c.before);
	help_on_done(ctx, err);
}

/* I9: a log whose turn to be synced comes while a shorter one takes over. */
static void test_drain_while_switching(void **state)
{
	struct fixture *f = *state;
	struct store_config config = { .path = "/",
				       .os = f->os,
				       .journal_least = 1,
				       .journal_octets = 16 * 1024,
				       .journal_at_once = true };
	struct store_place place = help_place(1);
	struct help_answer a = { 0 };
	struct store_snapshot *snapshot;
	struct switching s = { .disk = f->disk };
	struct index_head head;

	store_close(&f->st);
	assert_ok(store_open(&config, &f->st));
	s.st = f->st;
	assert_ok(help_deliver(f->st, place, one));
	assert_ok(help_open(f->st, place, &snapshot));
	assert_ok(help_expunge(f->st, snapshot, 1, 1));
	store_snapshot_close(&snapshot);
	assert_ok(help_deliver(f->st, place, two));
	assert_ok(mailbox_get(f->st, &place, &s.mb));
	f->disk->behind_sync = drain_while_switching;
	f->disk->behind_ctx = &s;
	store_compact(f->st, place, on_compacted, &a);
	help_wait(f->st, &a.done);
	assert_ok(a.err);
	assert_true(s.seen);
	assert_int_equal(s.mb->durable, s.mb->tail);
	assert_int_equal(s.mb->durable, sim_file(f->disk, log_1)->n);
	assert_ok(index_head_decode(sim_file(f->disk, index_1)->p, &head));
	assert_int_equal(head.durable_upto, s.mb->durable);
	mailbox_unuse(&s.mb);
	help_expect(f->st, f->os, place, two);
}

/* Somebody who does not know of the journal has used the store since: what
 * stands in the log stays (I1), and the journal is kept for people. */
static void test_journal_never_overwrites(void **state)
{
	struct fixture *f = *state;
	struct sim_data *log;
	uint8_t *later;
	uint64_t before, n;
	int root;

	journal_setup(f);
	before = sim_file(f->disk, log_1)->n;
	assert_ok(help_deliver(f->st, help_place(1), two));
	/* Dies; the log loses its end; another program takes mail. */
	f->disk->dead = true;
	store_close(&f->st);
	f->disk->dead = false;
	sim_truncate(sim_file(f->disk, log_1), before);
	assert_ok(f->os->open_root(f->os->ctx, "/", &root));
	assert_ok(
		f->os->rename(f->os->ctx, root, "journal", root, "away", true));
	f->st = help_store(f->os, NULL, NULL);
	assert_ok(help_deliver(f->st, help_place(1), one));
	store_close(&f->st);
	log = sim_file(f->disk, log_1);
	n = log->n;
	later = malloc(n);
	assert_non_null(later);
	memcpy(later, log->p, n);
	assert_ok(
		f->os->rename(f->os->ctx, root, "away", root, "journal", true));
	f->os->close(f->os->ctx, root);
	f->st = help_store(f->os, NULL, NULL);
	assert_null(sim_file(f->disk, "journal"));
	log = sim_file(f->disk, log_1);
	assert_int_equal(log->n, n);
	assert_memory_equal(log->p, later, n);
	free(later);
}

/* I5: an index that is behind its log, and a process that dies then. */
static void test_index_lags(void **state)
{
	struct fixture *f = *state;
	struct store_config config = { .path = "/",
				       .os = f->os,
				       .index_lag = 3 };
	struct sim_data *index;
	struct index_head head;

	store_close(&f->st);
	assert_ok(store_open(&config, &f->st));
	assert_ok(help_deliver(f->st, help_place(1), one));
	assert_ok(help_deliver(f->st, help_place(1), two));
	index = sim_file(f->disk, index_1);
	assert_ok(index_head_decode(index->p, &head));
	assert_int_equal(head.count, 0);
	store_tick(f->st);
	index = sim_file(f->disk, index_1);
	assert_ok(index_head_decode(index->p, &head));
	assert_int_equal(head.count, 2);
	/* So many at once are not left to the tick. */
	for (int i = 0; i < 3; i++)
		assert_ok(help_deliver(f->st, help_place(2), one));
	assert_int_equal(f->st->lagging_n, 0);
	assert_ok(help_deliver(f->st, help_place(1), one));
	assert_int_equal(f->st->lagging_n, 1);
	f->disk->dead = true;
	store_close(&f->st);
	f->disk->dead = false;
	index = sim_file(f->disk, index_1);
	assert_ok(index_head_decode(index->p, &head));
	assert_int_equal(head.count, 2);
	f->st = help_store(f->os, NULL, NULL);
	{
		struct store_totals totals;

		assert_ok(help_totals(f->st, help_place(1), &totals));
		assert_int_equal(totals.messages, 3);
	}
}

/* A sync that fails while a mailbox is opened: nothing unsynced is shown,
 * and what was read goes into a new generation. */
static void test_failed_sync_while_loading(void **state)
{
	struct fixture *f = *state;
	struct store_snapshot *s;

	assert_ok(help_deliver(f->st, help_place(1), one));
	store_close(&f->st);
	sim_truncate(sim_file(f->disk, index_1), 0);
	f->st = help_store(f->os, NULL, NULL);
	plan(f, 1u << SIM_SYNC, 1, YB_IO);
	help_expect(f->st, f->os, help_place(1), one);
	assert_int_equal(generation(f), 2);
	/* Both fail: not shown, and distrusted as long as this process is. */
	store_close(&f->st);
	sim_truncate(sim_file(f->disk, index_1), 0);
	f->st = help_store(f->os, NULL, NULL);
	plan(f, 1u << SIM_SYNC_FOLDER, 1, YB_IO);
	assert_int_equal(help_open(f->st, help_place(1), &s), YB_IO);
	help_expect(f->st, f->os, help_place(1), one);
	assert_int_equal(generation(f), 3);
	assert_ok(help_deliver(f->st, help_place(1), two));
	help_expect(f->st, f->os, help_place(1), both);
}

/* I5: an index that cannot be written refuses no mail. */
static void test_index_write_fails(void **state)
{
	struct fixture *f = *state;

	assert_ok(help_deliver(f->st, help_place(1), one));
	/* The record itself, then the index entry. */
	plan(f, 1u << SIM_WRITE, 2, YB_FULL);
	assert_ok(help_deliver(f->st, help_place(1), two));
	help_expect(f->st, f->os, help_place(1), both);
	assert_ok(help_deliver(f->st, help_place(1), one));
	store_close(&f->st);
	f->st = help_store(f->os, NULL, NULL);
	assert_ok(help_deliver(f->st, help_place(2), one));
	{
		struct store_totals totals;

		assert_ok(help_totals(f->st, help_place(1), &totals));
		assert_int_equal(totals.messages, 3);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_failed_sync),
		T(test_read_only_until_rewritten),
		T(test_rename_without_folder_sync),
		T(test_all_or_none),
		T(test_each),
		cmocka_unit_test(test_every_call_fails_once),
		cmocka_unit_test(test_every_call_fails_once_with_journal),
		T(test_journal_fails),
		T(test_log_fails_behind_journal),
		T(test_journal_outlives_bad_log),
		T(test_half_waits_for_its_logs),
		T(test_drain_while_switching),
		T(test_journal_never_overwrites),
		T(test_failed_sync_while_loading),
		T(test_index_write_fails),
		T(test_index_lags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
