#include "unit/unit.h"

#include "server/handles.h"

/* Snapshots are only passed through: any address will do. */
static const struct handle_tag nobody;

static struct store_snapshot *snapshot(size_t number)
{
	static char places[HANDLES_MAX + 1];

	return (struct store_snapshot *)(void *)&places[number];
}

static void a_number_names_one_snapshot(void **state)
{
	struct handles h = { 0 };
	uint64_t one = handles_add(&h, snapshot(1), &nobody);
	uint64_t two = handles_add(&h, snapshot(2), &nobody);

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
	uint64_t old = handles_add(&h, snapshot(1), &nobody);
	uint64_t fresh;

	(void)state;
	assert_non_null(handles_take(&h, old));
	fresh = handles_add(&h, snapshot(2), &nobody);
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
	given = handles_add(&h, snapshot(1), &nobody);
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
	while (handles_add(&h, snapshot(n + 1), &nobody) != 0)
		n++;
	assert_int_equal(n, HANDLES_MAX);
	while (handles_take_any(&h) != NULL)
		n--;
	assert_int_equal(n, 0);
	assert_true(handles_add(&h, snapshot(1), &nobody) != 0);
	assert_non_null(handles_take_any(&h));
	assert_null(handles_take_any(&h));
}

/* The sessions of some devices of an account, each once. */
static void test_of_whom(void **state)
{
	struct handles h = { 0 };
	struct handle_tag a = { .account = "aaaaaaaaaaaaaaa", .device = 0 };
	struct handle_tag b = { .account = "bbbbbbbbbbbbbbb", .device = 63 };
	uint64_t numbers[4];
	uint32_t at = 0;

	(void)state;
	numbers[0] = handles_add(&h, snapshot(1), &a);
	a.device = 63;
	a.may_delete = true;
	numbers[1] = handles_add(&h, snapshot(2), &a);
	numbers[2] = handles_add(&h, snapshot(3), &b);
	numbers[3] = handles_add(&h, snapshot(4), &a);
	assert_false(handles_tag(&h, numbers[0])->may_delete);
	assert_true(handles_tag(&h, numbers[1])->may_delete);
	assert_null(handles_tag(&h, 99));
	assert_int_equal(handles_next_of(&h, a.account, 1ull << 63, &at),
			 numbers[1]);
	(void)handles_take(&h, numbers[1]);
	assert_int_equal(handles_next_of(&h, a.account, 1ull << 63, &at),
			 numbers[3]);
	assert_int_equal(handles_next_of(&h, a.account, 1ull << 63, &at), 0);
	at = 0;
	assert_int_equal(handles_next_of(&h, a.account, 1, &at), numbers[0]);
	assert_int_equal(handles_next_of(&h, a.account, 1, &at), 0);
	at = 0;
	assert_int_equal(handles_next_of(&h, b.account, 1, &at), 0);
	while (handles_take_any(&h) != NULL)
		continue;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_names_one_snapshot),
		cmocka_unit_test(an_old_number_stays_old),
		cmocka_unit_test(what_was_never_given_means_nothing),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(test_of_whom),
	};

	return cmocka_run_group_tests_name("server/handles", tests, NULL, NULL);
}
