#include "unit/unit.h"

#include "bench/histogram.h"

static struct histogram h;

static int set_up(void **state)
{
	(void)state;
	histogram_clear(&h);
	return 0;
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(h.n, 0);
	assert_int_equal(histogram_quantile(&h, 50000), 0);
	assert_int_equal(histogram_quantile(&h, 100000), 0);
}

static void test_one_value_is_every_quantile(void **state)
{
	static const uint64_t values[] = {
		0,         1,    127,     128,        255,
		256,       1000, 1234567, 1ull << 40, UINT64_MAX - 1,
		UINT64_MAX
	};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		histogram_clear(&h);
		histogram_add(&h, values[i]);
		assert_true(histogram_quantile(&h, 0) == values[i]);
		assert_true(histogram_quantile(&h, 50000) == values[i]);
		assert_true(histogram_quantile(&h, 100000) == values[i]);
		assert_true(h.max == values[i]);
	}
}

static void test_small_values_are_exact(void **state)
{
	(void)state;
	for (uint64_t v = 1; v <= 200; v++)
		histogram_add(&h, v);
	assert_int_equal(histogram_quantile(&h, 50000), 100);
	assert_int_equal(histogram_quantile(&h, 99000), 198);
	assert_int_equal(histogram_quantile(&h, 99500), 199);
	assert_int_equal(histogram_quantile(&h, 100000), 200);
	/* The rank is rounded up: half of 3 values is reached by the 2nd. */
	histogram_clear(&h);
	for (uint64_t v = 1; v <= 3; v++)
		histogram_add(&h, v);
	assert_int_equal(histogram_quantile(&h, 50000), 2);
	assert_int_equal(histogram_quantile(&h, 66667), 3);
}

/* Every value is told with an error of at most 1/128, never too small. */
static void test_error_bound(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 63; bit++)
		for (uint64_t part = 0; part < 1000; part += 37) {
			uint64_t v = (1ull << bit) +
				     (uint64_t)((double)(1ull << bit) *
						(double)part / 1000);
			uint64_t got;

			histogram_clear(&h);
			histogram_add(&h, v);
			histogram_add(&h, UINT64_MAX);
			got = histogram_quantile(&h, 50000);
			assert_true(got >= v);
			assert_true(got - v <= v / 128);
		}
}

/* Neighbours never change places, over all borders of buckets. */
static void test_order(void **state)
{
	(void)state;
	for (unsigned bit = 1; bit < 64; bit++) {
		uint64_t v = 1ull << bit;

		histogram_clear(&h);
		histogram_add(&h, v - 1);
		histogram_add(&h, v);
		histogram_add(&h, UINT64_MAX);
		assert_true(histogram_quantile(&h, 30000) >= v - 1);
		assert_true(histogram_quantile(&h, 30000) < v);
		assert_true(histogram_quantile(&h, 60000) >= v);
	}
}

static void test_outlier(void **state)
{
	(void)state;
	for (int i = 0; i < 999; i++)
		histogram_add(&h, 10);
	histogram_add(&h, 5000000);
	assert_int_equal(histogram_quantile(&h, 99900), 10);
	assert_int_equal(histogram_quantile(&h, 99901), 5000000);
	assert_int_equal(h.max, 5000000);
	assert_int_equal(h.n, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, set_up),
		cmocka_unit_test_setup(test_one_value_is_every_quantile,
				       set_up),
		cmocka_unit_test_setup(test_small_values_are_exact, set_up),
		cmocka_unit_test_setup(test_error_bound, set_up),
		cmocka_unit_test_setup(test_order, set_up),
		cmocka_unit_test_setup(test_outlier, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
