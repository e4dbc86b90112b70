#include "crypto/random.h"

#include "crypto/compare.h"
#include "unit/unit.h"

/* Threat 12 asks for a million that differ; two of 16 octets that are equal
 * would come once in 2^128, so a few thousand tell a broken generator. */
static int by_octets(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static void test_differs(void **state)
{
	enum { N = 4096 };
	static uint8_t ids[N][16];

	(void)state;
	for (size_t i = 0; i < N; i++)
		assert_ok(crypto_random(ids[i], 16));
	qsort(ids, N, 16, by_octets);
	for (size_t i = 1; i < N; i++)
		assert_memory_not_equal(ids[i - 1], ids[i], 16);
}

static void test_fills_all_and_no_more(void **state)
{
	(void)state;
	for (size_t n = 0; n < 40; n++) {
		uint8_t seen[41] = { 0 };
		uint8_t p[41];

		for (int round = 0; round < 64; round++) {
			memset(p, 0, sizeof p);
			p[n] = 0xa5;
			assert_ok(crypto_random(p, n));
			assert_int_equal(p[n], 0xa5);
			for (size_t i = 0; i < n; i++)
				seen[i] |= p[i];
		}
		for (size_t i = 0; i < n; i++)
			assert_int_not_equal(seen[i], 0);
	}
}

static void test_compare(void **state)
{
	uint8_t a[33], b[33];

	(void)state;
	memset(a, 0x5a, sizeof a);
	memset(b, 0x5a, sizeof b);
	assert_true(compare_equal(a, b, sizeof a));
	for (size_t i = 0; i < sizeof a; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			b[i] = (uint8_t)(a[i] ^ 1u << bit);
			assert_false(compare_equal(a, b, sizeof a));
			assert_true(compare_equal(a, b, i));
		}
		b[i] = a[i];
	}
	assert_true(compare_equal(a, b, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differs),
		cmocka_unit_test(test_fills_all_and_no_more),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
