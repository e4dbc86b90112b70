/*
 * What opening makes of logs and indexes that are torn, damaged, stale or
 * not their own: I5 and I6, on a disk in memory.
 */
#include "unit/store/sim_disk.h"
#include "unit/store/store_help.h"

#include "base/cleanup.h"
#include "base/num.h"
#include "store/index.h"
#include "store/log.h"

#define FOLDER(digits)                                                         \
	digits "/" digits "/" digits digits digits digits digits digits digits \
		digits digits digits digits digits digits digits digits digits \
	       "/1/"

static const char log_1[] = FOLDER("01") "log";
static const char index_1[] = FOLDER("01") "index";
static const char index_2[] = FOLDER("02") "index";

static const char *const messages[] = {
	"Subject: one\r\n\r\nfirst\r\n.\r\n",
	"Subject: two\r\n\r\n..second\r\nwith more\r\n.\r\n",
	".\r\n",
	"Subject: four\r\n\r\nfourth\r\n.\r\n",
};

enum { MESSAGES = 4 };

/* Where message `i`, whose record ends at `end`, is whole: padding is none
 * of its octets. */
static size_t whole_at(size_t i, size_t end)
{
	size_t n = strlen(messages[i]);

	return end - (log_align(n) - n);
}

struct reports {
	unsigned lines;
	char last[256];
};

static void on_report(void *ctx, const char *line)
{
	struct reports *r = ctx;

	r->lines++;
	(void)snprintf(r->last, sizeof r->last, "%s", line);
}

/* A disk with `n` of the messages in account 1, and the log's sizes after
 * each of them. */
static struct sim_disk *make_disk(size_t n, size_t *sizes)
{
	struct sim_disk *disk = sim_new();
	struct store *st = help_store(&disk->table, NULL, NULL);

	for (size_t i = 0; i < n; i++) {
		assert_ok(help_deliver(st, help_place(1), messages[i]));
		if (sizes != NULL)
			sizes[i] = sim_file(disk, log_1)->n;
	}
	store_close(&st);
	return disk;
}

static void join(char *dst, unsigned set)
{
	dst[0] = 0;
	for (unsigned i = 0; i < MESSAGES; i++)
		if ((set >> i & 1) != 0)
			strcat(dst, messages[i]);
}

/* Opens; expects the messages of `set`, and `lines` reports (-1: any). */
static void expect(struct sim_disk *disk, unsigned set, int lines)
{
	struct reports r = { 0 };
	struct store *st = help_store(&disk->table, on_report, &r);
	char want[512];

	join(want, set);
	help_expect(st, &disk->table, help_place(1), want);
	if (lines >= 0)
		assert_int_equal(r.lines, lines);
	/* And it takes mail again. */
	assert_ok(help_deliver(st, help_place(1), "x\r\n.\r\n"));
	strcat(want, "x\r\n.\r\n");
	help_expect(st, &disk->table, help_place(1), want);
	store_close(&st);
	/* What was written behind damage is found again. */
	st = help_store(&disk->table, NULL, NULL);
	help_expect(st, &disk->table, help_place(1), want);
	store_close(&st);
	sim_truncate(sim_file(disk, index_1), 0);
	st = help_store(&disk->table, NULL, NULL);
	help_expect(st, &disk->table, help_place(1), want);
	store_close(&st);
	assert_int_equal(disk->open_fds, 0);
}

static size_t torn_files(struct sim_disk *disk)
{
	size_t n = 0, dir;

	assert_true(sim_walk(disk, SIM_ROOT,
			     "01/01/"
			     "01010101010101010101010101010101/1",
			     &dir));
	for (size_t i = 0; i < disk->inodes[dir].names_n; i++)
		n += strncmp(disk->inodes[dir].names[i].name, "torn.", 5) == 0;
	return n;
}

/* An index as it was before the last `n` appends: what a power cut leaves,
 * since indexes are not synced. */
