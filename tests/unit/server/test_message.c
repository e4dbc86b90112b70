#include "unit/unit.h"

#include "server/message.h"

static struct message message_of(struct span body)
{
	return (struct message){ .type = MESSAGE_LOGIN, .body = body };
}

static void fields_come_back(void **state)
{
	struct message_writer w;
	struct message_reader r;
	struct message m;
	uint8_t raw[4];

	(void)state;
	message_write(&w);
	message_write_u8(&w, 7);
	message_write_u32(&w, 0x12345678);
	message_write_u64(&w, UINT64_MAX);
	message_write_raw(&w, "abcd", 4);
	message_write_octets(&w, SPAN_LIT("text"));
	message_write_octets(&w, SPAN_NONE);
	m = message_of(message_written(&w));
	message_read(&r, &m);
	assert_int_equal(message_read_u8(&r), 7);
	assert_int_equal(message_read_u32(&r), 0x12345678);
	assert_true(message_read_u64(&r) == UINT64_MAX);
	message_read_into(&r, raw, 4);
	assert_memory_equal(raw, "abcd", 4);
	assert_true(span_eq(message_read_octets(&r), SPAN_LIT("text")));
	assert_int_equal(message_read_octets(&r).n, 0);
	assert_true(message_read_ended(&r));
}

/* Threat 61: every truncation is noticed, and nothing beyond is read. */
static void truncations_are_noticed(void **state)
{
	struct message_writer w;

	(void)state;
	message_write(&w);
	message_write_u64(&w, 1);
	message_write_octets(&w, SPAN_LIT("0123456789"));
	message_write_u64(&w, 2);
	for (size_t n = 0; n < w.n; n++) {
		/* Of exact size, so that ASan sees a step too far. */
		uint8_t *copy = malloc(n > 0 ? n : 1);
		struct message m;
		struct message_reader r;

		memcpy(copy, w.octets, n);
		m = message_of(span_of(copy, n));
		message_read(&r, &m);
		(void)message_read_u64(&r);
		(void)message_read_octets(&r);
		(void)message_read_u64(&r);
		assert_false(message_read_ended(&r));
		free(copy);
	}
}

static void a_mistake_makes_all_later_reads_zero(void **state)
{
	uint8_t lie[] = { 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4 };
	struct message m = message_of(span_of(lie, sizeof lie));
	struct message_reader r;

	(void)state;
	message_read(&r, &m);
	assert_int_equal(message_read_octets(&r).n, 0);
	assert_true(r.bad);
	assert_int_equal(message_read_u8(&r), 0);
	assert_false(message_read_ended(&r));
}

static void leftovers_are_noticed(void **state)
{
	uint8_t octets[32] = { 0 };
	struct message m = message_of(span_of(octets, sizeof octets));
	struct message_reader r;

	(void)state;
	message_read(&r, &m);
	(void)message_read_u64(&r);
	assert_false(message_read_ended(&r));
	(void)message_read_u64(&r);
	(void)message_read_u64(&r);
	(void)message_read_u32(&r);
	/* Up to seven octets of padding are no leftover. */
	assert_true(message_read_ended(&r));
}

static void unknown_errors_are_mistakes(void **state)
{
	struct message_writer w;
	struct message_reader r;
	struct message m;

	(void)state;
	message_write(&w);
	message_write_u32(&w, YB_ERR_COUNT);
	m = message_of(message_written(&w));
	message_read(&r, &m);
	(void)message_read_err(&r);
	assert_true(r.bad);
}

static void every_type_has_a_name(void **state)
{
	(void)state;
	for (unsigned t = 0; t < MESSAGE_TYPE_COUNT; t++)
		assert_true(strlen(message_name(t)) > 2);
	assert_string_equal(message_name(MESSAGE_TYPE_COUNT), "UNKNOWN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_back),
		cmocka_unit_test(truncations_are_noticed),
		cmocka_unit_test(a_mistake_makes_all_later_reads_zero),
		cmocka_unit_test(leftovers_are_noticed),
		cmocka_unit_test(unknown_errors_are_mistakes),
		cmocka_unit_test(every_type_has_a_name),
	};

	return cmocka_run_group_tests_name("server/message", tests, NULL,
					   NULL);
}
