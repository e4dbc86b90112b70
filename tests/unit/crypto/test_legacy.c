/* What APOP, CRAM-MD5 and SCRAM-SHA-1 are made of, by the RFCs' examples. */
#include "crypto/legacy.h"

#include "base/codec.h"
#include "unit/unit.h"

static void expect_hex(const uint8_t sum[MD5_LEN], const char *want)
{
	char text[2 * MD5_LEN + 1] = "";

	hex_put((uint8_t *)text, span_of(sum, MD5_LEN));
	assert_string_equal(text, want);
}

static void test_md5(void **state)
{
	uint8_t sum[MD5_LEN];

	(void)state;
	/* RFC 1321 appendix A.5. */
	assert_ok(legacy_md5(SPAN_NONE, SPAN_NONE, sum));
	expect_hex(sum, "d41d8cd98f00b204e9800998ecf8427e");
	assert_ok(legacy_md5(SPAN_LIT("message"), SPAN_LIT(" digest"), sum));
	expect_hex(sum, "f96b697d7cb7938d525a2f31aaf161d0");
	/* RFC 2202 section 2, test cases 2 and 6. */
	assert_ok(legacy_hmac_md5(SPAN_LIT("Jefe"),
				  SPAN_LIT("what do ya want for nothing?"),
				  sum));
	expect_hex(sum, "750c783e6ab0b503eaa86e310a5db738");
	uint8_t key[80];

	memset(key, 0xaa, sizeof key);
	assert_ok(legacy_hmac_md5(span_of(key, sizeof key),
				  SPAN_LIT("Test Using Larger Than Block-Size "
					   "Key - Hash Key First"),
				  sum));
	expect_hex(sum, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
	assert_ok(legacy_hmac_md5(SPAN_NONE, SPAN_NONE, sum));
	expect_hex(sum, "74e6f7298a9c2d168935f58c001bad88");
}

/* RFC 5802 section 5: user "user", password "pencil". */
static const char auth_message[] =
	"n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
	"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	"s=QSXCR+Q6sek8bf92,i=4096,"
	"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j";

static void test_scram_sha_1(void **state)
{
	struct scram_sha_1_verifier keys, other;
	uint8_t salt[16], proof[SCRAM_SHA_1_KEY_LEN + 3];
	uint8_t signature[SCRAM_SHA_1_KEY_LEN];
	char text[32] = "";
	size_t n = 0;
	bool fits = false;

	(void)state;
	assert_true(base64_parse(SPAN_LIT("QSXCR+Q6sek8bf92"), salt, &n));
	assert_ok(scram_sha_1_verifier_of(SPAN_LIT("pencil"), span_of(salt, n),
					  4096, &keys));
	assert_ok(scram_sha_1_verifier_of(SPAN_LIT("pencil"), span_of(salt, n),
					  4097, &other));
	assert_true(base64_parse(SPAN_LIT("v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="),
				 proof, &n));
	assert_int_equal(n, SCRAM_SHA_1_KEY_LEN);
	assert_ok(scram_sha_1_proof_fits(keys.stored_key,
					 span_str(auth_message), proof, &fits));
	assert_true(fits);
	assert_ok(scram_sha_1_proof_fits(other.stored_key,
					 span_str(auth_message), proof, &fits));
	assert_false(fits);
	proof[0] ^= 1;
	assert_ok(scram_sha_1_proof_fits(keys.stored_key,
					 span_str(auth_message), proof, &fits));
	assert_false(fits);
	assert_ok(scram_sha_1_sign(keys.server_key, span_str(auth_message),
				   signature));
	base64_put((uint8_t *)text, span_of(signature, sizeof signature));
	assert_string_equal(text, "rmF9pqV8S7suAoZWja4dJRkFsKQ=");
	assert_int_equal(scram_sha_1_verifier_of(SPAN_LIT("pencil"), SPAN_NONE,
						 0, &keys),
			 YB_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_md5),
		cmocka_unit_test(test_scram_sha_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