static void make_index_stale(struct sim_disk *disk, const uint8_t *old,
			     size_t old_n)
{
	struct sim_data *d = sim_file(disk, index_1);

	sim_truncate(d, 0);
	sim_put(d, 0, old, old_n);
}

/* I6: each length that a log can be cut to, with an index that knows only
 * the first message: the rest is above `durable_upto`. */
static void test_every_truncation(void **state)
{
	struct sim_disk *first = make_disk(1, NULL);
	size_t old_n = sim_file(first, index_1)->n;

	(void)state;
	sim_free(&first);
	for (size_t cut = 0;; cut++) {
		size_t sizes[MESSAGES];
		struct sim_disk *disk = sim_new();
		struct store *st = help_store(&disk->table, NULL, NULL);
		unsigned set = 0;
		uint8_t old[1024];
		bool torn;

		assert_ok(help_deliver(st, help_place(1), messages[0]));
		sizes[0] = sim_file(disk, log_1)->n;
		assert_true(old_n <= sizeof old);
		memcpy(old, sim_file(disk, index_1)->p, old_n);
		for (size_t i = 1; i < MESSAGES; i++) {
			assert_ok(help_deliver(st, help_place(1), messages[i]));
			sizes[i] = sim_file(disk, log_1)->n;
		}
		store_close(&st);
		make_index_stale(disk, old, old_n);
		if (sizes[0] + cut > sizes[MESSAGES - 1]) {
			sim_free(&disk);
			break;
		}
		sim_truncate(sim_file(disk, log_1), sizes[0] + cut);
		for (unsigned i = 0; i < MESSAGES; i++)
			if (sizes[0] + cut >= whole_at(i, sizes[i]))
				set |= 1u << i;
		torn = true;
		for (unsigned i = 0; i < MESSAGES; i++)
			if (sizes[0] + cut >= whole_at(i, sizes[i]) &&
			    sizes[0] + cut <= sizes[i])
				torn = false;
		expect(disk, set, -1);
		/* Whole records leave nothing to be set aside. */
		assert_int_equal(torn_files(disk), torn);
		sim_free(&disk);
	}
}

/* Acknowledged data is never cut: with the index lost a bad end stays. */
static void test_truncation_without_index(void **state)
{
	size_t sizes[MESSAGES];
	struct sim_disk *whole = make_disk(MESSAGES, sizes);
	size_t end = sizes[MESSAGES - 1];

	(void)state;
	sim_free(&whole);
	for (size_t cut = LOG_HEAD_SIZE; cut <= end; cut++) {
		struct sim_disk *disk = make_disk(MESSAGES, NULL);
		unsigned set = 0;

		sim_truncate(sim_file(disk, log_1), cut);
		sim_truncate(sim_file(disk, index_1), 0);
		for (unsigned i = 0; i < MESSAGES; i++)
			if (cut >= whole_at(i, sizes[i]))
				set |= 1u << i;
		expect(disk, set, -1);
		assert_true(sim_file(disk, log_1)->n > cut);
		assert_int_equal(torn_files(disk), 0);
		sim_free(&disk);
	}
}

static void test_short_header(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < LOG_HEAD_SIZE; cut += 7) {
		struct sim_disk *disk = make_disk(2, NULL);
		struct reports r = { 0 };
		struct store *st;
		struct store_snapshot *s;

		sim_truncate(sim_file(disk, log_1), cut);
		st = help_store(&disk->table, on_report, &r);
		assert_int_equal(help_open(st, help_place(1), &s), YB_CORRUPT);
		assert_null(s);
		assert_int_equal(r.lines, 1);
		assert_int_equal(help_deliver(st, help_place(1), ".\r\n"),
				 YB_CORRUPT);
		store_close(&st);
		assert_int_equal(sim_file(disk, log_1)->n, cut);
		sim_free(&disk);
	}
}

/* Every octet of the records flipped, the index lost: one message at most is
 * missing, and no other octet is served for it. */
