/* APOP (RFC 1939 section 7) and CRAM-MD5 (RFC 2195). */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/map.h"
#include "sasl/server.h"

static const struct sasl_channel none;

/* The examples of both RFCs. */
#define APOP_STAMP  "<1896.697170952@dbc.mtview.ca.us>"
#define APOP_DIGEST "c4c9334bac560ecc979e58001b3e22fb"
#define CRAM_STAMP  "<1896.697170952@postoffice.reston.mci.net>"
#define CRAM_DIGEST "b913a602c7eda7a495b4e6e7334d3890"

static bool fits(const struct sasl_server *s, const char *secret)
{
	bool ret = false;

	assert_ok(sasl_server_fits(s, span_str(secret), &ret));
	return ret;
}

static void test_apop_example(void **state)
{
	struct sasl_result r;
	struct sasl_server s;

	(void)state;
	assert_int_equal(
		sasl_server_start(&s, SASL_APOP, &none,
				  SPAN_LIT(APOP_STAMP "\0mrose\0" APOP_DIGEST),
				  true, &r),
		SASL_DIGEST);
	assert_true(span_eq(r.user, SPAN_LIT("mrose")));
	assert_int_equal(r.authzid.n, 0);
	assert_true(fits(&s, "tanstaaf"));
	assert_false(fits(&s, "tanstaaf "));
	assert_false(fits(&s, ""));
	sasl_server_done(&s);
}

static void test_cram_example(void **state)
{
	struct sasl_result r;
	struct sasl_server s;

	(void)state;
	assert_int_equal(sasl_server_start(&s, SASL_CRAM_MD5, &none, SPAN_NONE,
					   false, &r),
			 SASL_CHALLENGE);
	memcpy(s.digest.stamp, CRAM_STAMP, sizeof CRAM_STAMP - 1);
	s.digest.stamp_n = sizeof CRAM_STAMP - 1;
	assert_int_equal(sasl_server_step(&s, SPAN_LIT("tim " CRAM_DIGEST), &r),
			 SASL_DIGEST);
	assert_true(span_eq(r.user, SPAN_LIT("tim")));
	assert_true(fits(&s, "tanstaaftanstaaf"));
	assert_false(fits(&s, "tanstaaftanstaag"));
	/* One exchange, one answer. */
	assert_int_equal(sasl_server_step(&s, SPAN_LIT("tim " CRAM_DIGEST), &r),
			 SASL_FAIL);
	sasl_server_done(&s);
}

struct row {
	struct span response;
	const char *user; /* NULL: malformed */
};

#define R(text)                                           \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

static const struct row crams[] = {
	{ R("tim " CRAM_DIGEST), "tim" },
	{ R("tim b913A602C7EDA7A495B4E6E7334D3890"), "tim" },
	{ R("tim tom " CRAM_DIGEST), "tim tom" },
	{ R("\xc3\xa9 " CRAM_DIGEST), "\xc3\xa9" },
	{ R(""), NULL },
	{ R("tim"), NULL },
	{ R("tim "), NULL },
	{ R(" " CRAM_DIGEST), NULL },
	{ R(CRAM_DIGEST), NULL },
	{ R("tim  b913a602c7eda7a495b4e6e7334d389"), NULL },
	{ R("tim b913a602c7eda7a495b4e6e7334d389"), NULL },
	{ R("tim " CRAM_DIGEST "0"), NULL },
	{ R("tim " CRAM_DIGEST " "), NULL },
	{ R("tim g913a602c7eda7a495b4e6e7334d3890"), NULL },
	{ R("ti\0m " CRAM_DIGEST), NULL },
	{ R("\xff " CRAM_DIGEST), NULL },
};

static const struct row apops[] = {
	{ R(APOP_STAMP "\0mrose\0" APOP_DIGEST), "mrose" },
	{ R(APOP_STAMP "\0mr ose\0" APOP_DIGEST), "mr ose" },
	{ R("\0mrose\0" APOP_DIGEST), NULL },
	{ R(APOP_STAMP "\0\0" APOP_DIGEST), NULL },
	{ R(APOP_STAMP "\0mrose\0"), NULL },
	{ R(APOP_STAMP "\0mrose"), NULL },
	{ R(APOP_STAMP), NULL },
	{ R(""), NULL },
	{ R(APOP_STAMP "\0\xff\0" APOP_DIGEST), NULL },
	{ R(APOP_STAMP "\0mrose\0" APOP_DIGEST "\0"), NULL },
	{ R(APOP_STAMP "\0mrose\0c4c9334bac560ecc979e58001b3e22f"), NULL },
};

