/* Hashes of crypt(3), made by other programs. */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "crypto/crypt_hash.h"

/* Of "secret": by openssl passwd, htpasswd and mkpasswd. */
static const char *const good[] = {
	"$6$saltsalt$"
	"TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vw"
	"PZN.Pq.H91p5hVO1",
	"$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA",
	"$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
	"$y$j9T$abcdefgh$IUWJt2doU4Kf6E/JP1UkAT3S5O3Q7SSA8SJirXIlEu9",
};

static const char *const bad[] = {
	"",
	"secret",
	"$1$saltsalt$2AaTZbwkgbYqHZxPFPlWK/",
	"ab1y7yfDyPxSk",
	"$2b$14$abcdefghijklmnopqrstuuGwPz6Fm4lTnGdQg3oQW7oO1hHc0Zb2m",
	"$2b$1$abcdefghijklmnopqrstuuGwPz6Fm4lTnGdQg3oQW7oO1hHc0Zb2mx",
	("$6$rounds=1000001$saltsalt$"
	 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
	"$6$saltsalt",
	"$y$jFT$abc$xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	"$y$j9T$",
	"$6$salt salt$xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	"*",
	"!$6$saltsalt$xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
};

static void test_good(void **state)
{
	char long_one[2000];

	(void)state;
	memset(long_one, 'x', sizeof long_one);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		bool fits = false;

		assert_true(crypt_hash_is_known(span_str(good[i])));
		assert_ok(crypt_hash_check(good[i], SPAN_LIT("secret"), &fits));
		assert_true(fits);
		assert_ok(crypt_hash_check(good[i], SPAN_LIT("Secret"), &fits));
		assert_false(fits);
		assert_ok(
			crypt_hash_check(good[i], SPAN_LIT("secret\0"), &fits));
		assert_false(fits);
		assert_ok(crypt_hash_check(good[i], SPAN_NONE, &fits));
		assert_false(fits);
		assert_ok(crypt_hash_check(
			good[i], span_of(long_one, sizeof long_one), &fits));
		assert_false(fits);
	}
}

static void test_bad(void **state)
{
	bool fits = true;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(crypt_hash_is_known(span_str(bad[i])));
		assert_int_equal(crypt_hash_check(bad[i], SPAN_LIT("x"), &fits),
				 YB_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