static void test_every_octet_flipped(void **state)
{
	size_t sizes[MESSAGES];
	struct sim_disk *whole = make_disk(MESSAGES, sizes);

	(void)state;
	sim_free(&whole);
	for (size_t at = LOG_HEAD_SIZE; at < sizes[MESSAGES - 1]; at++) {
		struct sim_disk *disk = make_disk(MESSAGES, NULL);
		struct reports r = { 0 };
		struct store *st;
		unsigned hit = 0;
		char *all, all_want[512], want[512];

		while (at >= sizes[hit])
			hit++;
		sim_file(disk, log_1)->p[at] ^= 0x55;
		sim_truncate(sim_file(disk, index_1), 0);
		st = help_store(&disk->table, on_report, &r);
		all = help_all(st, &disk->table, help_place(1));
		join(want, 0xfu & ~(1u << hit));
		join(all_want, 0xf);
		/* Padding is not summed: nothing is lost with it. */
		if (strcmp(all, all_want) != 0) {
			assert_string_equal(all, want);
			assert_int_equal(r.lines, 1);
		}
		free(all);
		store_close(&st);
		sim_free(&disk);
	}
}

/* Damage in the middle, below what the index knows to be synced. */
static void test_damaged_record_is_named(void **state)
{
	size_t sizes[MESSAGES];
	struct sim_disk *disk = make_disk(MESSAGES, sizes);
	struct reports r = { 0 };
	struct store *st;
	char want[512];

	(void)state;
	sim_file(disk, log_1)->p[sizes[0] + LOG_RECORD_SIZE + 3] ^= 1;
	/* Entries torn, header whole: `durable_upto` still holds. */
	sim_file(disk, index_1)->p[INDEX_HEAD_SIZE + 1] ^= 1;
	st = help_store(&disk->table, on_report, &r);
	join(want, 0xd);
	help_expect(st, &disk->table, help_place(1), want);
	assert_int_equal(r.lines, 2); /* of the index, too */
	assert_non_null(strstr(r.last, "message 2 at"));
	assert_non_null(strstr(r.last, "damaged"));
	store_close(&st);
	assert_int_equal(torn_files(disk), 0);
	assert_int_equal(sim_file(disk, log_1)->n, sizes[MESSAGES - 1]);
	sim_free(&disk);
}

/* Damage at the very end, below `durable_upto`, is not a torn tail; and the
 * uid that was lost with it is not given again (I4). */
static void test_damaged_end_keeps_uid(void **state)
{
	size_t sizes[MESSAGES];
	struct sim_disk *disk = make_disk(MESSAGES, sizes);
	struct store_snapshot *s;
	struct store *st;
	struct listing l;

	(void)state;
	sim_file(disk, log_1)->p[sizes[2] + 10] ^= 1;
	sim_file(disk, index_1)->p[INDEX_HEAD_SIZE + 1] ^= 1;
	st = help_store(&disk->table, NULL, NULL);
	assert_ok(help_deliver(st, help_place(1), messages[0]));
	store_close(&st);
	st = help_store(&disk->table, NULL, NULL);
	assert_ok(help_deliver(st, help_place(1), messages[0]));
	assert_ok(help_open(st, help_place(1), &s));
	l = help_listing(s);
	assert_int_equal(l.head->count, 5);
	assert_true(l.rows[3].uid > 4);
	assert_int_equal(l.rows[4].uid, l.rows[3].uid + 1);
	store_snapshot_close(&s);
	store_close(&st);
	assert_int_equal(torn_files(disk), 0);
	sim_free(&disk);
}

static void test_index_missing(void **state)
{
	struct sim_disk *disk = make_disk(MESSAGES, NULL);
	size_t dir;

	(void)state;
	assert_true(sim_walk(disk, SIM_ROOT,
			     "01/01/"
			     "01010101010101010101010101010101/1",
			     &dir));
	sim_drop_name(&disk->inodes[dir], "index");
	expect(disk, 0xf, 0);
	assert_non_null(sim_file(disk, index_1));
	sim_free(&disk);
}

