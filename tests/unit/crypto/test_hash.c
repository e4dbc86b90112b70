#include "crypto/hash.h"

#include "base/codec.h"
#include "unit/unit.h"

struct row {
	const char *text;
	const char *sha256;
	const char *sha1;
};

/* FIPS 180-4's examples, as NIST publishes them. */
static const struct row rows[] = {
	{ "abc",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ "",
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	  "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	  "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
};

static void expect_hex(const uint8_t *got, size_t n, const char *want)
{
	char text[2 * SHA256_LEN + 1] = "";

	hex_put((uint8_t *)text, span_of(got, n));
	assert_string_equal(text, want);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t sum[SHA256_LEN];
		uint8_t sum1[SHA1_LEN];

		assert_ok(hash_sha256(span_str(rows[i].text), sum));
		expect_hex(sum, sizeof sum, rows[i].sha256);
		assert_ok(hash_sha1(span_str(rows[i].text), sum1));
		expect_hex(sum1, sizeof sum1, rows[i].sha1);
	}
}

static void test_no_octets_at_no_address(void **state)
{
	uint8_t sum[SHA256_LEN];

	(void)state;
	assert_ok(hash_sha256(SPAN_NONE, sum));
	expect_hex(sum, sizeof sum, rows[1].sha256);
}

static void test_million(void **state)
{
	uint8_t sum[SHA256_LEN];
	char *text = malloc(1000000);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', 1000000);
	assert_ok(hash_sha256(span_of(text, 1000000), sum));
	expect_hex(sum, sizeof sum,
		   "cdc76e5c9914fb9281a1c7e284d73e67"
		   "f1809a48a497200e046d39ccc7112cd0");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_no_octets_at_no_address),
		cmocka_unit_test(test_million),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
