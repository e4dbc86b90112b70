#include "auth/pool.h"

#include <poll.h>

#include "unit/unit.h"

enum { JOBS = 40 };

static void fill(struct hash_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		jobs[i] = (struct hash_job){
			.password = SPAN_LIT("pencil"),
			.salt = SPAN_LIT("some salt of 16o"),
			.iterations = 100 + (uint32_t)i % 3,
			.err = YB_IO,
		};
}

static void check(const struct hash_job *job)
{
	struct scram_verifier want;
	uint8_t salted[SCRAM_KEY_LEN];

	assert_ok(job->err);
	assert_ok(scram_salted_password(job->password, job->salt,
					job->iterations, salted));
	assert_ok(scram_verifier_of(salted, &want));
	assert_memory_equal(&want, &job->ret, sizeof want);
}

static void test_inline(void **state)
{
	struct hash_job jobs[JOBS];
	struct hash_pool *p = NULL;
	struct hash_job *done;

	(void)state;
	assert_ok(hash_pool_open(0, &p));
	assert_int_equal(hash_pool_fd(p), -1);
	assert_null(hash_pool_take(p));
	fill(jobs, JOBS);
	for (size_t i = 0; i < JOBS; i++)
		hash_pool_submit(p, &jobs[i]);
	for (size_t i = 0; i < JOBS; i++) {
		done = hash_pool_take(p);
		assert_ptr_equal(done, &jobs[i]);
		check(done);
	}
	assert_null(hash_pool_take(p));
	hash_pool_close(&p);
	assert_null(p);
	hash_pool_close(&p);
}

static bool readable(const struct hash_pool *p, int ms)
{
	struct pollfd fd = { .fd = hash_pool_fd(p), .events = POLLIN };

	return poll(&fd, 1, ms) == 1;
}

static void test_threads(void **state)
{
	struct hash_job jobs[JOBS];
	struct hash_pool *p = NULL;

	(void)state;
	assert_ok(hash_pool_open(3, &p));
	assert_false(readable(p, 0));
	for (int round = 0; round < 5; round++) {
		size_t n = 0;

		fill(jobs, JOBS);
		for (size_t i = 0; i < JOBS; i++)
			hash_pool_submit(p, &jobs[i]);
		while (n < JOBS) {
			struct hash_job *done;

			assert_true(readable(p, 10000));
			while ((done = hash_pool_take(p)) != NULL) {
				check(done);
				n++;
			}
		}
		/* Nothing left, and the descriptor says so. */
		assert_false(readable(p, 0));
	}
	hash_pool_close(&p);
}

/* Closing with work left does not wait for all of it, and touches none. */
static void test_close_with_work_left(void **state)
{
	struct hash_job jobs[200];
	struct hash_pool *p = NULL;
	size_t untouched = 0;

	(void)state;
	assert_ok(hash_pool_open(2, &p));
	fill(jobs, 200);
	for (size_t i = 0; i < 200; i++) {
		jobs[i].iterations = 20000;
		hash_pool_submit(p, &jobs[i]);
	}
	hash_pool_close(&p);
	for (size_t i = 0; i < 200; i++)
		untouched += jobs[i].err == YB_IO;
	assert_true(untouched > 100);
}

static void test_too_many(void **state)
{
	struct hash_pool *p = NULL;

	(void)state;
	assert_int_equal(hash_pool_open(POOL_THREADS_MAX + 1, &p), YB_INVALID);
	assert_null(p);
}

static void test_error_is_told(void **state)
{
	struct hash_job job = { .password = SPAN_LIT("x"),
				.salt = SPAN_LIT("y"),
				.iterations = 0 };
	struct hash_pool *p = NULL;

	(void)state;
	assert_ok(hash_pool_open(1, &p));
	hash_pool_submit(p, &job);
	assert_true(readable(p, 10000));
	assert_ptr_equal(hash_pool_take(p), &job);
	assert_int_equal(job.err, YB_INVALID);
	hash_pool_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inline),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_close_with_work_left),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_error_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
