/*
 * The table of a mailbox, and the index's octets as docs/store-format.md
 * says.
 */
#include "unit/store/sim_disk.h"

#include "base/num.h"
#include "store/index.h"

enum { N = 50 };

static struct log_keys keys = { 11, 12, 13 };

static struct log_record make_record(uint64_t uid)
{
	struct log_record r = { .type = LOG_MESSAGE,
				.seq = uid + 100,
				.uid = uid,
				.wire_size = 1000 + uid,
				.header_size = 10,
				.dots = 2,
				.flags = 3,
				.received_ns = -1,
				.extras_size = 8 };

	memset(r.id, (int)uid, sizeof r.id);
	return r;
}

/* Uids 2, 4, 6... */
static void fill(struct index_table *t)
{
	index_table_init(t, &keys);
	for (uint64_t i = 1; i <= N; i++) {
		struct log_record r = make_record(2 * i);

		assert_ok(index_table_reserve(t, 1));
		index_table_note(t, &r, i * 2000, i);
		index_table_add(t, &r, i * 2000);
	}
}

static void test_entry(void **state)
{
	struct index_table t;
	uint8_t p[INDEX_ENTRY_SIZE];

	(void)state;
	fill(&t);
	memcpy(p, &t.entries[0], sizeof p);
	assert_int_equal(get_le64(p), 2000 + 96 + 8);
	assert_int_equal(get_le64(p + 8), 102);
	assert_int_equal(get_le64(p + 16), 1002);
	assert_int_equal((int64_t)get_le64(p + 24), -1);
	assert_int_equal(p[32], 2);
	assert_int_equal(get_le64(p + 48), 0);
	assert_int_equal(get_le64(p + 56), 0);
	assert_int_equal(get_le64(p + 64), 0);
	assert_int_equal(get_le64(p + 72), 0);
	assert_int_equal(get_le32(p + 80), 2);
	assert_int_equal(get_le32(p + 84), 10);
	assert_int_equal(get_le32(p + 88), 2);
	assert_int_equal(get_le32(p + 92), 0);
	assert_int_equal(get_le32(p + 96), 0);
	assert_int_equal(get_le16(p + 100), 3);
	assert_int_equal(get_le64(p + 104),
			 log_sum(span_of(p, 104), keys.entry + 0));
	index_table_done(&t);
}

static void test_totals_and_hiding(void **state)
{
	static const struct {
		struct uid_range uids;
		size_t count, first, end;
	} rows[] = {
		{ { 1, 1 }, 0, 0, 0 },
		{ { 1, 2 }, 1, 0, 1 },
		{ { 3, 3 }, 0, 1, 1 },
		{ { 4, 9 }, 3, 1, 4 },
		{ { 99, UINT32_MAX }, 1, 49, 50 },
		{ { UINT32_MAX, UINT32_MAX }, 0, 50, 50 },
	};
	struct index_table t;
	uint64_t messages = N, octets = 0;

	(void)state;
	fill(&t);
	for (uint64_t i = 1; i <= N; i++)
		octets += 1000 + 2 * i - 3 - 2;
	assert_int_equal(t.messages, N);
	assert_int_equal(t.octets, octets);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct index_range r;

		assert_int_equal(index_table_count(&t, rows[i].uids),
				 rows[i].count);
		/* Twice: the second time changes nothing. */
		for (int again = 0; again < 2; again++) {
			r = index_table_hide(&t, rows[i].uids,
					     &(struct log_record){
						     .seq = 500 + i,
					     });
			assert_int_equal(r.first, rows[i].first);
			assert_int_equal(r.end, rows[i].end);
		}
		assert_int_equal(index_table_count(&t, rows[i].uids), 0);
		messages -= rows[i].count;
		assert_int_equal(t.messages, messages);
	}
	assert_int_equal(t.entries[0].gone_seq, 501);
	assert_int_equal(t.entries[0].hidden, UINT64_MAX);
	assert_int_equal(t.entries[5].hidden, 0);
	index_table_done(&t);
}

/* A disk with one file, an index of `t`; its descriptor. */
static int write_index(struct sim_disk *disk, struct index_table *t)
{
	struct index_head head = { .generation = 3,
				   .covers_upto = 4,
				   .durable_upto = 5,
				   .log_id = "LOGIDLOGIDLOGID" };
	int root, fd;

	assert_ok(sim_open_root(disk, "/", &root));
	assert_ok(sim_open(disk, root, "index", STORAGE_CREATE, &fd));
	assert_ok(index_write_entries(&disk->table, fd, t,
				      (struct index_range){ 0, t->count }));
	assert_ok(index_write_head(&disk->table, fd, &head, t));
	return fd;
}

