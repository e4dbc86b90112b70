/* Threat 8: when an answer leaves depends on when it was asked for alone. */
#include "unit/unit.h"

#include <string.h>

#include "os/clock.h"
#include "server/paced.h"

struct got {
	unsigned n;
	uint64_t last_id;
	uint64_t at_ms[8];
	char text[8];
	struct loop *loop;
};

static void on_send(void *ctx, const struct paced_answer *a)
{
	struct got *got = ctx;

	assert_true(a->id > got->last_id);
	got->last_id = a->id;
	if (got->n < 8)
		got->at_ms[got->n] = loop_now(got->loop);
	got->n++;
	assert_true(a->n < sizeof got->text);
	memcpy(got->text, a->octets, a->n);
	got->text[a->n] = 0;
}

static void add(struct paced *p, uint64_t id, const char *text)
{
	const struct paced_answer a = { .id = id, .worker = 1, .type = 7 };

	const struct span parts[] = { span_head(span_str(text), 1),
				      span_skip(span_str(text), 1) };

	paced_add(p, &a, parts, 2);
}

static void test_leaves_at_a_tick(void **state)
{
	struct got got = { 0 };
	struct paced p;

	(void)state;
	assert_ok(loop_new(&got.loop));
	paced_init(&p, got.loop, on_send, &got);
	for (uint64_t id = 1; id <= 3; id++) {
		uint64_t asked;

		loop_turn(got.loop, 0);
		asked = loop_now(got.loop);
		add(&p, id, id == 3 ? "" : "text");
		assert_int_equal(got.n, id - 1);
		while (got.n < id)
			loop_turn(got.loop, 100);
		assert_true(got.at_ms[id - 1] >= asked + PACED_MS);
		assert_string_equal(got.text, id == 3 ? "" : "text");
	}
	/* Both asked for at once leave at once, in order. */
	add(&p, 4, "a");
	add(&p, 5, "b");
	while (got.n < 5)
		loop_turn(got.loop, 100);
	assert_int_equal(got.at_ms[3], got.at_ms[4]);
	assert_string_equal(got.text, "b");
	paced_done(&p);
	loop_free(&got.loop);
}

static void test_bounded(void **state)
{
	struct got got = { 0 };
	struct paced p;

	(void)state;
	assert_ok(loop_new(&got.loop));
	paced_init(&p, got.loop, on_send, &got);
	for (uint64_t id = 1; id <= PACED_MAX + 10; id++)
		add(&p, id, "x");
	assert_int_equal(got.n, 10); /* the oldest */
	assert_int_equal(got.last_id, 10);
	assert_int_equal(p.n, PACED_MAX);
	paced_done(&p);
	loop_turn(got.loop, 0);
	assert_int_equal(got.n, 10);
	loop_free(&got.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves_at_a_tick),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
