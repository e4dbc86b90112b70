#include "crypto/pbkdf2.h"

#include "base/codec.h"
#include "unit/unit.h"

static void expect(const uint8_t key[PBKDF2_LEN], const char *want)
{
	char text[2 * PBKDF2_LEN + 1] = "";

	hex_put((uint8_t *)text, span_of(key, PBKDF2_LEN));
	assert_string_equal(text, want);
}

/* RFC 7914 section 11, the first 32 octets of each key of 64. */
static void test_vectors(void **state)
{
	uint8_t key[PBKDF2_LEN];

	(void)state;
	assert_ok(pbkdf2_sha256(SPAN_LIT("passwd"), SPAN_LIT("salt"), 1, key));
	expect(key, "55ac046e56e3089fec1691c22544b605"
		    "f94185216dde0465e68b9d57c20dacbc");
	assert_ok(pbkdf2_sha256(SPAN_LIT("Password"), SPAN_LIT("NaCl"), 80000,
				key));
	expect(key, "4ddcd8f60b98be21830cee5ef22701f9"
		    "641a4418d04c0414aeff08876b34ab56");
}

/* Every octet of the password counts, also behind a NUL. */
static void test_nul_ends_nothing(void **state)
{
	uint8_t a[PBKDF2_LEN], b[PBKDF2_LEN];

	(void)state;
	assert_ok(pbkdf2_sha256(SPAN_LIT("pass\0word"), SPAN_LIT("sa\0lt"),
				4096, a));
	expect(a, "89b69d0516f829893c696226650a8687"
		  "8c029ac13ee276509d5ae58b6466a724");
	assert_ok(pbkdf2_sha256(SPAN_LIT("pass\0wore"), SPAN_LIT("sa\0lt"),
				4096, b));
	assert_memory_not_equal(a, b, sizeof a);
}

static void test_bounds(void **state)
{
	uint8_t key[PBKDF2_LEN] = { 7 };
	uint8_t empty[PBKDF2_LEN];

	(void)state;
	assert_int_equal(pbkdf2_sha256(SPAN_LIT("p"), SPAN_LIT("s"), 0, key),
			 YB_INVALID);
	assert_int_equal(pbkdf2_sha256(SPAN_LIT("p"), SPAN_LIT("s"),
				       UINT32_MAX, key),
			 YB_INVALID);
	assert_int_equal(key[0], 7);
	assert_ok(pbkdf2_sha256(SPAN_NONE, SPAN_LIT("s"), 1, key));
	assert_ok(pbkdf2_sha256(SPAN_LIT(""), SPAN_LIT("s"), 1, empty));
	assert_memory_equal(key, empty, sizeof key);
	assert_ok(pbkdf2_sha256(SPAN_NONE, SPAN_NONE, 1, key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_nul_ends_nothing),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
