/*
 * The log's format, octet by octet as docs/store-format.md says.
 */
#include "unit/unit.h"

#include "base/num.h"
#include "store/log.h"

static const struct log_head head = {
	.uidvalidity = 0x80001234,
	.id = "0123456789abcdef",
	.generation = 7,
	.next_uid = 8,
	.next_seq = 9,
	.created_ns = -5,
	.place = { .account = { "ACCOUNTACCOUNT16" }, .mailbox = 3 },
};

static const struct log_record record = {
	.type = LOG_MESSAGE,
	.flags = 5,
	.seq = 11,
	.uid = 12,
	.wire_size = 1000,
	.extras_size = 13,
	.header_size = 200,
	.dots = 4,
	.received_ns = 123456789,
	.id = "fedcba9876543210",
	.body_sum = 0xabcdef,
};

static void test_head_octets(void **state)
{
	uint8_t p[LOG_HEAD_SIZE];

	(void)state;
	log_head_encode(&head, p);
	assert_memory_equal(p, "YUBINLOG", 8);
	assert_int_equal(get_le16(p + 8), 1);
	assert_int_equal(get_le16(p + 10), 0);
	assert_int_equal(get_le32(p + 12), 128);
	assert_int_equal(get_le32(p + 16), 0);
	assert_int_equal(get_le32(p + 20), 0);
	assert_int_equal(get_le32(p + 24), 0);
	assert_int_equal(get_le32(p + 28), 0x80001234);
	assert_memory_equal(p + 32, "0123456789abcdef", 16);
	assert_int_equal(get_le64(p + 48), 7);
	assert_int_equal(get_le64(p + 56), 8);
	assert_int_equal(get_le64(p + 64), 9);
	assert_int_equal((int64_t)get_le64(p + 72), -5);
	assert_memory_equal(p + 80, "ACCOUNTACCOUNT16", 16);
	assert_int_equal(get_le32(p + 96), 3);
	for (int i = 100; i < 120; i++)
		assert_int_equal(p[i], 0);
}

static void test_head_returns(void **state)
{
	uint8_t p[LOG_HEAD_SIZE];
	struct log_head back;

	(void)state;
	log_head_encode(&head, p);
	assert_ok(log_head_decode(p, &back));
	assert_int_equal(back.uidvalidity, head.uidvalidity);
	assert_memory_equal(back.id, head.id, 16);
	assert_int_equal(back.generation, 7);
	assert_int_equal(back.next_uid, 8);
	assert_int_equal(back.next_seq, 9);
	assert_int_equal(back.created_ns, -5);
	assert_memory_equal(&back.place, &head.place, sizeof head.place);
}

