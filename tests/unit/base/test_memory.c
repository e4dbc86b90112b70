#include "unit/unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"

static void buf_keeps_its_ceiling(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_ok(buf_add(&b, SPAN_LIT("12345678")));
	/* All or nothing. */
	assert_int_equal(buf_add(&b, SPAN_LIT("abc")), YB_TOO_BIG);
	assert_true(span_eq(buf_span(&b), SPAN_LIT("12345678")));
	assert_ok(buf_add(&b, SPAN_LIT("ab")));
	assert_int_equal(buf_space(&b), 0);
	assert_true(b.cap <= 10);
	assert_int_equal(buf_add_u8(&b, 'x'), YB_TOO_BIG);
	buf_done(&b);
}

static void buf_owns_nothing_until_used(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	assert_null(b.p);
	assert_ok(buf_add(&b, SPAN_NONE));
	assert_null(b.p);
	assert_ok(buf_addf(&b, "%s %d", "x", 7));
	assert_true(span_eq(buf_span(&b), SPAN_LIT("x 7")));
	buf_drop(&b, 2);
	assert_true(span_eq(buf_span(&b), SPAN_LIT("7")));
	buf_drop(&b, 9);
	assert_int_equal(b.n, 0);
	buf_done(&b);
	assert_null(b.p);
}

static void buf_wipe_leaves_zeros(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	assert_ok(buf_add(&b, SPAN_LIT("secret")));
	buf_wipe(&b);
	assert_int_equal(b.n, 0);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(b.p[i], 0);
	buf_done(&b);
}

static void arena_hands_out_zeroed_and_aligned(void **state)
{
	struct arena a;
	char *text;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t n = 1; n < 3000; n += 37) {
		uint8_t *p = arena_alloc(&a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	text = arena_strndup(&a, "abcdef", 3);
	assert_string_equal(text, "abc");
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 100));
	arena_done(&a);
}

static void arena_keeps_its_ceiling(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 100);
	assert_non_null(arena_alloc(&a, 60));
	assert_null(arena_alloc(&a, 60));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 100));
	assert_null(arena_alloc(&a, 1));
	arena_done(&a);
}

struct item {
	int v;
	struct list link;
};

static void list_keeps_order(void **state)
{
	struct item items[4] = { { .v = 0 }, { .v = 1 }, { .v = 2 },
				 { .v = 3 } };
	struct list head;
	int want = 0;

	(void)state;
	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_pop(&head));
	for (size_t i = 1; i < 4; i++)
		list_push(&head, &items[i].link);
	list_push_front(&head, &items[0].link);
	list_for_each(at, &head)
		assert_int_equal(list_entry(at, struct item, link)->v, want++);
	assert_int_equal(want, 4);
	list_remove(&items[2].link);
	list_remove(&items[2].link); /* harmless twice */
	list_for_each_safe(at, &head)
		list_remove(at);
	assert_true(list_empty(&head));
}

static void map_holds_many(void **state)
{
	static int values[5000];
	struct map m;
	size_t at = 0, seen = 0;

	(void)state;
	map_init(&m, 42);
	for (uint32_t i = 0; i < 5000; i++)
		assert_ok(map_put(&m, span_of(&i, sizeof i), &values[i]));
	for (uint32_t i = 0; i < 5000; i += 2)
		assert_ptr_equal(map_remove(&m, span_of(&i, sizeof i)),
				 &values[i]);
	for (uint32_t i = 0; i < 5000; i++)
		assert_ptr_equal(map_get(&m, span_of(&i, sizeof i)),
				 i % 2 == 0 ? NULL : &values[i]);
	while (map_next(&m, &at) != NULL)
		seen++;
	assert_int_equal(seen, 2500);
	assert_int_equal(m.count, 2500);
	map_done(&m);
}

static void map_survives_churn(void **state)
{
	struct map m;
	int value;

	(void)state;
	/* Tombstones are cleaned up: the table does not grow with use. */
	map_init(&m, 1);
	for (uint32_t i = 0; i < 100000; i++) {
		assert_ok(map_put(&m, span_of(&i, sizeof i), &value));
		assert_non_null(map_remove(&m, span_of(&i, sizeof i)));
	}
	assert_true(m.cap <= 64);
	map_done(&m);
}

static void map_keys_are_octets(void **state)
{
	struct map m;
	int a, b;

	(void)state;
	map_init(&m, 7);
	assert_ok(map_put(&m, SPAN_NONE, &a));
	assert_ok(map_put(&m, SPAN_LIT("\0"), &b));
	assert_ptr_equal(map_get(&m, SPAN_NONE), &a);
	assert_ptr_equal(map_get(&m, SPAN_LIT("\0")), &b);
	assert_ok(map_put(&m, SPAN_NONE, &b)); /* replaces */
	assert_ptr_equal(map_get(&m, SPAN_NONE), &b);
	assert_int_equal(m.count, 2);
	map_done(&m);
}

static void hash_depends_on_every_octet(void **state)
{
	uint8_t text[33] = { 0 };

	(void)state;
	for (size_t n = 1; n <= sizeof text; n++)
		for (size_t i = 0; i < n; i++) {
			uint64_t before = hash_octets(span_of(text, n), 5);

			text[i] ^= 1;
			assert_true(hash_octets(span_of(text, n), 5) !=
				    before);
			text[i] ^= 1;
		}
	assert_true(hash_octets(SPAN_LIT("a"), 1) !=
		    hash_octets(SPAN_LIT("a"), 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_keeps_its_ceiling),
		cmocka_unit_test(buf_owns_nothing_until_used),
		cmocka_unit_test(buf_wipe_leaves_zeros),
		cmocka_unit_test(arena_hands_out_zeroed_and_aligned),
		cmocka_unit_test(arena_keeps_its_ceiling),
		cmocka_unit_test(list_keeps_order),
		cmocka_unit_test(map_holds_many),
		cmocka_unit_test(map_survives_churn),
		cmocka_unit_test(map_keys_are_octets),
		cmocka_unit_test(hash_depends_on_every_octet),
	};

	return cmocka_run_group_tests_name("base/memory", tests, NULL, NULL);
}
