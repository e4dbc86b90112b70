#include "unit/unit.h"

#include <unistd.h>

#include "net/loop.h"
#include "os/clock.h"
#include "os/fd.h"

struct watched {
	struct loop *loop;
	struct loop_io io;
	struct loop_io *victim;
	uint32_t events;
	int calls;
};

static void on_ready(void *ctx, uint32_t events)
{
	struct watched *w = ctx;

	w->calls++;
	w->events |= events;
	if (w->victim != NULL)
		loop_unwatch(w->loop, w->victim);
}

static struct watched watch(struct loop *loop)
{
	return (struct watched){ .loop = loop,
				 .io = { .fd = -1, .ready = on_ready } };
}

static void tells_of_input_once_an_edge(void **state)
{
	struct loop *loop;
	struct watched w;
	int pair[2];

	(void)state;
	assert_ok(loop_new(&loop));
	assert_int_equal(pipe(pair), 0);
	w = watch(loop);
	w.io.ctx = &w;
	assert_ok(loop_watch(loop, &w.io, pair[0], EPOLLIN));
	loop_turn(loop, 0);
	assert_int_equal(w.calls, 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_turn(loop, 100);
	loop_turn(loop, 0);
	assert_int_equal(w.calls, 1);
	loop_unwatch(loop, &w.io);
	loop_unwatch(loop, &w.io); /* harmless twice */
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_turn(loop, 0);
	assert_int_equal(w.calls, 1);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	loop_free(&loop);
	loop_free(&loop);
}

static void watch_removed_in_its_turn_is_not_called(void **state)
{
	struct loop *loop;
	struct watched a, b;
	int one[2], two[2];

	(void)state;
	assert_ok(loop_new(&loop));
	assert_int_equal(pipe(one), 0);
	assert_int_equal(pipe(two), 0);
	a = watch(loop);
	b = watch(loop);
	a.io.ctx = &a;
	b.io.ctx = &b;
	a.victim = &b.io;
	b.victim = &a.io;
	assert_ok(loop_watch(loop, &a.io, one[0], EPOLLIN));
	assert_ok(loop_watch(loop, &b.io, two[0], EPOLLIN));
	assert_int_equal(write(one[1], "x", 1), 1);
	assert_int_equal(write(two[1], "x", 1), 1);
	loop_turn(loop, 100);
	assert_int_equal(a.calls + b.calls, 1);
	loop_unwatch(loop, &a.io);
	loop_unwatch(loop, &b.io);
	for (int i = 0; i < 2; i++) {
		fd_close(&one[i]);
		fd_close(&two[i]);
	}
	loop_free(&loop);
}

struct alarm {
	struct loop *loop;
	struct loop_timer timer;
	uint64_t fired_at;
	int fired;
	uint64_t again_ms;
};

static void on_fire(void *ctx, uint64_t now_ms)
{
	struct alarm *a = ctx;

	a->fired++;
	a->fired_at = now_ms;
	if (a->again_ms > 0)
		loop_timer_set(a->loop, &a->timer, now_ms + a->again_ms);
}

static void run_for(struct loop *loop, uint64_t ms)
{
	uint64_t end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end)
		loop_turn(loop, (int)(end - clock_mono_ms()));
}

static void timers_fire_in_time(void **state)
{
	struct loop *loop;
	struct alarm a[20];
	uint64_t start;

	(void)state;
	assert_ok(loop_new(&loop));
	start = loop_now(loop);
	for (size_t i = 0; i < 20; i++) {
		a[i] = (struct alarm){ .loop = loop };
		loop_timer_init(&a[i].timer, on_fire, &a[i]);
		loop_timer_set(loop, &a[i].timer, start + i * 10);
	}
	loop_timer_stop(&a[5].timer);
	run_for(loop, 300);
	for (size_t i = 0; i < 20; i++) {
		if (i == 5) {
			assert_int_equal(a[i].fired, 0);
			continue;
		}
		assert_int_equal(a[i].fired, 1);
		/* Never early. */
		assert_true(a[i].fired_at >= start + i * 10);
	}
	loop_free(&loop);
}

static void timer_moved_later_waits(void **state)
{
	struct loop *loop;
	struct alarm a;

	(void)state;
	assert_ok(loop_new(&loop));
	a = (struct alarm){ .loop = loop };
	loop_timer_init(&a.timer, on_fire, &a);
	loop_timer_set(loop, &a.timer, loop_now(loop) + 40);
	loop_timer_set(loop, &a.timer, loop_now(loop) + 200);
	run_for(loop, 120);
	assert_int_equal(a.fired, 0);
	run_for(loop, 150);
	assert_int_equal(a.fired, 1);
	/* And earlier again. */
	loop_timer_set(loop, &a.timer, loop_now(loop) + 600 * 1000);
	loop_timer_set(loop, &a.timer, loop_now(loop) + 30);
	run_for(loop, 100);
	assert_int_equal(a.fired, 2);
	loop_free(&loop);
}

static void timer_may_set_itself_again(void **state)
{
	struct loop *loop;
	struct alarm a;

	(void)state;
	assert_ok(loop_new(&loop));
	a = (struct alarm){ .loop = loop, .again_ms = 20 };
	loop_timer_init(&a.timer, on_fire, &a);
	loop_timer_set(loop, &a.timer, loop_now(loop));
	run_for(loop, 300);
	assert_in_range(a.fired, 4, 16);
	loop_free(&loop);
}

/* Farther away than the wheel reaches: placed again, not fired. */
static void far_timers_wait(void **state)
{
	struct loop *loop;
	struct alarm a;

	(void)state;
	assert_ok(loop_new(&loop));
	a = (struct alarm){ .loop = loop };
	loop_timer_init(&a.timer, on_fire, &a);
	loop_timer_set(loop, &a.timer, loop_now(loop) + 3600 * 1000);
	run_for(loop, 60);
	assert_int_equal(a.fired, 0);
	loop_timer_set(loop, &a.timer, UINT64_MAX);
	run_for(loop, 20);
	assert_int_equal(a.fired, 0);
	loop_free(&loop);
}

struct chore {
	struct loop *loop;
	struct loop_task task;
	int runs, more;
};

static void on_chore(void *ctx)
{
	struct chore *c = ctx;

	c->runs++;
	if (c->more-- > 0)
		loop_defer(c->loop, &c->task);
}

static void tasks_run_once_a_turn(void **state)
{
	struct loop *loop;
	struct chore c;

	(void)state;
	assert_ok(loop_new(&loop));
	c = (struct chore){ .loop = loop, .more = 3 };
	loop_task_init(&c.task, on_chore, &c);
	loop_defer(loop, &c.task);
	loop_defer(loop, &c.task);
	loop_turn(loop, 0);
	assert_int_equal(c.runs, 1);
	/* Deferred work makes the next turn not wait. */
	loop_turn(loop, 10000);
	assert_int_equal(c.runs, 2);
	loop_task_cancel(&c.task);
	loop_turn(loop, 0);
	assert_int_equal(c.runs, 2);
	loop_free(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_of_input_once_an_edge),
		cmocka_unit_test(watch_removed_in_its_turn_is_not_called),
		cmocka_unit_test(timers_fire_in_time),
		cmocka_unit_test(timer_moved_later_waits),
		cmocka_unit_test(timer_may_set_itself_again),
		cmocka_unit_test(far_timers_wait),
		cmocka_unit_test(tasks_run_once_a_turn),
	};

	return cmocka_run_group_tests_name("net/loop", tests, NULL, NULL);
}
