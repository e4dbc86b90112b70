#include "unit/unit.h"

#include "server/handles.h"

/* Snapshots are only passed through: any address will do. */
static struct store_snapshot *snapshot(size_t number)
{
	static char places[HANDLES_MAX + 1];

	return (struct store_snapshot *)(void *)&places[number];
}

static void a_number_names_one_snapshot(void **state)
{
	struct handles h = { 0 };
	uint64_t one = handles_add(&h, snapshot(1));
	uint64_t two = handles_add(&h, snapshot(2));

	(void)state;
	assert_true(one != 0 && two != 0 && one != two);
	assert_ptr_equal(handles_find(&h, one), snapshot(1));
	assert_ptr_equal(handles_take(&h, two), snapshot(2));
	assert_null(handles_find(&h, two));
	assert_null(handles_take(&h, two));
	assert_ptr_equal(handles_take_any(&h), snapshot(1));
	assert_null(handles_take_any(&h));
	assert_null(h.slots);
}

static void an_old_number_stays_old(void **state)
{
	struct handles h = { 0 };
	uint64_t old = handles_add(&h, snapshot(1));
	uint64_t fresh;

	(void)state;
	assert_non_null(handles_take(&h, old));
	fresh = handles_add(&h, snapshot(2));
	/* The same slot, another number. */
	assert_int_equal((uint32_t)fresh, (uint32_t)old);
	assert_true(fresh != old);
	assert_null(handles_find(&h, old));
	assert_ptr_equal(handles_take(&h, fresh), snapshot(2));
	assert_null(handles_take_any(&h));
}

static void what_was_never_given_means_nothing(void **state)
{
	struct handles h = { 0 };
	uint64_t given;

	(void)state;
	assert_null(handles_find(&h, 0));
	assert_null(handles_find(&h, 1));
	given = handles_add(&h, snapshot(1));
	assert_null(handles_find(&h, given + 1));
	assert_null(handles_find(&h, given + (1ull << 32)));
	assert_null(handles_find(&h, (uint32_t)given));
	assert_null(handles_find(&h, UINT64_MAX));
	assert_ptr_equal(handles_take(&h, given), snapshot(1));
	assert_null(handles_take_any(&h));
}

static void the_table_is_bounded(void **state)
{
	struct handles h = { 0 };
	size_t n = 0;

	(void)state;
	while (handles_add(&h, snapshot(n + 1)) != 0)
		n++;
	assert_int_equal(n, HANDLES_MAX);
	while (handles_take_any(&h) != NULL)
		n--;
	assert_int_equal(n, 0);
	assert_true(handles_add(&h, snapshot(1)) != 0);
	assert_non_null(handles_take_any(&h));
	assert_null(handles_take_any(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_names_one_snapshot),
		cmocka_unit_test(an_old_number_stays_old),
		cmocka_unit_test(what_was_never_given_means_nothing),
		cmocka_unit_test(the_table_is_bounded),
	};

	return cmocka_run_group_tests_name("server/handles", tests, NULL,
					   NULL);
}
