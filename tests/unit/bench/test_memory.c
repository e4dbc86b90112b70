#include "unit/unit.h"

#include <unistd.h>

#include "bench/memory.h"

static void test_rollup(void **state)
{
	struct span text = SPAN_LIT(
		"55d0-7fff ---p 00000000 00:00 0                  [rollup]\n"
		"Rss:                 884 kB\n"
		"Pss:                 385 kB\n"
		"Pss_Dirty:           100 kB\n");
	uint64_t octets = 7;

	(void)state;
	assert_true(memory_parse_rollup(text, &octets));
	assert_int_equal(octets, 385 * 1024);
	assert_false(memory_parse_rollup(SPAN_LIT("Rss: 5 kB\n"), &octets));
	assert_false(memory_parse_rollup(SPAN_LIT("Pss: x kB\n"), &octets));
	assert_false(memory_parse_rollup(SPAN_LIT(""), &octets));
	assert_int_equal(octets, 385 * 1024);
}

/* What this process takes more, it is found to have. */
static void test_own(void **state)
{
	enum { MEGA = 1 << 20, BLOCK = 32 * MEGA };
	struct cpu_source own = { .pid = getpid() };
	struct cpu_source nobody = { .pid = 0x3fffffff };
	uint64_t before = 0, after = 0;
	char *block;

	(void)state;
	assert_ok(memory_read(&own, &before));
	assert_true(before > 0);
	block = malloc(BLOCK);
	assert_non_null(block);
	memset(block, 1, BLOCK);
	assert_ok(memory_read(&own, &after));
	free(block);
	assert_in_range(after - before, BLOCK - MEGA, 4 * (uint64_t)BLOCK);
	assert_int_equal(memory_read(&nobody, &after), YB_NOT_FOUND);
	nobody = (struct cpu_source){ .cgroup = "/no/such/group" };
	assert_int_equal(memory_read(&nobody, &after), YB_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rollup),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
