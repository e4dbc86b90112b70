/*
 * The store's calls: what is delivered is seen, deleted, kept apart. On a
 * disk in memory unless a test says otherwise.
 */
#include "unit/store/sim_disk.h"
#include "unit/store/store_help.h"

#include "base/codec.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "base/cleanup.h"
#include "store/private.h"

static const char one[] = "Subject: one\r\n\r\nfirst\r\n.\r\n";
static const char two[] = "Subject: two\r\n\r\n..dots\r\n...\r\n.\r\n";
static const char three[] = ".\r\n";

struct fixture {
	struct sim_disk *disk;
	struct store *st;
	const struct os_storage *os;
	unsigned reports;
};

static void on_report(void *ctx, const char *line)
{
	(void)line;
	((struct fixture *)ctx)->reports++;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->disk = sim_new();
	f->os = &f->disk->table;
	f->st = help_store(f->os, on_report, f);
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

static void reopen(struct fixture *f)
{
	store_close(&f->st);
	f->st = help_store(f->os, on_report, f);
}

static void test_empty(void **state)
{
	struct fixture *f = *state;
	struct store_totals totals;
	struct store_snapshot *s;
	struct listing l;
	int fd;

	assert_ok(help_open(f->st, help_place(1), &s));
	l = help_listing(s);
	assert_int_equal(l.head->count, 0);
	assert_int_equal(l.head->octets, 0);
	assert_int_equal(l.uidl.n, 0);
	assert_int_equal(store_snapshot_log(s, &fd), YB_NO_MSG);
	store_snapshot_close(&s);
	assert_null(s);
	store_snapshot_close(&s);
	assert_ok(help_totals(f->st, help_place(1), &totals));
	assert_int_equal(totals.messages, 0);
	/* Looking makes no files. */
	assert_null(sim_file(f->disk, "01"));
}

static void test_deliver_and_list(void **state)
{
	struct fixture *f = *state;
	struct store_snapshot *s;
	struct store_totals totals;
	struct listing l;
	char *text;

	assert_ok(help_deliver(f->st, help_place(1), one));
	assert_ok(help_deliver(f->st, help_place(1), two));
	assert_ok(help_deliver(f->st, help_place(1), three));
	assert_ok(help_open(f->st, help_place(1), &s));
	l = help_listing(s);
	assert_int_equal(l.head->count, 3);
	assert_int_equal(l.rows[0].uid, 1);
	assert_int_equal(l.rows[2].uid, 3);
	assert_int_equal(l.rows[0].header_size, 16);
	assert_int_equal(l.rows[1].dots, 2);
	assert_int_equal(l.rows[2].wire_size, 3);
	/* RFC 1939 section 11: octets without doubled dots and the end */
	assert_int_equal(l.head->octets,
			 sizeof one - 4 + sizeof two - 4 - 2 + 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(listing_uidl(&l, i).n, BASE32_ID_LEN);
	assert_false(span_eq(listing_uidl(&l, 0), listing_uidl(&l, 1)));
	text = help_read(f->os, s, 1);
	assert_string_equal(text, two);
	free(text);
	assert_ok(help_totals(f->st, help_place(1), &totals));
	assert_int_equal(totals.messages, 3);
	assert_int_equal(totals.octets, l.head->octets);
	store_snapshot_close(&s);
}

/* RFC 1939's UIDL and LIST answers, ready to be sent. */
static void test_listing_text(void **state)
{
	struct fixture *f = *state;
	struct store_snapshot *s;
	struct listing l;
	char want[64];

	for (int i = 0; i < 12; i++)
		assert_ok(help_deliver(f->st, help_place(1), one));
	assert_ok(help_open(f->st, help_place(1), &s));
	l = help_listing(s);
	want[0] = 0;
	assert_memory_equal(l.list.p, "1 23\r\n2 23\r\n", 12);
	assert_memory_equal(l.list.p + l.list.n - 14, "11 23\r\n12 23\r\n", 14);
	for (uint32_t i = 0; i < 12; i++) {
		struct span line = span_skip(l.uidl, l.rows[i].uidl_line);
		int n = snprintf(want, sizeof want, "%u ", i + 1);

		assert_memory_equal(line.p, want, (size_t)n);
		assert_memory_equal(line.p + n + BASE32_ID_LEN, "\r\n", 2);
	}
	store_snapshot_close(&s);
}

static void test_wrong_form(void **state)
{
	static const struct {
		const char *wire;
		enum yb_err err;
	} rows[] = {
		{ "no end\r\n", YB_INVALID },
		{ "", YB_INVALID },
		{ "bare\nlf\r\n.\r\n", YB_BARE_LINE_END },
		{ "bare\rcr\r\n.\r\n", YB_BARE_LINE_END },
		{ ".\r\nbehind\r\n.\r\n", YB_INVALID },
		{ ".single\r\n.\r\n", YB_INVALID },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct store_delivery d = { .fd = -1 };
		struct store_place place = help_place(1);
		struct help_answer a = { 0 };

		assert_int_equal(
			help_deliver(f->st, help_place(1), rows[i].wire),
			rows[i].err);
		/* The same out of a file: copied, checked, cut back. */
		if (rows[i].wire[0] == 0)
			continue;
		assert_ok(memfd_make("body", span_str(rows[i].wire), &d.fd));
		d.places = &place;
		d.places_n = 1;
		d.wire_n = strlen(rows[i].wire);
		store_deliver(f->st, &d, help_on_delivered, &a);
		help_wait(f->st, &a.done);
		assert_int_equal(a.err, rows[i].err);
		(void)close(d.fd);
	}
	assert_ok(help_deliver(f->st, help_place(1), one));
	help_expect(f->st, f->os, help_place(1), one);
	reopen(f);
	help_expect(f->st, f->os, help_place(1), one);
	assert_int_equal(f->reports, 0);
}

/* A prefix is part of the message, and what it ends with must fit. */
static void test_prefix_and_file(void **state)
{
	struct fixture *f = *state;
	struct store_place places[2] = { help_place(1), help_place(2) };
	struct store_delivery d = { .mode = STORE_EACH,
				    .places = places,
				    .places_n = 2,
				    .prefix = SPAN_LIT("Received: x\r\n") };
	struct help_answer a = { 0 };
	size_t n = 700 * 1000;
	char *body = malloc(n + 64), *want;
	size_t at = 5;

	memset(body, 'j', 5);
	while (at < n)
		at += (size_t)sprintf(body + at, "..line at %zu\r\n", at);
	at += (size_t)sprintf(body + at, ".\r\n");
	assert_ok(memfd_make("body", span_of(body, at), &d.fd));
	d.wire_at = 5;
	d.wire_n = at - 5;
	store_deliver(f->st, &d, help_on_delivered, &a);
	help_wait(f->st, &a.done);
	assert_ok(a.err);
	(void)close(d.fd);
	want = malloc(at + 64);
	(void)sprintf(want, "Received: x\r\n%s", body + 5);
	help_expect(f->st, f->os, places[0], want);
	help_expect(f->st, f->os, places[1], want);
	/* As large, out of memory. */
	d.fd = -1;
	d.wire = span_of(body + 5, at - 5);
	d.places_n = 1;
	a = (struct help_answer){ 0 };
	store_deliver(f->st, &d, help_on_delivered, &a);
	help_wait(f->st, &a.done);
	assert_ok(a.err);
	reopen(f);
	help_expect(f->st, f->os, places[1], want);
	/* A file that is shorter than was said. */
	assert_ok(memfd_make("body", span_of(body + 5, at - 5), &d.fd));
	d.wire_at = 1;
	a = (struct help_answer){ 0 };
	store_deliver(f->st, &d, help_on_delivered, &a);
	help_wait(f->st, &a.done);
	assert_int_equal(a.err, YB_INVALID);
	(void)close(d.fd);
	free(body);
	free(want);
}

static void test_mailbox_named_twice(void **state)
{
	struct fixture *f = *state;
	struct store_place places[3] = { help_place(1), help_place(2),
					 help_place(1) };

	assert_ok(help_deliver_to(f->st, places, 3, one));
	help_expect(f->st, f->os, help_place(1), one);
	help_expect(f->st, f->os, help_place(2), one);
}

/* I7: a snapshot does not change, whatever happens beside it. */
static void test_snapshots(void **state)
{
	struct fixture *f = *state;
	struct store_snapshot *a, *b, *c;
	char *text;

	assert_ok(help_deliver(f->st, help_place(1), one));
	assert_ok(help_deliver(f->st, help_place(1), two));
	assert_ok(help_open(f->st, help_place(1), &a));
	assert_ok(help_open(f->st, help_place(1), &b));
	/* Shared, not made twice. */
	assert_ptr_equal(store_snapshot_listing(a).p,
			 store_snapshot_listing(b).p);
	assert_ok(help_deliver(f->st, help_place(1), three));
	/* Two sessions delete the same message: neither is an error. */
	assert_ok(help_expunge(f->st, a, 1, 1));
	assert_ok(help_expunge(f->st, b, 1, 2));
	assert_int_equal(help_listing(a).head->count, 2);
	text = help_read(f->os, a, 0);
	assert_string_equal(text, one);
	free(text);
	assert_ok(help_open(f->st, help_place(1), &c));
	assert_int_equal(help_listing(c).head->count, 1);
	assert_int_equal(help_listing(c).rows[0].uid, 3);
	/* Nor do numbers change under those that are there (threat 25). */
	assert_int_equal(help_listing(a).head->count, 2);
	assert_int_equal(help_listing(a).rows[0].uid, 1);
	store_snapshot_close(&a);
	store_snapshot_close(&b);
	store_snapshot_close(&c);
	reopen(f);
	help_expect(f->st, f->os, help_place(1), three);
	assert_ok(help_deliver(f->st, help_place(1), two));
	assert_ok(help_open(f->st, help_place(1), &c));
	assert_int_equal(help_listing(c).rows[1].uid, 4);
	store_snapshot_close(&c);
}

static void test_expunge_ranges(void **state)
{
	static const struct {
		struct uid_range ranges[2];
		size_t n;
		enum yb_err err;
	} rows[] = {
		{ { { 2, 1 } }, 1, YB_INVALID },
		{ { { 0, 1 } }, 1, YB_INVALID },
		{ { { 1, 2 }, { 3, 4 } }, 2, YB_INVALID }, /* touch */
		{ { { 1, 2 }, { 2, 4 } }, 2, YB_INVALID },
		{ { { 4, 4 }, { 1, 1 } }, 2, YB_INVALID },
		{ { { 0, 0 } }, 0, YB_OK },
		{ { { 77, UINT32_MAX } }, 1, YB_OK },
		{ { { 1, 1 }, { 3, UINT32_MAX } }, 2, YB_OK },
	};
	struct fixture *f = *state;
	struct store_snapshot *s;

	for (int i = 0; i < 4; i++)
		assert_ok(
			help_deliver(f->st, help_place(1), i == 1 ? two : one));
	assert_ok(help_open(f->st, help_place(1), &s));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct help_answer a = { 0 };

		store_expunge(s, NULL, rows[i].ranges, rows[i].n,
			      help_on_changed, &a);
		help_wait(f->st, &a.done);
		assert_int_equal(a.err, rows[i].err);
	}
	store_snapshot_close(&s);
	help_expect(f->st, f->os, help_place(1), two);
	reopen(f);
	help_expect(f->st, f->os, help_place(1), two);
}

/* Threat 21: every second of many messages, one record. */
static void test_expunge_many_ranges(void **state)
{
	enum { N = 2000 };
	struct fixture *f = *state;
	struct store_snapshot *s;
	struct uid_range *ranges = calloc(N / 2, sizeof *ranges);
	struct help_answer a = { 0 };
	struct store_totals totals;

	for (uint32_t i = 0; i < N; i++)
		assert_ok(help_deliver(f->st, help_place(1), three));
	for (uint32_t i = 0; i < N / 2; i++)
		ranges[i] = (struct uid_range){ 2 * i + 1, 2 * i + 1 };
	assert_ok(help_open(f->st, help_place(1), &s));
	store_expunge(s, NULL, ranges, N / 2, help_on_changed, &a);
	store_snapshot_close(&s); /* may be closed meanwhile */
	help_wait(f->st, &a.done);
	assert_ok(a.err);
	free(ranges);
	for (int round = 0; round < 3; round++) {
		assert_ok(help_totals(f->st, help_place(1), &totals));
		assert_int_equal(totals.messages, N / 2);
		if (round == 1)
			sim_truncate(sim_file(f->disk,
					      "01/01/0101010101010101"
					      "0101010101010101/1/index"),
				     0);
		reopen(f);
	}
	assert_ok(help_open(f->st, help_place(1), &s));
	assert_int_equal(help_listing(s).rows[7].uid, 16);
	store_snapshot_close(&s);
}

static void test_memfd(void **state)
{
	struct fixture *f = *state;
	struct store_snapshot *a, *b;
	struct span map;
	int fd, same;

	assert_ok(help_deliver(f->st, help_place(1), one));
	assert_ok(help_open(f->st, help_place(1), &a));
	assert_ok(help_open(f->st, help_place(1), &b));
	assert_ok(store_snapshot_memfd(a, &fd));
	assert_ok(store_snapshot_memfd(b, &same));
	assert_int_equal(fd, same);
	assert_ok(memfd_map(fd, 1 << 20, &map));
	assert_true(span_eq(map, store_snapshot_listing(b)));
	memfd_unmap(&map);
	store_snapshot_close(&a);
	store_snapshot_close(&b);
}

static void test_accounts_removed(void **state)
{
	struct fixture *f = *state;
	struct store_snapshot *s;
	size_t dir;
	char *text;
	int fd;

	assert_ok(help_remove(f->st, help_place(1))); /* has no files */
	assert_ok(help_deliver(f->st, help_place(1), one));
	assert_ok(help_deliver(f->st, help_place(2), two));
	assert_ok(help_open(f->st, help_place(1), &s));
	assert_ok(store_snapshot_log(s, &fd));
	assert_ok(help_remove(f->st, help_place(1)));
	help_expect(f->st, f->os, help_place(1), "");
	help_expect(f->st, f->os, help_place(2), two);
	/* A session that has the log goes on reading; deleting is no error. */
	text = help_read(f->os, s, 0);
	assert_string_equal(text, one);
	free(text);
	assert_ok(help_expunge(f->st, s, 1, 1));
	store_snapshot_close(&s);
	/* The files are gone, too. */
	assert_true(sim_walk(f->disk, SIM_ROOT, "removed", &dir));
	assert_int_equal(f->disk->inodes[dir].names_n, 0);
	assert_ok(help_deliver(f->st, help_place(1), three));
	help_expect(f->st, f->os, help_place(1), three);
}

/* Leftovers of a removal that was cut short go at the next start. */
static void test_leftovers_removed(void **state)
{
	struct fixture *f = *state;
	size_t dir;
	int root, fd;

	assert_ok(help_deliver(f->st, help_place(1), one));
	store_close(&f->st);
	assert_ok(f->os->open_root(f->os->ctx, "/", &root));
	assert_ok(
		f->os->open(f->os->ctx, root, "removed", STORAGE_FOLDER, &fd));
	assert_ok(f->os->rename(f->os->ctx, root, "01", fd, "01.left", false));
	f->os->close(f->os->ctx, fd);
	f->os->close(f->os->ctx, root);
	f->st = help_store(f->os, on_report, f);
	assert_true(sim_walk(f->disk, SIM_ROOT, "removed", &dir));
	assert_int_equal(f->disk->inodes[dir].names_n, 0);
}

/* Uids below 2^32: the last one is given, and then no more. */
static void test_uids_exhausted(void **state)
{
	struct fixture *f = *state;
	struct store_place place = help_place(1);
	struct mailbox *mb;
	struct store_snapshot *s;

	assert_ok(help_deliver(f->st, place, one));
	assert_ok(mailbox_get(f->st, &place, &mb));
	mb->next_uid = UINT32_MAX;
	mailbox_unuse(&mb);
	assert_ok(help_deliver(f->st, place, two));
	assert_int_equal(help_deliver(f->st, place, three), YB_QUOTA);
	assert_ok(help_open(f->st, place, &s));
	assert_int_equal(help_listing(s).rows[1].uid, UINT32_MAX);
	assert_ok(help_expunge(f->st, s, 1, 1));
	store_snapshot_close(&s);
	reopen(f);
	assert_int_equal(help_deliver(f->st, place, three), YB_QUOTA);
	help_expect(f->st, f->os, place, two);
}

static void test_cache_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct store_config config = { .path = "/",
				       .os = f->os,
				       .cached_mailboxes = 4 };

	store_close(&f->st);
	assert_ok(store_open(&config, &f->st));
	for (int round = 0; round < 2; round++)
		for (uint8_t a = 1; a < 20; a++)
			assert_ok(help_deliver(f->st, help_place(a), one));
	assert_true(f->st->unused_n <= 4);
	/* root, lock, and two for each mailbox that is kept */
	assert_true(f->disk->open_fds <= 2 + 2 * 4);
	for (uint8_t a = 1; a < 20; a++) {
		struct store_totals totals;

		assert_ok(help_totals(f->st, help_place(a), &totals));
		assert_int_equal(totals.messages, 2);
	}
}

