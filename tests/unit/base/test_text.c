#include "unit/unit.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/num.h"

/* Threat 17: other servers take `LIST 4294967297` as `LIST 1`. */
static void numbers_are_strict(void **state)
{
	static const struct {
		struct span text;
		uint64_t max;
		bool good;
		uint64_t v;
	} rows[] = {
		{ SPAN_LIT("0"), 9, true, 0 },
		{ SPAN_LIT("1"), 9, true, 1 },
		{ SPAN_LIT("9"), 9, true, 9 },
		{ SPAN_LIT("10"), 9, false, 0 },
		{ SPAN_LIT("01"), 9, false, 0 },
		{ SPAN_LIT("00"), 9, false, 0 },
		{ SPAN_LIT("-1"), 9, false, 0 },
		{ SPAN_LIT("+1"), 9, false, 0 },
		{ SPAN_LIT(" 1"), 9, false, 0 },
		{ SPAN_LIT("1 "), 9, false, 0 },
		{ SPAN_LIT("1\0"), 9, false, 0 },
		{ SPAN_LIT("1e1"), 99, false, 0 },
		{ SPAN_LIT("0x1"), 99, false, 0 },
		{ SPAN_LIT(""), 9, false, 0 },
		{ SPAN_LIT("4294967297"), UINT32_MAX, false, 0 },
		{ SPAN_LIT("18446744073709551615"), UINT64_MAX, true,
		  UINT64_MAX },
		{ SPAN_LIT("18446744073709551616"), UINT64_MAX, false, 0 },
		{ SPAN_LIT("99999999999999999999"), UINT64_MAX, false, 0 },
		{ SPAN_LIT("184467440737095516150"), UINT64_MAX, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = 0;

		assert_int_equal(num_parse(rows[i].text, rows[i].max, &v),
				 rows[i].good);
		assert_int_equal(v, rows[i].v);
	}
}

static void numbers_come_back(void **state)
{
	uint8_t text[NUM_U64_DIGITS];
	uint64_t v = 1, back;

	(void)state;
	for (int i = 0; i < 64; i++, v *= 2) {
		size_t n = num_put(text, v);

		assert_int_equal(n, num_len(v));
		assert_true(num_parse(span_of(text, n), UINT64_MAX, &back));
		assert_int_equal(back, v);
	}
	assert_int_equal(num_put(text, UINT64_MAX), NUM_U64_DIGITS);
	assert_int_equal(num_put(text, 0), 1);
}

/* RFC 4648 section 10. */
static void base64_of_the_rfc(void **state)
{
	static const struct {
		struct span plain, coded;
	} rows[] = {
		{ SPAN_LIT(""), SPAN_LIT("") },
		{ SPAN_LIT("f"), SPAN_LIT("Zg==") },
		{ SPAN_LIT("fo"), SPAN_LIT("Zm8=") },
		{ SPAN_LIT("foo"), SPAN_LIT("Zm9v") },
		{ SPAN_LIT("foob"), SPAN_LIT("Zm9vYg==") },
		{ SPAN_LIT("fooba"), SPAN_LIT("Zm9vYmE=") },
		{ SPAN_LIT("foobar"), SPAN_LIT("Zm9vYmFy") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t out[16];
		size_t n;

		n = base64_put(out, rows[i].plain);
		assert_int_equal(n, base64_len(rows[i].plain.n));
		assert_true(span_eq(span_of(out, n), rows[i].coded));
		assert_true(base64_parse(rows[i].coded, out, &n));
		assert_true(span_eq(span_of(out, n), rows[i].plain));
	}
}

static void base64_refuses_everything_else(void **state)
{
	static const struct span rows[] = {
		SPAN_LIT("Z"), SPAN_LIT("Zg"), SPAN_LIT("Zg="),
		SPAN_LIT("Zh=="), /* loose bits: RFC 4648 section 3.5 */
		SPAN_LIT("Zm9="), SPAN_LIT("===="), SPAN_LIT("Z==="),
		SPAN_LIT("Zg==Zg=="), /* padding before the end */
		SPAN_LIT("Zg =="), SPAN_LIT("Zm9v\n"), SPAN_LIT("Zm-_"),
		SPAN_LIT("Zm\0v"), SPAN_LIT("Zm9v="),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t out[16];
		size_t n;

		assert_false(base64_parse(rows[i], out, &n));
	}
}

static void hex_comes_back(void **state)
{
	const uint8_t in[] = { 0x00, 0x7f, 0x80, 0xff };
	uint8_t text[8], out[4];

	(void)state;
	hex_put(text, span_of(in, 4));
	assert_true(span_eq(span_of(text, 8), SPAN_LIT("007f80ff")));
	assert_true(hex_parse(SPAN_LIT("007F80fF"), out, 4));
	assert_memory_equal(in, out, 4);
	assert_false(hex_parse(SPAN_LIT("007F80f"), out, 4));
	assert_false(hex_parse(SPAN_LIT("007F80fG"), out, 4));
}

/* RFC 3461 section 4. */
static void xtext_is_strict(void **state)
{
	static const char *const wrong[] = {
		"+", "+4", "+4g", "+4a", "=", " ", "a b", "a\tb", "\x7f",
		"\xc3\xa9", "x+", "x+4", "a=b"
	};
	uint8_t out[32];
	size_t n;

	(void)state;
	assert_true(xtext_parse(SPAN_LIT("a+2B+3D+00+0D+FFz"), out, &n));
	assert_true(span_eq(span_of(out, n), SPAN_LIT("a+=\0\r\xffz")));
	assert_true(xtext_parse(SPAN_LIT(""), out, &n));
	assert_int_equal(n, 0);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(xtext_parse(span_str(wrong[i]), out, &n));
}

static void ids_have_one_name(void **state)
{
	uint8_t id[16], back[16], text[BASE32_ID_LEN];

	(void)state;
	for (int round = 0; round < 500; round++) {
		for (size_t i = 0; i < 16; i++)
			id[i] = (uint8_t)(rand() >> 7);
		base32_put_id(text, id);
		for (size_t i = 0; i < sizeof text; i++)
			/* RFC 1939 section 7: 0x21 to 0x7E. */
			assert_in_range(text[i], 0x21, 0x7e);
		assert_true(base32_parse_id(span_of(text, sizeof text), back));
		assert_memory_equal(id, back, 16);
	}
	memset(id, 0xff, sizeof id);
	base32_put_id(text, id);
	assert_true(span_eq(span_of(text, 26),
			    SPAN_LIT("777777777777777777777777" "74")));
	/* The last character has two bits that mean nothing. */
	text[25] = '5';
	assert_false(base32_parse_id(span_of(text, sizeof text), back));
	assert_false(base32_parse_id(SPAN_LIT("aaaa"), back));
}

static void errors_have_class_and_text(void **state)
{
	(void)state;
	for (enum yb_err e = YB_OK; e < YB_ERR_COUNT; e++) {
		assert_true(strlen(err_text(e)) > 1);
		assert_true(strlen(err_name(e)) > 1);
	}
	assert_true(err_is_temp(YB_FULL));
	assert_false(err_is_temp(YB_NO_MSG));
	assert_int_equal(err_class(YB_CORRUPT), YB_CLASS_FATAL);
	assert_int_equal(err_from_errno(ENOSPC), YB_FULL);
	assert_int_equal(err_from_errno(EDQUOT), YB_FULL);
	/* What is unknown is never taken for success. */
	assert_int_equal(err_from_errno(0), YB_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(numbers_come_back),
		cmocka_unit_test(base64_of_the_rfc),
		cmocka_unit_test(base64_refuses_everything_else),
		cmocka_unit_test(hex_comes_back),
		cmocka_unit_test(xtext_is_strict),
		cmocka_unit_test(ids_have_one_name),
		cmocka_unit_test(errors_have_class_and_text),
	};

	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
