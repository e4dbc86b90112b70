#include "unit/unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "bench/cpu.h"

static void test_stat_line(void **state)
{
	/* proc(5): 14-17 are utime, stime, cutime, cstime. */
	struct span line = SPAN_LIT(
		"4711 (a (b) c 99) S 4242 4711 4711 0 -1 4194304 153 0 0 0 "
		"10 20 300 4000 20 0 1 0 1234567\n");
	struct cpu_stat s;

	(void)state;
	assert_true(cpu_parse_stat(line, &s));
	assert_int_equal(s.pid, 4711);
	assert_int_equal(s.parent, 4242);
	assert_int_equal(s.ticks, 4330);
	for (size_t n = 0; n < 60; n++)
		assert_false(cpu_parse_stat(span_head(line, n), &s));
	assert_false(cpu_parse_stat(SPAN_LIT("x (y) S 1"), &s));
}

static void test_tree(void **state)
{
	/* 5 is the root, 9 its child, 3 below that; the rest are not of it. */
	struct cpu_stat all[] = {
		{ 9, 5, 10 },   { 1, 0, 1000 }, { 3, 9, 100 },      { 5, 1, 1 },
		{ 7, 1, 2000 }, { 8, 7, 4000 }, { 11, 4040, 8000 },
	};
	/* Listed while it changed: a ring that holds no root. */
	struct cpu_stat ring[] = { { 1, 2, 1 }, { 2, 1, 2 }, { 3, 3, 4 } };

	(void)state;
	assert_int_equal(cpu_sum_tree(all, 7, 5), 111);
	assert_int_equal(cpu_sum_tree(all, 7, 1), 7111);
	assert_int_equal(cpu_sum_tree(all, 7, 4040), 0);
	assert_int_equal(cpu_sum_tree(ring, 3, 9), 0);
	assert_int_equal(cpu_sum_tree(ring, 3, 3), 4);
	assert_int_equal(cpu_sum_tree(NULL, 0, 1), 0);
}

static void burn(uint64_t ns)
{
	uint64_t until = cpu_own_ns() + ns;

	while (cpu_own_ns() < until)
		;
}

static void test_own_process(void **state)
{
	struct cpu_source self = { .pid = getpid() };
	uint64_t before, after;

	(void)state;
	assert_ok(cpu_read(&self, &before));
	burn(100000000);
	assert_ok(cpu_read(&self, &after));
	/* A tick of 10 ms lost at either end. */
	assert_in_range(after - before, 80000000, 2000000000);
}

static void test_no_such_process(void **state)
{
	struct cpu_source none = { .pid = 0x3fffffff };
	uint64_t ns;

	(void)state;
	assert_int_equal(cpu_read(&none, &ns), YB_NOT_FOUND);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void remove_file(const char *dir, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

static void test_cgroups(void **state)
{
	char dir[] = "/tmp/yubin-cpu-XXXXXX";
	struct cpu_source group = { .cgroup = dir };
	uint64_t ns;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(cpu_read(&group, &ns), YB_NOT_FOUND);
	put_file(dir, "cpu.stat",
		 "user_usec 1\nusage_usec 1234567\nsystem_usec 2\n");
	assert_ok(cpu_read(&group, &ns));
	assert_int_equal(ns, 1234567000);
	put_file(dir, "cpu.stat", "nr_periods 0\n");
	assert_int_equal(cpu_read(&group, &ns), YB_INVALID);
	put_file(dir, "cpuacct.usage", "987654321\n");
	assert_ok(cpu_read(&group, &ns));
	assert_int_equal(ns, 987654321);
	remove_file(dir, "cpuacct.usage");
	remove_file(dir, "cpu.stat");
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat_line),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_own_process),
		cmocka_unit_test(test_no_such_process),
		cmocka_unit_test(test_cgroups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