static void test_file_returns(void **state)
{
	struct sim_disk *disk = sim_new();
	struct index_table t, back;
	struct index_head head;
	const uint8_t *p;
	int fd;

	(void)state;
	fill(&t);
	(void)index_table_hide(&t, (struct uid_range){ 4, 7 },
			       &(struct log_record){ .seq = 9 });
	fd = write_index(disk, &t);
	p = sim_file(disk, "index")->p;
	assert_memory_equal(p, "YUBINIDX", 8);
	assert_int_equal(get_le64(p + 24), N);
	assert_memory_equal(p + 32, "LOGIDLOGIDLOGID", 16);
	assert_int_equal(get_le64(p + 48), 3);
	assert_int_equal(get_le64(p + 56), 4);
	assert_int_equal(get_le64(p + 64), 5);
	assert_int_equal(get_le64(p + 72), N - 2);
	assert_int_equal(get_le64(p + 88), N * 2000);
	assert_ok(index_read_head(&disk->table, fd, &head));
	index_table_init(&back, &keys);
	assert_ok(index_read_entries(&disk->table, fd, &head, &back));
	assert_int_equal(back.count, N);
	assert_memory_equal(back.entries, t.entries, N * INDEX_ENTRY_SIZE);
	assert_int_equal(back.messages, t.messages);
	assert_int_equal(back.octets, t.octets);
	assert_int_equal(back.sum, t.sum);
	assert_int_equal(back.last_uid, 2 * N);
	assert_int_equal(back.last_seq, 2 * N + 100);
	assert_int_equal(back.last_sum, N);
	index_table_done(&back);
	index_table_done(&t);
	sim_free(&disk);
}

static enum yb_err read_back(struct sim_disk *disk, int fd)
{
	struct index_table back;
	struct index_head head;
	enum yb_err err = index_read_head(&disk->table, fd, &head);

	index_table_init(&back, &keys);
	if (err == YB_OK)
		err = index_read_entries(&disk->table, fd, &head, &back);
	index_table_done(&back);
	return err;
}

static void test_every_bit(void **state)
{
	struct sim_disk *disk = sim_new();
	struct index_table t;
	struct sim_data *d;
	int fd;

	(void)state;
	fill(&t);
	fd = write_index(disk, &t);
	d = sim_file(disk, "index");
	for (size_t bit = 0; bit < d->n * 8; bit++) {
		d->p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(read_back(disk, fd), YB_CORRUPT);
		d->p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(read_back(disk, fd));
	index_table_done(&t);
	sim_free(&disk);
}

/* Entries that are right alone, but not those that the header knew. */
static void test_other_entries(void **state)
{
	struct sim_disk *disk = sim_new();
	struct index_table t;
	uint8_t *p;
	int fd;

	(void)state;
	fill(&t);
	fd = write_index(disk, &t);
	p = sim_file(disk, "index")->p + INDEX_HEAD_SIZE;
	/* Same message, same octets, another time. */
	put_le64(p + 24, 77);
	put_le64(p + 104, log_sum(span_of(p, 104), keys.entry + 0));
	assert_int_equal(read_back(disk, fd), YB_CORRUPT);
	put_le64(p + 24, UINT64_MAX);
	put_le64(p + 104, log_sum(span_of(p, 104), keys.entry + 0));
	assert_ok(read_back(disk, fd));
	/* Two that changed places. */
	for (size_t i = 0; i < INDEX_ENTRY_SIZE; i++) {
		uint8_t c = p[i];

		p[i] = p[INDEX_ENTRY_SIZE + i];
		p[INDEX_ENTRY_SIZE + i] = c;
	}
	assert_int_equal(read_back(disk, fd), YB_CORRUPT);
	index_table_done(&t);
	sim_free(&disk);
}

/* A count that asks for more memory than the file has octets. */
static void test_huge_count(void **state)
{
	struct sim_disk *disk = sim_new();
	struct index_table t;
	uint8_t *p;
	int fd;

	(void)state;
	fill(&t);
	fd = write_index(disk, &t);
	p = sim_file(disk, "index")->p;
	put_le64(p + 24, UINT64_MAX / INDEX_ENTRY_SIZE);
	put_le64(p + 152, log_sum(span_of(p, 152), 0));
	assert_int_equal(read_back(disk, fd), YB_CORRUPT);
	index_table_done(&t);
	assert_int_equal(index_table_reserve(&t, SIZE_MAX), YB_NOMEM);
	sim_free(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_totals_and_hiding),
		cmocka_unit_test(test_file_returns),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_other_entries),
		cmocka_unit_test(test_huge_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