static void test_rows(void **state)
{
	struct sasl_result r;
	struct sasl_server s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(crams); i++) {
		assert_int_equal(sasl_server_start(&s, SASL_CRAM_MD5, &none,
						   SPAN_NONE, false, &r),
				 SASL_CHALLENGE);
		assert_int_equal(sasl_server_step(&s, crams[i].response, &r),
				 crams[i].user != NULL ? SASL_DIGEST
						       : SASL_FAIL);
		if (crams[i].user != NULL)
			assert_true(span_eq(r.user, span_str(crams[i].user)));
		sasl_server_done(&s);
		/* RFC 5034 section 4: no initial response where the server
		 * speaks first. */
		assert_int_equal(sasl_server_start(&s, SASL_CRAM_MD5, &none,
						   crams[i].response, true, &r),
				 SASL_FAIL);
	}
	for (size_t i = 0; i < ARRAY_LEN(apops); i++) {
		assert_int_equal(sasl_server_start(&s, SASL_APOP, &none,
						   apops[i].response, true, &r),
				 apops[i].user != NULL ? SASL_DIGEST
						       : SASL_FAIL);
		if (apops[i].user != NULL)
			assert_true(span_eq(r.user, span_str(apops[i].user)));
		sasl_server_done(&s);
	}
}

/* A stamp that is too long for what a greeting may have. */
static void test_long_stamp(void **state)
{
	uint8_t text[SASL_STAMP_MAX + 64];
	const struct span rest = SPAN_LIT("\0mrose\0" APOP_DIGEST);
	struct sasl_result r;
	struct sasl_server s;

	(void)state;
	memset(text, 'a', sizeof text);
	for (size_t n = SASL_STAMP_MAX; n <= SASL_STAMP_MAX + 1; n++) {
		memcpy(text + n, rest.p, rest.n);
		assert_int_equal(sasl_server_start(&s, SASL_APOP, &none,
						   span_of(text, n + rest.n),
						   true, &r),
				 n == SASL_STAMP_MAX ? SASL_DIGEST : SASL_FAIL);
	}
}

static void expect_stamp(const char *host, const char *want)
{
	char stamp[SASL_STAMP_MAX + 1];
	size_t n;

	assert_ok(sasl_stamp_make(host, stamp));
	n = strlen(stamp);
	/* RFC 822: msg-id = "<" addr-spec ">", of atoms here. */
	assert_int_equal(stamp[0], '<');
	assert_int_equal(stamp[n - 1], '>');
	for (size_t i = 1; i <= 32; i++)
		assert_non_null(strchr("0123456789abcdef", stamp[i]));
	assert_int_equal(stamp[33], '@');
	stamp[n - 1] = 0;
	assert_string_equal(stamp + 34, want);
}

static void test_stamp_form(void **state)
{
	char host[SASL_STAMP_HOST_MAX + 2];

	(void)state;
	expect_stamp("mail.example.org", "mail.example.org");
	expect_stamp("", "localhost");
	expect_stamp("no spaces", "localhost");
	expect_stamp("no>brackets", "localhost");
	expect_stamp(".org", "localhost");
	memset(host, 'a', sizeof host);
	host[SASL_STAMP_HOST_MAX] = 0;
	expect_stamp(host, host);
	host[SASL_STAMP_HOST_MAX] = 'a';
	host[SASL_STAMP_HOST_MAX + 1] = 0;
	expect_stamp(host, "localhost");
}

/* Threat 12; RFC 1939 section 7: "MUST be different each time". */
static void test_stamps_differ(void **state)
{
	enum { STAMPS = 200000 };
	struct map seen;

	(void)state;
	map_init(&seen, 1);
	for (size_t i = 0; i < STAMPS; i++) {
		char stamp[SASL_STAMP_MAX + 1];

		assert_ok(sasl_stamp_make("h", stamp));
		assert_null(map_get(&seen, span_str(stamp)));
		assert_ok(map_put(&seen, span_str(stamp), &seen));
	}
	assert_int_equal(seen.count, STAMPS);
	map_done(&seen);
}

/* Challenges of CRAM-MD5 are as random, and bear the server's name. */
static void test_cram_challenge(void **state)
{
	const struct sasl_channel channel = { .host = "mail.example.org" };
	struct sasl_result r;
	struct sasl_server s;
	char last[SASL_STAMP_MAX + 1] = "";

	(void)state;
	for (int i = 0; i < 100; i++) {
		char text[SASL_STAMP_MAX + 1];

		assert_int_equal(sasl_server_start(&s, SASL_CRAM_MD5, &channel,
						   SPAN_NONE, false, &r),
				 SASL_CHALLENGE);
		assert_true(span_to_str(r.challenge, text, sizeof text));
		assert_non_null(strstr(text, "@mail.example.org>"));
		assert_string_not_equal(text, last);
		strcpy(last, text);
		sasl_server_done(&s);
	}
}

/* None of them is offered unless somebody asks for it. */
static void test_not_offered(void **state)
{
	static const enum sasl_mechanism legacy[] = { SASL_APOP, SASL_CRAM_MD5,
						      SASL_SCRAM_SHA_1 };
	char list[SASL_LIST_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(legacy); i++) {
		assert_int_equal(sasl_mechanism_set(true) & 1u << legacy[i], 0);
		assert_int_equal(sasl_mechanism_set(false) & 1u << legacy[i],
				 0);
	}
	/* And all names fit. */
	sasl_mechanism_list(UINT32_MAX, list);
	assert_true(strlen(list) + 1 <= sizeof list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apop_example),
		cmocka_unit_test(test_cram_example),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_long_stamp),
		cmocka_unit_test(test_stamp_form),
		cmocka_unit_test(test_stamps_differ),
		cmocka_unit_test(test_cram_challenge),
		cmocka_unit_test(test_not_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
