/*
 * RFC 7677 section 3: user "user", password "pencil". The exchange there
 * shows the proof and the server's signature, which both follow from the keys.
 */
#include "crypto/scram.h"

#include "base/codec.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"
#include "unit/unit.h"

static const char auth_message[] =
	"n=user,r=rOprNGfwEbeRWgbNEkqO,"
	"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
	"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

static void expect(const uint8_t sum[SCRAM_KEY_LEN], const char *want)
{
	char text[64] = "";

	base64_put((uint8_t *)text, span_of(sum, SCRAM_KEY_LEN));
	assert_string_equal(text, want);
}

static void salted_of_example(uint8_t salted[SCRAM_KEY_LEN])
{
	uint8_t salt[24];
	size_t salt_n = 0;

	assert_true(base64_parse(SPAN_LIT("W22ZaJ0SNY7soEsUEjb6gQ=="), salt,
				 &salt_n));
	assert_ok(scram_salted_password(SPAN_LIT("pencil"),
					span_of(salt, salt_n), 4096, salted));
}

static void test_client_proof(void **state)
{
	uint8_t salted[SCRAM_KEY_LEN], client_key[SCRAM_KEY_LEN];
	uint8_t signature[SCRAM_KEY_LEN], hash[SCRAM_KEY_LEN];
	struct scram_verifier keys;

	(void)state;
	salted_of_example(salted);
	assert_ok(scram_verifier_of(salted, &keys));
	assert_ok(scram_client_key(salted, client_key));

	/* ClientSignature := HMAC(StoredKey, AuthMessage)
	 * ClientProof := ClientKey XOR ClientSignature */
	assert_ok(hmac_once(span_of(keys.stored_key, SCRAM_KEY_LEN),
			    span_str(auth_message), signature));
	for (size_t i = 0; i < SCRAM_KEY_LEN; i++)
		client_key[i] ^= signature[i];
	expect(client_key, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");

	/* And the way the server goes: back to the key, and its hash. */
	for (size_t i = 0; i < SCRAM_KEY_LEN; i++)
		client_key[i] ^= signature[i];
	assert_ok(hash_sha256(span_of(client_key, SCRAM_KEY_LEN), hash));
	assert_memory_equal(hash, keys.stored_key, sizeof hash);
}

static void test_server_signature(void **state)
{
	uint8_t salted[SCRAM_KEY_LEN], signature[SCRAM_KEY_LEN];
	struct scram_verifier keys;

	(void)state;
	salted_of_example(salted);
	assert_ok(scram_verifier_of(salted, &keys));
	/* ServerSignature := HMAC(ServerKey, AuthMessage) */
	assert_ok(hmac_once(span_of(keys.server_key, SCRAM_KEY_LEN),
			    span_str(auth_message), signature));
	expect(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

static void test_other_password(void **state)
{
	uint8_t salted[SCRAM_KEY_LEN], other[SCRAM_KEY_LEN];

	(void)state;
	salted_of_example(salted);
	assert_ok(scram_salted_password(SPAN_LIT("Pencil"), SPAN_LIT("salt"),
					4096, other));
	assert_memory_not_equal(salted, other, sizeof other);
	assert_int_equal(scram_salted_password(SPAN_LIT("pencil"),
					       SPAN_LIT("salt"), 0, other),
			 YB_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_proof),
		cmocka_unit_test(test_server_signature),
		cmocka_unit_test(test_other_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
