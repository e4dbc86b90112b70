#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

#include "unit/unit.h"

#include "os/pool.h"

struct job {
	struct pool_job base;
	_Atomic unsigned *running, *most;
	unsigned *done;
	unsigned number, *order;
};

static void run(struct pool_job *base)
{
	struct job *j = list_entry(base, struct job, base);
	unsigned now = atomic_fetch_add(j->running, 1) + 1;
	unsigned most = atomic_load(j->most);

	while (now > most && !atomic_compare_exchange_weak(j->most, &most, now))
		;
	(void)usleep(1000);
	(void)atomic_fetch_sub(j->running, 1);
}

static void done(struct pool_job *base)
{
	struct job *j = list_entry(base, struct job, base);

	if (j->order != NULL)
		j->order[*j->done] = j->number;
	++*j->done;
}

enum { JOBS = 40 };

static void give_all(struct pool *pool, struct job *jobs, bool is_long,
		     _Atomic unsigned *running, _Atomic unsigned *most,
		     unsigned *finished, unsigned *order)
{
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i] = (struct job){
			.base = { .run = run,
				  .done = done,
				  .is_long = is_long },
			.running = running,
			.most = most,
			.done = finished,
			.number = i,
			.order = order,
		};
		pool_give(pool, &jobs[i].base);
	}
}

static void test_without_threads(void **state)
{
	_Atomic unsigned running = 0, most = 0;
	unsigned finished = 0, order[JOBS];
	struct job jobs[JOBS];
	struct pool *pool;

	(void)state;
	assert_ok(pool_new(0, NULL, &pool));
	assert_int_equal(pool_fd(pool), -1);
	assert_false(pool_take(pool));
	give_all(pool, jobs, false, &running, &most, &finished, order);
	assert_int_equal(pool_busy(pool), JOBS);
	assert_int_equal(finished, 0);
	while (pool_take(pool))
		;
	assert_int_equal(finished, JOBS);
	for (unsigned i = 0; i < JOBS; i++)
		assert_int_equal(order[i], i);
	assert_int_equal(pool_busy(pool), 0);
	pool_free(&pool);
	assert_null(pool);
	pool_free(&pool);
}

static void test_with_threads(void **state)
{
	_Atomic unsigned running = 0, most = 0;
	unsigned finished = 0;
	struct job jobs[JOBS];
	struct pool *pool;

	(void)state;
	assert_ok(pool_new(8, NULL, &pool));
	give_all(pool, jobs, false, &running, &most, &finished, NULL);
	while (pool_busy(pool) > 0) {
		pool_wait(pool);
		(void)pool_take(pool);
	}
	assert_int_equal(finished, JOBS);
	assert_true(atomic_load(&most) > 1);
	pool_free(&pool);
}

/* Long jobs leave half of the threads to syncs. */
static void test_long_jobs(void **state)
{
	_Atomic unsigned running = 0, most = 0, none = 0;
	unsigned finished = 0, quick = 0;
	struct job jobs[JOBS], sync;
	struct pool *pool;

	(void)state;
	assert_ok(pool_new(4, NULL, &pool));
	give_all(pool, jobs, true, &running, &most, &finished, NULL);
	sync = (struct job){ .base = { .run = run, .done = done },
			     .running = &none,
			     .most = &none,
			     .done = &quick };
	pool_give(pool, &sync.base);
	while (quick == 0) {
		pool_wait(pool);
		(void)pool_take(pool);
	}
	assert_true(finished < JOBS);
	while (pool_busy(pool) > 0) {
		pool_wait(pool);
		(void)pool_take(pool);
	}
	assert_int_equal(finished, JOBS);
	assert_true(atomic_load(&most) <= 2);
	pool_free(&pool);
}

/* The descriptor is readable as long as there is something to take. */
static void test_fd(void **state)
{
	_Atomic unsigned running = 0, most = 0;
	unsigned finished = 0;
	struct job jobs[JOBS];
	struct pool *pool;
	struct pollfd p = { .events = POLLIN };

	(void)state;
	assert_ok(pool_new(2, NULL, &pool));
	p.fd = pool_fd(pool);
	assert_int_equal(poll(&p, 1, 0), 0);
	give_all(pool, jobs, false, &running, &most, &finished, NULL);
	while (finished < JOBS) {
		assert_int_equal(poll(&p, 1, 5000), 1);
		(void)pool_take(pool);
	}
	assert_int_equal(poll(&p, 1, 20), 0);
	pool_free(&pool);
}

static void run_at_once(struct pool_job *base)
{
	(void)base;
}

/* A job is never left to wait for the next one, however its threads were just
 * going to sleep. */
static void test_all_are_woken(void **state)
{
	enum { ROUNDS = 5000, AT_ONCE = 3 };
	struct job jobs[AT_ONCE];
	struct pollfd p = { .events = POLLIN };
	struct pool *pool;

	(void)state;
	assert_ok(pool_new(8, NULL, &pool));
	p.fd = pool_fd(pool);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = i % AT_ONCE + 1, finished = 0;

		for (unsigned k = 0; k < n; k++) {
			jobs[k] = (struct job){ .base = { .run = run_at_once,
							  .done = done },
						.done = &finished };
			pool_give(pool, &jobs[k].base);
		}
		while (finished < n) {
			assert_int_equal(poll(&p, 1, 10000), 1);
			(void)pool_take(pool);
		}
	}
	pool_free(&pool);
}

static _Atomic unsigned begun;

static void begin(void)
{
	(void)usleep(2000);
	(void)atomic_fetch_add(&begun, 1);
}

/* Whoever closes a cage after pool_new() knows that all threads are warm. */
static void test_begin(void **state)
{
	struct pool *pool;

	(void)state;
	atomic_store(&begun, 0);
	assert_ok(pool_new(5, begin, &pool));
	assert_int_equal(atomic_load(&begun), 5);
	pool_free(&pool);
}

/* Freeing with work left waits for what runs and calls nobody. */
static void test_free_with_work_left(void **state)
{
	_Atomic unsigned running = 0, most = 0;
	unsigned finished = 0;
	struct job jobs[JOBS];
	struct pool *pool;

	(void)state;
	assert_ok(pool_new(2, NULL, &pool));
	give_all(pool, jobs, false, &running, &most, &finished, NULL);
	pool_free(&pool);
	assert_int_equal(finished, 0);
	assert_int_equal(atomic_load(&running), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_threads),
		cmocka_unit_test(test_with_threads),
		cmocka_unit_test(test_long_jobs),
		cmocka_unit_test(test_fd),
		cmocka_unit_test(test_all_are_woken),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_free_with_work_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