static void test_index_every_octet(void **state)
{
	struct sim_disk *whole = make_disk(MESSAGES, NULL);
	size_t n = sim_file(whole, index_1)->n;

	(void)state;
	sim_free(&whole);
	assert_int_equal(n, INDEX_HEAD_SIZE + MESSAGES * INDEX_ENTRY_SIZE);
	for (size_t at = 0; at < n; at += 3) {
		struct sim_disk *disk = make_disk(MESSAGES, NULL);

		sim_file(disk, index_1)->p[at] ^= 0x10;
		expect(disk, 0xf, 1);
		sim_free(&disk);
	}
}

static void test_index_every_length(void **state)
{
	size_t n = INDEX_HEAD_SIZE + MESSAGES * INDEX_ENTRY_SIZE;

	(void)state;
	for (size_t cut = 0; cut < n; cut += 5) {
		struct sim_disk *disk = make_disk(MESSAGES, NULL);

		sim_truncate(sim_file(disk, index_1), cut);
		expect(disk, 0xf, cut > 0);
		sim_free(&disk);
	}
}

/* Threat 26: an index swapped between accounts. */
static void test_index_swapped(void **state)
{
	struct sim_disk *disk = make_disk(MESSAGES, NULL);
	struct store *st = help_store(&disk->table, NULL, NULL);
	struct sim_data *a, *b, kept;

	(void)state;
	for (int i = 0; i < MESSAGES; i++)
		assert_ok(help_deliver(st, help_place(2), "other\r\n.\r\n"));
	store_close(&st);
	a = sim_file(disk, index_1);
	b = sim_file(disk, index_2);
	kept = *a;
	*a = *b;
	*b = kept;
	expect(disk, 0xf, 1);
	sim_free(&disk);
}

/* A log in another account's place is not served to it. */
static void test_log_swapped(void **state)
{
	struct sim_disk *disk = make_disk(MESSAGES, NULL);
	struct store *st = help_store(&disk->table, NULL, NULL);
	struct store_snapshot *s;
	struct sim_data *a, *b;
	struct reports r = { 0 };

	(void)state;
	assert_ok(help_deliver(st, help_place(2), "other\r\n.\r\n"));
	store_close(&st);
	a = sim_file(disk, log_1);
	b = sim_file(disk, FOLDER("02") "log");
	sim_truncate(a, 0);
	sim_put(a, 0, b->p, b->n);
	st = help_store(&disk->table, on_report, &r);
	assert_int_equal(help_open(st, help_place(1), &s), YB_CORRUPT);
	assert_int_equal(r.lines, 1);
	help_expect(st, &disk->table, help_place(2), "other\r\n.\r\n");
	store_close(&st);
	sim_free(&disk);
}

/* An older copy of the log came back under a newer index. */
static void test_log_older_than_index(void **state)
{
	size_t sizes[MESSAGES];
	struct sim_disk *disk = make_disk(MESSAGES, sizes);

	(void)state;
	sim_truncate(sim_file(disk, log_1), sizes[1]);
	expect(disk, 0x3, 1);
	sim_free(&disk);
}

/* The header of an index of another generation. */
static void test_index_of_another_generation(void **state)
{
	struct sim_disk *disk = make_disk(MESSAGES, NULL);
	uint8_t *p = sim_file(disk, index_1)->p;

	(void)state;
	put_le64(p + 48, 9);
	put_le64(p + 56, 128);
	put_le64(p + 152, log_sum(span_of(p, 152), 0));
	expect(disk, 0xf, 1);
	sim_free(&disk);
}

/* An entry's old state, whole in itself, in an otherwise newer index: it
 * would bring a deleted message back. */
