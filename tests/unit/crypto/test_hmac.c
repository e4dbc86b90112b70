#include "crypto/hmac.h"

#include "base/codec.h"
#include "unit/unit.h"

struct row {
	const char *key; /* hexadecimal */
	const char *data;
	const char *want;
};

/* RFC 4231 sections 4.2 to 4.4, 4.7. */
static const struct row rows[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ "4a656665",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddddddddddd",
	  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
};

enum { ROWS = sizeof rows / sizeof *rows };

static struct span unhex(const char *text, uint8_t *dst)
{
	size_t n = strlen(text) / 2;

	assert_true(hex_parse(span_str(text), dst, n));
	return span_of(dst, n);
}

static void expect(const uint8_t sum[HMAC_LEN], const char *want)
{
	char text[2 * HMAC_LEN + 1] = "";

	hex_put((uint8_t *)text, span_of(sum, HMAC_LEN));
	assert_string_equal(text, want);
}

static void test_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		uint8_t key[64], data[128], sum[HMAC_LEN];

		assert_ok(hmac_once(unhex(rows[i].key, key),
				    unhex(rows[i].data, data), sum));
		expect(sum, rows[i].want);
	}
}

/* One context for all: the second sum does not depend on the first. */
static void test_context_is_reused(void **state)
{
	struct hmac *h = NULL;

	(void)state;
	assert_ok(hmac_new(SPAN_LIT("some other key"), &h));
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < ROWS; i++) {
			uint8_t key[64], data[128], sum[HMAC_LEN];
			struct span message = unhex(rows[i].data, data);

			assert_ok(hmac_rekey(h, unhex(rows[i].key, key)));
			assert_ok(hmac_sum(h, &message, 1, sum));
			expect(sum, rows[i].want);
			assert_ok(hmac_sum(h, &message, 1, sum));
			expect(sum, rows[i].want);
		}
	}
	hmac_free(&h);
	assert_null(h);
	hmac_free(&h);
}

/* The sum over parts is that over the whole, wherever it is cut. */
static void test_every_split(void **state)
{
	uint8_t key[64], data[128], sum[HMAC_LEN];
	struct span whole = unhex(rows[1].data, data);
	struct hmac *h = NULL;

	(void)state;
	assert_ok(hmac_new(unhex(rows[1].key, key), &h));
	for (size_t at = 0; at <= whole.n; at++) {
		const struct span parts[] = { span_head(whole, at), SPAN_NONE,
					      span_skip(whole, at) };

		assert_ok(hmac_sum(h, parts, 3, sum));
		expect(sum, rows[1].want);
	}
	hmac_free(&h);
}

/* HMAC of nothing under no key: known from RFC 2104's definition. */
static void test_empty(void **state)
{
	uint8_t sum[HMAC_LEN];

	(void)state;
	assert_ok(hmac_once(SPAN_NONE, SPAN_NONE, sum));
	expect(sum, "b613679a0814d9ec772f95d778c35fc5"
		    "ff1697c493715653c6c712144292c5ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_context_is_reused),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
