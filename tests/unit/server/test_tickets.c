#include "unit/unit.h"

#include "server/tickets.h"

static void all_follow_the_clock_alike(void **state)
{
	struct tickets a, b, before;

	(void)state;
	assert_ok(tickets_begin(&a, 5 * (uint64_t)TICKETS_PERIOD_MS + 1));
	assert_int_equal(tickets_end_ms(&a), 6 * (uint64_t)TICKETS_PERIOD_MS);
	b = before = a;
	assert_ok(tickets_advance(&a, tickets_end_ms(&a) - 1));
	assert_memory_equal(&a, &before, sizeof a);
	/* One step after the other, or two at once. */
	assert_ok(tickets_advance(&a, tickets_end_ms(&a)));
	assert_memory_not_equal(a.secret, before.secret, sizeof a.secret);
	assert_ok(tickets_advance(&a, tickets_end_ms(&a)));
	assert_ok(tickets_advance(&b, 7 * (uint64_t)TICKETS_PERIOD_MS + 9));
	assert_memory_equal(&a, &b, sizeof a);
	assert_ok(tickets_begin(&b, 7 * (uint64_t)TICKETS_PERIOD_MS));
	assert_memory_not_equal(a.secret, b.secret, sizeof a.secret);
}

static void fields_are_checked(void **state)
{
	struct tickets t = { .period = 7, .secret = "secret" }, got;
	struct message_writer w;
	struct message m = { .type = MESSAGE_TICKETS };

	(void)state;
	tickets_write(&t, &w);
	m.body = message_written(&w);
	assert_true(tickets_read(&got, &m));
	assert_memory_equal(&got, &t, sizeof t);
	for (size_t n = 0; n < 8 + 4 + TICKETS_SECRET_LEN; n++) {
		struct message cut = m;

		cut.body = span_head(m.body, n);
		assert_false(tickets_read(&got, &cut));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_follow_the_clock_alike),
		cmocka_unit_test(fields_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