static void test_index_entry_of_before(void **state)
{
	struct sim_disk *disk = make_disk(MESSAGES, NULL);
	struct store *st = help_store(&disk->table, NULL, NULL);
	uint8_t before[INDEX_ENTRY_SIZE];
	struct store_snapshot *s;

	(void)state;
	memcpy(before,
	       sim_file(disk, index_1)->p + INDEX_HEAD_SIZE + INDEX_ENTRY_SIZE,
	       sizeof before);
	assert_ok(help_open(st, help_place(1), &s));
	assert_ok(help_expunge(st, s, 2, 2));
	store_snapshot_close(&s);
	store_close(&st);
	memcpy(sim_file(disk, index_1)->p + INDEX_HEAD_SIZE + INDEX_ENTRY_SIZE,
	       before, sizeof before);
	expect(disk, 0xd, 1);
	sim_free(&disk);
}

/* An index made worse in a way that its sums do not show. */
static void test_index_beyond_its_log(void **state)
{
	struct sim_disk *disk = make_disk(MESSAGES, NULL);
	uint8_t *p = sim_file(disk, index_1)->p;

	(void)state;
	put_le64(p + 56, 1u << 20);
	put_le64(p + 152, log_sum(span_of(p, 152), 0));
	expect(disk, 0xf, 1);
	sim_free(&disk);
}

/* As store/index.c sums: entry `i`, and then the header. */
static void seal_index(struct sim_disk *disk, size_t i)
{
	struct sim_data *d = sim_file(disk, index_1);
	uint8_t *e = d->p + INDEX_HEAD_SIZE + i * INDEX_ENTRY_SIZE;
	uint64_t old = get_le64(e + 104);
	struct log_keys keys;

	log_keys_init(&keys, sim_file(disk, log_1)->p + 32);
	put_le64(e + 104, log_sum(span_of(e, 104), keys.entry + i));
	put_le64(d->p + 104, get_le64(d->p + 104) - old + get_le64(e + 104));
	put_le64(d->p + 152, log_sum(span_of(d->p, 152), 0));
}

/* Threat 56: who knows the log's id can make the sums right. */
static void test_index_of_an_enemy(void **state)
{
	struct sim_disk *disk = make_disk(MESSAGES, NULL);
	uint8_t *p = sim_file(disk, index_1)->p;
	struct store_snapshot *s;
	struct store *st;

	(void)state;
	/* A header of entry 0 that is larger than its message. */
	put_le32(p + INDEX_HEAD_SIZE + 84, 1000);
	seal_index(disk, 0);
	st = help_store(&disk->table, NULL, NULL);
	assert_ok(help_open(st, help_place(1), &s));
	assert_int_equal(help_listing(s).rows[0].header_size, 16);
	store_snapshot_close(&s);
	store_close(&st);
	sim_free(&disk);
	/* A uid that is still to be given: uids would no longer rise. */
	disk = make_disk(MESSAGES, NULL);
	put_le32(sim_file(disk, index_1)->p + INDEX_HEAD_SIZE +
			 (MESSAGES - 1) * INDEX_ENTRY_SIZE + 80,
		 1000);
	seal_index(disk, MESSAGES - 1);
	st = help_store(&disk->table, NULL, NULL);
	assert_ok(help_open(st, help_place(1), &s));
	assert_int_equal(help_listing(s).rows[MESSAGES - 1].uid, MESSAGES);
	store_snapshot_close(&s);
	store_close(&st);
	sim_free(&disk);
	/* Numbers given last that would come round to the first ones. */
	for (size_t at = 112; at <= 120; at += 8) {
		disk = make_disk(MESSAGES, NULL);
		put_le64(sim_file(disk, index_1)->p + at, UINT64_MAX);
		seal_index(disk, 0);
		expect(disk, 0xf, -1);
		sim_free(&disk);
	}
	/* Or none would be left: a record above cannot be read again. */
	disk = make_disk(MESSAGES, NULL);
	put_le64(sim_file(disk, index_1)->p + 112, LOG_SEQ_MAX - 1);
	seal_index(disk, 0);
	expect(disk, 0xf, -1);
	sim_free(&disk);
}

