#include "server/metrics.h"

#include <stdlib.h>

#include "unit/unit.h"

static uint64_t sums[METRIC_CELLS];

static struct metrics_page *new_page(void)
{
	struct metrics_page *page = calloc(1, sizeof *page);

	assert_non_null(page);
	memset(sums, 0, sizeof sums);
	return page;
}

/* Of the text, whether it has that line. */
static bool says(const char *line)
{
	struct buf out;
	bool found;

	buf_init(&out, 1024 * 1024);
	assert_int_equal(metrics_print(sums, &out), YB_OK);
	assert_int_equal(buf_add_u8(&out, 0), YB_OK);
	found = strstr((const char *)out.p, line) != NULL;
	buf_done(&out);
	return found;
}

static void counters_add_up(void **state)
{
	struct metrics_page *a = new_page(), *b = new_page();

	(void)state;
	metric_add(a, METRIC_ACCEPTED + CONFIG_POP3S, 3);
	metric_add(b, METRIC_ACCEPTED + CONFIG_POP3S, 4);
	metrics_sum(sums, a, ROLE_WORKER);
	metrics_sum(sums, b, ROLE_WORKER);
	assert_true(says("\nyubin_connections_accepted_total{service=\"pop3s\"}"
			 " 7\n"));
	free(a);
	free(b);
}

/* Who has a worker in hand must not speak for auth or the store. */
static void a_page_speaks_for_its_role_alone(void **state)
{
	struct metrics_page *a = new_page();

	(void)state;
	metric_set(a, METRIC_FREE, 1);
	metric_set(a, METRIC_READ_ONLY, 1);
	metric_add(a, METRIC_AUTH, 1);
	metrics_sum(sums, a, ROLE_WORKER);
	for (size_t i = 0; i < METRIC_CELLS; i++)
		assert_int_equal(sums[i], 0);
	free(a);
}

static void buckets_hold_their_bounds(void **state)
{
	struct metrics_page *a = new_page();

	(void)state;
	/* OpenMetrics: a bucket holds "values less than or equal to" le. */
	metric_observe(a, METRIC_COMMIT, 10000, 1);
	metric_observe(a, METRIC_COMMIT, 10001, 2);
	metric_observe(a, METRIC_COMMIT, 3600ull * 1000000000, 1);
	metrics_sum(sums, a, ROLE_STORE);
	assert_true(says("_commit_seconds_bucket{le=\"1e-05\"} 1\n"));
	assert_true(says("_commit_seconds_bucket{le=\"5e-05\"} 3\n"));
	assert_true(says("_commit_seconds_bucket{le=\"5.0\"} 3\n"));
	assert_true(says("_commit_seconds_bucket{le=\"+Inf\"} 4\n"));
	assert_true(says("_commit_seconds_count 4\n"));
	assert_true(says("_commit_seconds_sum 3600.000030002\n"));
	free(a);
}

static void death_ends_gauges_alone(void **state)
{
	struct metrics_page *a = new_page();

	(void)state;
	metric_add(a, METRIC_CONNECTIONS, 5);
	metric_set(a, METRIC_CERTIFICATE, 5);
	metric_add(a, METRIC_ACCEPTED, 5);
	metric_observe(a, METRIC_POP3_COMMAND, 1, 5);
	metrics_forget_gauges(a);
	assert_int_equal(metric_get(a, METRIC_CONNECTIONS), 0);
	assert_int_equal(metric_get(a, METRIC_CERTIFICATE), 0);
	assert_int_equal(metric_get(a, METRIC_ACCEPTED), 5);
	assert_int_equal(metric_get(a, METRIC_POP3_COMMAND), 5);
	free(a);
}

static void the_first_end_counts(void **state)
{
	struct metrics_page *a = new_page(), *b = new_page(), *c = new_page();

	(void)state;
	metric_set(a, METRIC_CERTIFICATE, 20);
	metric_set(b, METRIC_CERTIFICATE, 10);
	metrics_sum(sums, a, ROLE_WORKER);
	metrics_sum(sums, b, ROLE_WORKER);
	metrics_sum(sums, c, ROLE_WORKER);
	assert_int_equal(sums[METRIC_CERTIFICATE], 10);
	free(a);
	free(b);
	free(c);
}

static bool is_ready(void)
{
	struct buf why;
	bool ready = false;

	buf_init(&why, 4096);
	assert_int_equal(metrics_readiness(sums, &ready, &why), YB_OK);
	assert_int_equal(ready, why.n == 0);
	buf_done(&why);
	return ready;
}

static void ready_means_all_are_there(void **state)
{
	(void)state;
	memset(sums, 0, sizeof sums);
	assert_true(is_ready());
	sums[METRIC_WANTED + ROLE_WORKER] = 2;
	sums[METRIC_READY + ROLE_WORKER] = 1;
	assert_false(is_ready());
	sums[METRIC_READY + ROLE_WORKER] = 2;
	assert_true(is_ready());
	sums[METRIC_READ_ONLY] = 1;
	assert_false(is_ready());
}

static void mechanisms_by_name(void **state)
{
	(void)state;
	assert_int_equal(metric_mechanism(SPAN_LIT("plain")),
			 METRIC_MECHANISM_PLAIN);
	assert_int_equal(metric_mechanism(SPAN_LIT("SCRAM-SHA-256-PLUS")),
			 METRIC_MECHANISM_SCRAM_SHA_256_PLUS);
	/* What a client makes up is no label of its own. */
	assert_int_equal(metric_mechanism(SPAN_LIT("other")),
			 METRIC_MECHANISM_OTHER);
	assert_int_equal(metric_mechanism(SPAN_LIT("x\"} 1\n")),
			 METRIC_MECHANISM_OTHER);
}

/* Every family has its cells to itself, and a name of its own. */
static void the_table_is_sound(void **state)
{
	(void)state;
	for (size_t f = 0; f < METRIC_FAMILIES; f++) {
		const struct metric *m = &metric_table[f];
		size_t unit = strlen(m->unit), name = strlen(m->name);

		assert_true(strncmp(m->name, "yubin_", 6) == 0);
		/* OpenMetrics: the unit is the end of the name. */
		assert_true(unit == 0 ||
			    strcmp(m->name + name - unit, m->unit) == 0);
		for (size_t g = 0; g < f; g++) {
			assert_true(metric_table[g].first < m->first);
			assert_string_not_equal(metric_table[g].name, m->name);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_add_up),
		cmocka_unit_test(a_page_speaks_for_its_role_alone),
		cmocka_unit_test(buckets_hold_their_bounds),
		cmocka_unit_test(death_ends_gauges_alone),
		cmocka_unit_test(the_first_end_counts),
		cmocka_unit_test(ready_means_all_are_there),
		cmocka_unit_test(mechanisms_by_name),
		cmocka_unit_test(the_table_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