static void test_invalid_device(void **state)
{
	struct fixture *f = *state;
	struct help_answer a = { 0 };

	store_snapshot_open(f->st, help_place(1), STORE_DEVICES_MAX,
			    help_on_opened, &a);
	assert_true(a.done);
	assert_int_equal(a.err, YB_INVALID);
}

/* Small mailboxes are what there is most of: about one KiB each. */
static void test_memory_of_a_small_mailbox(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		assert_ok(help_deliver(f->st, help_place(1), one));
	assert_int_equal(f->st->unused_n, 1);
	assert_true(f->st->unused_octets < 1536);
}

static void add_entries(struct index_table *t, uint64_t n)
{
	struct log_record r = { .type = LOG_MESSAGE, .wire_size = 10000 };

	assert_ok(index_table_reserve(t, n));
	while (n-- > 0) {
		r.uid = r.seq = t->count + 1;
		r.wire_size += r.uid % 7 * 1000;
		memcpy(r.id, &r.uid, sizeof r.uid);
		index_table_add(t, &r, r.uid * 100960);
	}
}

/* One that grew is one that was made at once, octet for octet. */
static void test_listing_grows(void **state)
{
	static const uint64_t steps[] = { 0, 1, 7, 1, 1, 89, 2, 900, 5, 9000 };
	struct log_record gone = { .type = LOG_EXPUNGE };
	struct log_keys keys = { 1, 2, 3 };
	struct listing_block *before = NULL;
	struct index_table t;

	(void)state;
	index_table_init(&t, &keys);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct listing_block *grown, *fresh;

		add_entries(&t, steps[i]);
		if (i == 6) { /* some that nobody sees */
			(void)index_table_hide(
				&t, (struct uid_range){ 100, 101 }, &gone);
		}
		assert_ok(listing_make(&t, 5, 0, before, &grown));
		assert_ok(listing_make(&t, 5, 0, NULL, &fresh));
		assert_int_equal(grown->n, fresh->n);
		assert_memory_equal(grown->octets, fresh->octets, fresh->n);
		listing_block_unref(&before);
		listing_block_unref(&fresh);
		before = grown;
	}
	listing_block_unref(&before);
	index_table_done(&t);
}