static void test_head_any_bit(void **state)
{
	uint8_t p[LOG_HEAD_SIZE];
	struct log_head back;

	(void)state;
	log_head_encode(&head, p);
	for (size_t bit = 0; bit < LOG_HEAD_SIZE * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(log_head_decode(p, &back), YB_CORRUPT);
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(log_head_decode(p, &back));
}

static void test_head_newer_version(void **state)
{
	uint8_t p[LOG_HEAD_SIZE];
	struct log_head back;

	(void)state;
	log_head_encode(&head, p);
	put_le16(p + 8, 2);
	put_le64(p + 120, log_sum(span_of(p, 120), 0));
	assert_int_equal(log_head_decode(p, &back), YB_VERSION);
}

static void test_record_octets(void **state)
{
	uint8_t p[LOG_RECORD_SIZE];
	struct log_keys keys;
	uint64_t sum;

	(void)state;
	log_keys_init(&keys, head.id);
	sum = log_record_encode(&keys, 128, &record, p);
	assert_int_equal(sum, get_le64(p + 88));
	assert_int_equal(sum, log_record_sum(p));
	assert_memory_equal(p, "YBR1", 4);
	assert_int_equal(get_le16(p + 4), 0x8001);
	assert_int_equal(get_le16(p + 6), 5);
	assert_int_equal(get_le64(p + 8), 11);
	assert_int_equal(get_le64(p + 16), 12);
	assert_int_equal(get_le64(p + 24), 1000);
	assert_int_equal(get_le32(p + 32), 13);
	assert_int_equal(get_le32(p + 36), 200);
	assert_int_equal(get_le32(p + 40), 4);
	assert_int_equal(get_le32(p + 44), 0);
	assert_int_equal(get_le64(p + 48), 123456789);
	assert_memory_equal(p + 56, "fedcba9876543210", 16);
	assert_int_equal(get_le64(p + 72), 0xabcdef);
	assert_int_equal(get_le64(p + 80), 0);
	/* 96 octets, then 1013 padded to 8 */
	assert_int_equal(log_record_size(&record), 96 + 1016);
	assert_int_equal(log_octets(&record), 1000 - 3 - 4);
}

static void test_record_returns(void **state)
{
	uint8_t p[LOG_RECORD_SIZE];
	struct log_keys keys;
	struct log_record back;

	(void)state;
	log_keys_init(&keys, head.id);
	(void)log_record_encode(&keys, 4096, &record, p);
	memset(&back, 0, sizeof back);
	assert_true(log_record_decode(&keys, 4096, p, &back));
	assert_memory_equal(&back, &record, sizeof back);
}

/* Nothing that a sender puts into a body can pass for a record: the sums
 * depend on the secret id of the log and on the offset. */
static void test_record_elsewhere(void **state)
{
	uint8_t p[LOG_RECORD_SIZE];
	struct log_keys keys, other;
	struct log_record back;

	(void)state;
	log_keys_init(&keys, head.id);
	log_keys_init(&other, (const uint8_t *)"0123456789abcdeg");
	(void)log_record_encode(&keys, 4096, &record, p);
	assert_false(log_record_decode(&keys, 4104, p, &back));
	assert_false(log_record_decode(&other, 4096, p, &back));
}

static void test_record_any_bit(void **state)
{
	uint8_t p[LOG_RECORD_SIZE];
	struct log_keys keys;
	struct log_record back;

	(void)state;
	log_keys_init(&keys, head.id);
	(void)log_record_encode(&keys, 128, &record, p);
	for (size_t bit = 0; bit < LOG_RECORD_SIZE * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(log_record_decode(&keys, 128, p, &back));
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(log_record_decode(&keys, 128, p, &back));
}

/* Sums are right, and still the numbers cannot be. */
static void test_record_unsound(void **state)
{
	struct log_record rows[7];
	uint8_t p[LOG_RECORD_SIZE];
	struct log_keys keys;
	struct log_record back;

	(void)state;
	log_keys_init(&keys, head.id);
	for (size_t i = 0; i < 7; i++)
		rows[i] = record;
	rows[0].uid = 0;
	rows[1].uid = (uint64_t)UINT32_MAX + 1;
	rows[2].wire_size = 2;
	rows[3].dots = 998;
	rows[4].header_size = 998;
	rows[5].wire_size = ((uint64_t)1 << 56) + 1;
	rows[6].wire_size = UINT64_MAX;
	for (size_t i = 0; i < 7; i++) {
		(void)log_record_encode(&keys, 128, &rows[i], p);
		assert_false(log_record_decode(&keys, 128, p, &back));
	}
}

static void test_summer_any_split(void **state)
{
	struct log_summer *s;
	struct log_keys keys;
	uint8_t text[700];
	uint64_t want;

	(void)state;
	log_keys_init(&keys, head.id);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)(i * 7);
	want = log_sum(span_of(text, sizeof text), keys.body);
	s = log_summer_new(&keys);
	assert_non_null(s);
	for (size_t at = 0; at <= sizeof text; at++) {
		log_summer_reset(s, &keys);
		log_summer_add(s, span_of(text, at));
		log_summer_add(s, span_of(text + at, sizeof text - at));
		assert_int_equal(log_summer_end(s), want);
	}
	log_summer_free(&s);
	assert_null(s);
	log_summer_free(&s);
}

/* The three kinds of sums have seeds of their own. */
static void test_keys_differ(void **state)
{
	struct log_keys keys;

	(void)state;
	log_keys_init(&keys, head.id);
	assert_int_not_equal(keys.body, keys.head);
	assert_int_not_equal(keys.body, keys.entry);
	assert_int_not_equal(keys.head, keys.entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head_octets),
		cmocka_unit_test(test_head_returns),
		cmocka_unit_test(test_head_any_bit),
		cmocka_unit_test(test_head_newer_version),
		cmocka_unit_test(test_record_octets),
		cmocka_unit_test(test_record_returns),
		cmocka_unit_test(test_record_elsewhere),
		cmocka_unit_test(test_record_any_bit),
		cmocka_unit_test(test_record_unsound),
		cmocka_unit_test(test_summer_any_split),
		cmocka_unit_test(test_keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