/* Threat 56: a compaction writes records with the numbers of the index. */
static void test_numbers_of_an_enemy(void **state)
{
	static const size_t fields[] = { 8, 64 }; /* seq, gone_seq */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct sim_disk *disk = make_disk(MESSAGES, NULL);
		size_t at = INDEX_HEAD_SIZE + INDEX_ENTRY_SIZE + fields[i];
		uint8_t *p = sim_file(disk, index_1)->p + at;
		uint64_t before = get_le64(p);
		char want[512];
		struct store *st;

		put_le64(p, 1000);
		seal_index(disk, 1);
		join(want, 0xf);
		st = help_store(&disk->table, NULL, NULL);
		help_expect(st, &disk->table, help_place(1), want);
		store_close(&st);
		assert_int_equal(get_le64(sim_file(disk, index_1)->p + at),
				 before);
		sim_free(&disk);
	}
}

/* Threat 56: no index can have a message cut off as a torn tail, or passed
 * over. */
static void test_index_that_ends_beyond_its_last_record(void **state)
{
	static const struct {
		bool knows_it;
		unsigned end; /* behind that of the last but one */
	} cases[] = { { false, 64 }, { true, 64 }, { false, 128 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool knows_it = cases[i].knows_it;
		struct sim_disk *disk = make_disk(MESSAGES - 1, NULL);
		struct sim_data *d = sim_file(disk, index_1);
		uint64_t end = sim_file(disk, log_1)->n, size;
		uint8_t old[1024];
		size_t old_n = d->n;
		char want[512];
		struct store *st;

		memcpy(old, d->p, old_n);
		st = help_store(&disk->table, NULL, NULL);
		assert_ok(help_deliver(st, help_place(1),
				       messages[MESSAGES - 1]));
		store_close(&st);
		size = sim_file(disk, log_1)->n;
		if (!knows_it)
			make_index_stale(disk, old, old_n);
		end += cases[i].end;
		put_le64(sim_file(disk, index_1)->p + 56, end);
		put_le64(sim_file(disk, index_1)->p + 64, end);
		seal_index(disk, 0);
		join(want, 0xf);
		st = help_store(&disk->table, NULL, NULL);
		help_expect(st, &disk->table, help_place(1), want);
		store_close(&st);
		assert_int_equal(sim_file(disk, log_1)->n, size);
		assert_int_equal(torn_files(disk), 0);
		sim_free(&disk);
	}
}

/* Appends a record with right sums. */
static void put_record(struct sim_disk *disk, struct log_record *r,
		       const void *body, size_t n)
{
	struct sim_data *d = sim_file(disk, log_1);
	uint8_t head[LOG_RECORD_SIZE];
	struct log_keys keys;

	log_keys_init(&keys, d->p + 32);
	r->wire_size = n;
	r->body_sum = log_sum(span_of(body, n), keys.body);
	(void)log_record_encode(&keys, d->n, r, head);
	sim_put(d, d->n, head, sizeof head);
	sim_put(d, d->n, body, n);
	sim_put(d, log_align(d->n), NULL, 0);
}

/* An UNDELETE that brings nothing back leaves the mailbox as it was. */
static void test_undelete_of_an_enemy(void **state)
{
	static const uint32_t bodies[][5] = {
		{ 1, 1, 9, 1, 5 },          /* a range that is none */
		{ 1, 1, 2, 2, 0x02010501 }, /* a uid above the record's */
		{ 1, 1, 2, UINT32_MAX, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct log_record r = { .type = LOG_UNDELETE,
					.seq = 6,
					.uid = 5 };
		struct sim_disk *disk = make_disk(MESSAGES, NULL);
		struct store *st = help_store(&disk->table, NULL, NULL);
		struct store_snapshot *s;

		assert_ok(help_open(st, help_place(1), &s));
		assert_ok(help_expunge(st, s, 2, 2));
		store_snapshot_close(&s);
		store_close(&st);
		put_record(disk, &r, bodies[i], sizeof bodies[i]);
		expect(disk, 0xf & ~2u, -1);
		sim_free(&disk);
	}
}

/* No log of ours comes to such a seq: those behind it would begin anew. */
static void test_seq_at_its_end(void **state)
{
	struct log_record r = { .type = LOG_MESSAGE,
				.seq = UINT64_MAX,
				.uid = 5 };
	struct sim_disk *disk = make_disk(MESSAGES, NULL);

	(void)state;
	put_record(disk, &r, ".\r\n", 3);
	expect(disk, 0xf, -1);
	sim_free(&disk);
}

static void test_unknown_types(void **state)
{
	static const struct {
		unsigned type;
		enum yb_err deliver;
		unsigned lines;
	} rows[] = {
		{ 0x00ff, YB_OK, 0 },
		{ LOG_COLLECTED, YB_OK, 0 },
		{ 0x80ff, YB_READ_ONLY, 1 },
		{ 0x8004, YB_READ_ONLY, 1 },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct sim_disk *disk = make_disk(2, NULL);
		struct sim_data *d = sim_file(disk, log_1);
		struct log_record r = { .type = (uint16_t)rows[i].type,
					.seq = 50,
					.uid = 2 };
		uint8_t p[LOG_RECORD_SIZE];
		struct reports reports = { 0 };
		struct log_keys keys;
		struct store *st;
		char want[512];

		log_keys_init(&keys, d->p + 32);
		r.body_sum = log_sum(span_of("", 0), keys.body);
		(void)log_record_encode(&keys, d->n, &r, p);
		sim_put(d, d->n, p, sizeof p);
		st = help_store(&disk->table, on_report, &reports);
		join(want, 0x3);
		help_expect(st, &disk->table, help_place(1), want);
		assert_int_equal(reports.lines, rows[i].lines);
		assert_int_equal(help_deliver(st, help_place(1), ".\r\n"),
				 rows[i].deliver);
		store_close(&st);
		sim_free(&disk);
	}
}

static void test_unknown_feature_bits(void **state)
{
	static const size_t bits[] = { 16, 20, 24 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct sim_disk *disk = make_disk(2, NULL);
		uint8_t *p = sim_file(disk, log_1)->p;
		struct reports reports = { 0 };
		struct store *st;

		put_le32(p + bits[i], 1);
		put_le64(p + 120, log_sum(span_of(p, 120), 0));
		st = help_store(&disk->table, on_report, &reports);
		/* compat bits change nothing for those who ignore them */
		assert_int_equal(help_deliver(st, help_place(1), ".\r\n"),
				 bits[i] == 24 ? YB_OK : YB_READ_ONLY);
		assert_int_equal(reports.lines, bits[i] == 24 ? 0 : 1);
		store_close(&st);
		sim_free(&disk);
	}
}

/* A mailbox that was there, and whose log somebody took away. */
static void test_log_missing(void **state)
{
	struct sim_disk *disk = make_disk(2, NULL);
	struct reports r = { 0 };
	struct store *st;
	size_t dir;

	(void)state;
	assert_true(sim_walk(disk, SIM_ROOT,
			     "01/01/"
			     "01010101010101010101010101010101/1",
			     &dir));
	sim_drop_name(&disk->inodes[dir], "log");
	st = help_store(&disk->table, on_report, &r);
	help_expect(st, &disk->table, help_place(1), "");
	assert_int_equal(r.lines, 1);
	assert_ok(help_deliver(st, help_place(1), messages[0]));
	help_expect(st, &disk->table, help_place(1), messages[0]);
	store_close(&st);
	sim_free(&disk);
}

/* Old garbage behind the log's end, a stale record among it. */
static void test_stale_record_behind_the_end(void **state)
{
	size_t sizes[MESSAGES];
	struct sim_disk *disk = make_disk(MESSAGES, sizes);
	struct sim_data *d = sim_file(disk, log_1);
	uint8_t stale[512];
	size_t stale_n = sizes[3] - sizes[2];
	struct store *st;

	(void)state;
	memcpy(stale, d->p + sizes[2], stale_n);
	/* Back to two messages, then another third one of the same length
	 * as the old, and behind it the old fourth again. */
	sim_truncate(d, sizes[1]);
	sim_truncate(sim_file(disk, index_1), 0);
	st = help_store(&disk->table, NULL, NULL);
	assert_ok(help_deliver(st, help_place(1), messages[2]));
	assert_ok(help_deliver(st, help_place(1), messages[0]));
	store_close(&st);
	d = sim_file(disk, log_1); /* making files has moved it */
	assert_true(d->n > sizes[2]);
	sim_truncate(d, sizes[2]);
	sim_put(d, sizes[2], stale, stale_n);
	sim_truncate(sim_file(disk, index_1), 0);
	/* It is whole and has a seq that rises: nothing tells it from mail
	 * that was written and not acknowledged. No uid is there twice. */
	expect(disk, 0xf, -1);
	sim_free(&disk);
}

/* Octets of before behind the end: a whole record, but its seq is not above
 * that of the record before it. */
static void test_seq_that_does_not_rise(void **state)
{
	static const uint64_t seqs[] = { 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct sim_disk *disk = make_disk(2, NULL);
		struct sim_data *d = sim_file(disk, log_1);
		struct log_record r = { .type = LOG_MESSAGE,
					.seq = seqs[i],
					.uid = 9,
					.wire_size = 3 };
		uint8_t p[LOG_RECORD_SIZE + LOG_ALIGN] = { 0 };
		struct store *st;
		struct log_keys keys;
		char want[512];

		log_keys_init(&keys, d->p + 32);
		memcpy(p + LOG_RECORD_SIZE, ".\r\n", 3);
		r.body_sum =
			log_sum(span_of(p + LOG_RECORD_SIZE, 3), keys.body);
		(void)log_record_encode(&keys, d->n, &r, p);
		sim_put(d, d->n, p, sizeof p);
		st = help_store(&disk->table, NULL, NULL);
		join(want, 0x3);
		if (seqs[i] > 2)
			strcat(want, ".\r\n");
		help_expect(st, &disk->table, help_place(1), want);
		store_close(&st);
		sim_free(&disk);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_truncation_without_index),
		cmocka_unit_test(test_short_header),
		cmocka_unit_test(test_every_octet_flipped),
		cmocka_unit_test(test_damaged_record_is_named),
		cmocka_unit_test(test_damaged_end_keeps_uid),
		cmocka_unit_test(test_index_missing),
		cmocka_unit_test(test_index_every_octet),
		cmocka_unit_test(test_index_every_length),
		cmocka_unit_test(test_index_swapped),
		cmocka_unit_test(test_log_swapped),
		cmocka_unit_test(test_log_older_than_index),
		cmocka_unit_test(test_index_of_another_generation),
		cmocka_unit_test(test_index_entry_of_before),
		cmocka_unit_test(test_index_beyond_its_log),
		cmocka_unit_test(test_index_of_an_enemy),
		cmocka_unit_test(test_numbers_of_an_enemy),
		cmocka_unit_test(test_index_that_ends_beyond_its_last_record),
		cmocka_unit_test(test_undelete_of_an_enemy),
		cmocka_unit_test(test_seq_at_its_end),
		cmocka_unit_test(test_unknown_types),
		cmocka_unit_test(test_unknown_feature_bits),
		cmocka_unit_test(test_log_missing),
		cmocka_unit_test(test_seq_that_does_not_rise),
		cmocka_unit_test(test_stale_record_behind_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