/* The listing of a mailbox is made at memory speed. */
static void test_listing_speed(void **state)
{
	enum { N = 100000 };
	struct index_table t;
	struct log_keys keys = { 1, 2, 3 };
	struct listing_block *block, *grown;
	uint64_t began;

	(void)state;
	index_table_init(&t, &keys);
	add_entries(&t, N);
	began = clock_mono_ns();
	assert_ok(listing_make(&t, 1, 0, NULL, &block));
	print_message("listing of %d messages: %llu us, %zu octets\n", N,
		      (unsigned long long)(clock_mono_ns() - began) / 1000,
		      block->n);
	add_entries(&t, 1);
	began = clock_mono_ns();
	assert_ok(listing_make(&t, 1, 0, block, &grown));
	print_message("with one more: %llu us\n",
		      (unsigned long long)(clock_mono_ns() - began) / 1000);
	listing_block_unref(&grown);
	listing_block_unref(&block);
	index_table_done(&t);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_empty),
		T(test_deliver_and_list),
		T(test_listing_text),
		T(test_wrong_form),
		T(test_prefix_and_file),
		T(test_mailbox_named_twice),
		T(test_snapshots),
		T(test_expunge_ranges),
		T(test_expunge_many_ranges),
		T(test_memfd),
		T(test_accounts_removed),
		T(test_leftovers_removed),
		T(test_uids_exhausted),
		T(test_cache_is_bounded),
		T(test_invalid_device),
		T(test_memory_of_a_small_mailbox),
		T(test_listing_grows),
		T(test_listing_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
