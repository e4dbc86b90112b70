/* OAUTHBEARER (RFC 7628) and XOAUTH2, from both sides. */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/codec.h"
#include "sasl/server.h"

static const struct sasl_channel none;

/* A span of a literal with NULs in it. */
#define S(text)                                           \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

#define BEARER OAUTH_BEARER
#define XOAUTH OAUTH_XOAUTH2

struct row {
	enum oauth_form form;
	struct span message;
	bool good;
	const char *user, *token, *host;
};

/* The octet that is %x01 stands on its own, or the digit behind it would be
 * taken for a part of it. */
#define A "\x01"

static const struct row rows[] = {
	/* RFC 7628 section 4.1, as decoded there, and for SMTP. */
	{ BEARER,
	  S("n,a=user@example.com," A "host=server.example.com" A "port=143" A
	    "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" A A),
	  true, "user@example.com",
	  "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "server.example.com" },
	{ BEARER,
	  S("n,a=user@example.com," A "host=server.example.com" A "port=587" A
	    "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" A A),
	  true, "user@example.com",
	  "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "server.example.com" },
	/* Section 4.3: "how a client can query for the needed scope". */
	{ BEARER,
	  S("n,a=user@example.com," A "host=server.example.com" A "port=143" A
	    "auth=" A A),
	  true, "user@example.com", "", "server.example.com" },
	/* Section 4.4 has "user=" where RFC 5801 has "a=" alone. */
	{ BEARER,
	  S("n,user=someuser@example.com," A
	    "auth=Bearer vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==" A A),
	  false, 0, 0, 0 },
	/* Section 4: "could as easily be "bearer", "BEARER", or "BeArEr"". */
	{ BEARER, S("n,," A "auth=BeArEr t" A A), true, "", "t", "" },
	{ BEARER, S("n,," A "auth=bearer  t" A A), true, "", "t", "" },
	{ BEARER, S("n,," A "auth=BEARER t" A "host=h" A A), true, "", "t",
	  "h" },
	{ BEARER, S("y,," A "auth=Bearer t" A A), true, "", "t", "" },
	{ BEARER, S("n,," A "auth=Bearer" A A), true, "", "", "" },
	{ BEARER, S("n,," A "auth=Bearer " A A), true, "", "", "" },
	/* "Unknown key/value pairs MUST be ignored by the server." */
	{ BEARER,
	  S("n,," A "mthd=POST" A "path=/" A "user=x" A "user=y" A
	    "auth=Bearer t" A "qs=" A A),
	  true, "", "t", "" },
	/* Names of RFC 5801: "=2C" and "=3D", and UTF-8. */
	{ BEARER, S("n,a=a=2Cb=3Dc," A "auth=Bearer t" A A), true, "a,b=c", "t",
	  "" },
	{ BEARER, S("n,a=\xc3\xa9@x," A "auth=Bearer t" A A), true,
	  "\xc3\xa9@x", "t", "" },
	{ BEARER, S("n,a=a=2cb," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,a=a=," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,a=," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,a=\xff," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,a=a\0b," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,a=a\nb," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,alice," A "auth=Bearer t" A A), false, 0, 0, 0 },
	/* No binding to a channel, and nothing in place of the header. */
	{ BEARER, S("p=tls-exporter,," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("F,n,," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("N,," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,,," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n" A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S(""), false, 0, 0, 0 },
	{ BEARER, S(A), false, 0, 0, 0 },
	{ BEARER, S("n,,"), false, 0, 0, 0 },
	{ BEARER, S("n,," A), false, 0, 0, 0 },
	/* "auth (REQUIRED)"; twice is not said which. */
	{ BEARER, S("n,," A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "host=h" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "auth=Bearer t" A "auth=Bearer t" A A), false, 0, 0,
	  0 },
	{ BEARER, S("n,," A "auth=Bearer t" A "host=h" A "host=h" A A), false,
	  0, 0, 0 },
	/* *kvpair kvsep, and no more. */
	{ BEARER, S("n,," A "auth=Bearer t" A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "auth=Bearer t"), false, 0, 0, 0 },
	{ BEARER, S("n,," A "auth=Bearer t" A A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "auth=Bearer t" A A "x"), false, 0, 0, 0 },
	{ BEARER, S("n,," A A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "auth=Bearer t" A A "host=h" A A), false, 0, 0, 0 },
	/* key = 1*(ALPHA), value = *(VCHAR / SP / HTAB / CR / LF ) */
	{ BEARER, S("n,," A "=x" A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "x" A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "x1=y" A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "x= \t\r\n~" A "auth=Bearer t" A A), true, "", "t",
	  "" },
	{ BEARER, S("n,," A "x=\x7f" A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "x=\xc3\xa9" A "auth=Bearer t" A A), false, 0, 0,
	  0 },
	{ BEARER, S("n,," A "host=\0" A "auth=Bearer t" A A), false, 0, 0, 0 },
	/* "a decimal positive integer string without leading zeros" */
	{ BEARER, S("n,," A "port=0" A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "port=0143" A "auth=Bearer t" A A), false, 0, 0,
	  0 },
	{ BEARER, S("n,," A "port=-1" A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "port=65536" A "auth=Bearer t" A A), false, 0, 0,
	  0 },
	{ BEARER, S("n,," A "port=65535" A "auth=Bearer t" A A), true, "", "t",
	  "" },
	/* RFC 6750 section 2.1: what a token is made of. */
	{ BEARER, S("n,," A "auth=Bearer aZ09-._~+/==" A A), true, "",
	  "aZ09-._~+/==", "" },
	{ BEARER, S("n,," A "auth=Bearer =" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "auth=Bearer a=b" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "auth=Bearer a b" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "auth=Bearer a&b" A A), false, 0, 0, 0 },
	{ BEARER, S("n,," A "auth=Bearer a\r\nb" A A), false, 0, 0, 0 },
	/* Section 4.2: OAuth 1.0a is another mechanism's. */
	{ BEARER,
	  S("n,a=user@example.com," A "host=example.com" A "port=143" A
	    "auth=OAuth realm=\"Example\",oauth_nonce=\"7d8f3e4a\"" A A),
	  false, 0, 0, 0 },
	/* Google's example. */
	{ XOAUTH,
	  S("user=someuser@example.com" A
	    "auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg" A A),
	  true, "someuser@example.com",
	  "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg", "" },
	{ XOAUTH, S("user=\xc3\xa9" A "auth=bearer t" A A), true, "\xc3\xa9",
	  "t", "" },
	{ XOAUTH, S("user=a" A "auth=" A A), true, "a", "", "" },
	{ XOAUTH, S("user=a" A "auth=Bearer t" A), false, 0, 0, 0 },
	{ XOAUTH, S("user=a" A "auth=Bearer t"), false, 0, 0, 0 },
	{ XOAUTH, S("user=a" A "auth=Basic t" A A), false, 0, 0, 0 },
	{ XOAUTH, S("user=a" A A), false, 0, 0, 0 },
	{ XOAUTH, S("user=" A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ XOAUTH, S("user=a\0b" A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ XOAUTH, S("user=a" A "user=b" A "auth=Bearer t" A A), false, 0, 0,
	  0 },
	{ XOAUTH, S("auth=Bearer t" A A), false, 0, 0, 0 },
	{ XOAUTH, S("n,a=a," A "auth=Bearer t" A A), false, 0, 0, 0 },
	{ XOAUTH, S(""), false, 0, 0, 0 },
};

static void test_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct oauth_claim c;

		if (oauth_read(row->form, row->message, &c) != row->good)
			fail_msg("row %zu: %.*s", i, (int)row->message.n,
				 (const char *)row->message.p);
		if (!row->good)
			continue;
		assert_true(span_eq(span_of(c.user, c.user_n),
				    span_str(row->user)));
		assert_true(span_eq(c.token, span_str(row->token)));
		assert_true(span_eq(c.host, span_str(row->host)));
	}
}

/* Every message is refused that lacks its end, wherever it is cut. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct oauth_claim c;

		for (size_t n = 0; row->good && n < row->message.n; n++)
			assert_false(oauth_read(
				row->form, span_head(row->message, n), &c));
	}
}

static void test_name_length(void **state)
{
	char text[SASL_USER_MAX + 64];
	struct oauth_claim c;
	int n;

	(void)state;
	for (int more = 0; more < 2; more++) {
		n = snprintf(text, sizeof text,
			     "n,a=%0*d," A "auth=Bearer t" A A,
			     SASL_USER_MAX + more, 0);
		assert_int_equal(
			oauth_read(OAUTH_BEARER, span_of(text, (size_t)n), &c),
			more == 0);
		n = snprintf(text, sizeof text,
			     "user=%0*d" A "auth=Bearer t" A A,
			     SASL_USER_MAX + more, 0);
		assert_int_equal(
			oauth_read(OAUTH_XOAUTH2, span_of(text, (size_t)n), &c),
			more == 0);
	}
}

/* ---- what a server says ---- */

static void test_refusals(void **state)
{
	char text[OAUTH_REFUSAL_MAX], hint[OAUTH_HINT_MAX];

	(void)state;
	/* RFC 7628 section 4.3, but for the spaces; its base64 has them not,
	 * and another URL than the text has. */
	oauth_put_refusal(
		OAUTH_BEARER, OAUTH_INVALID_TOKEN, SPAN_LIT("example_scope"),
		SPAN_LIT(
			"https://example.com/.well-known/openid-configuration"),
		text);
	assert_string_equal(text,
			    "{\"status\":\"invalid_token\","
			    "\"scope\":\"example_scope\","
			    "\"openid-configuration\":\"https://example.com/"
			    ".well-known/openid-configuration\"}");
	/* "scope (OPTIONAL)", "openid-configuration (OPTIONAL)" */
	oauth_put_refusal(OAUTH_BEARER, OAUTH_INVALID_TOKEN, SPAN_NONE,
			  SPAN_NONE, text);
	assert_string_equal(text, "{\"status\":\"invalid_token\"}");
	oauth_put_refusal(OAUTH_BEARER, OAUTH_INVALID_REQUEST, SPAN_NONE,
			  SPAN_NONE, text);
	assert_string_equal(text, "{\"status\":\"invalid_request\"}");
	oauth_put_refusal(OAUTH_XOAUTH2, OAUTH_INVALID_TOKEN,
			  SPAN_LIT("https://mail.example.com/"),
			  SPAN_LIT("https://x/"), text);
	assert_string_equal(text, "{\"status\":\"401\",\"schemes\":\"bearer\","
				  "\"scope\":\"https://mail.example.com/\"}");
	oauth_put_refusal(OAUTH_XOAUTH2, OAUTH_INVALID_REQUEST, SPAN_NONE,
			  SPAN_NONE, text);
	assert_string_equal(text,
			    "{\"status\":\"400\",\"schemes\":\"bearer\"}");
	/* What JSON would take for its own; and the longest that may come. */
	memset(hint, '"', sizeof hint);
	oauth_put_refusal(OAUTH_BEARER, OAUTH_INVALID_TOKEN,
			  span_of(hint, sizeof hint),
			  span_of(hint, sizeof hint), text);
	assert_true(strlen(text) > 4 * sizeof hint);
	assert_non_null(strstr(text, "\"scope\":\"\\\"\\\""));
	assert_string_equal(text + strlen(text) - 3, "\"\"}");
}

/* RFC 7628 section 4.1's base64, whole. */
static void test_exchange(void **state)
{
	static const char text[] =
		"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAX"
		"BvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJo"
		"ZG1semRHRXVZMjl0Q2c9PQEB";
	uint8_t message[sizeof text];
	struct sasl_result r;
	struct sasl_server s;
	size_t n;

	(void)state;
	assert_true(base64_parse(span_str(text), message, &n));
	assert_int_equal(sasl_server_start(&s, SASL_OAUTHBEARER, &none,
					   span_of(message, n), true, &r),
			 SASL_TOKEN);
	assert_true(span_eq(r.user, SPAN_LIT("user@example.com")));
	assert_true(span_eq(r.token,
			    SPAN_LIT("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tC"
				     "g==")));
	assert_int_equal(r.password.n, 0);
	sasl_server_done(&s);
	/* In two steps: the client speaks first, to an empty challenge. */
	assert_int_equal(sasl_server_start(&s, SASL_OAUTHBEARER, &none,
					   SPAN_NONE, false, &r),
			 SASL_CHALLENGE);
	assert_int_equal(r.challenge.n, 0);
	assert_int_equal(sasl_server_step(&s, span_of(message, n), &r),
			 SASL_TOKEN);
	assert_true(span_eq(r.user, SPAN_LIT("user@example.com")));
	sasl_server_done(&s);
	/* The mechanisms take each other's message for nonsense. */
	assert_int_equal(sasl_server_start(&s, SASL_XOAUTH2, &none,
					   span_of(message, n), true, &r),
			 SASL_FAIL);
	assert_true(span_eq(r.challenge, SPAN_LIT("{\"status\":\"400\","
						  "\"schemes\":\"bearer\"}")));
	sasl_server_done(&s);
	/* RFC 7628 section 3.1: a single %x01 at first: the server "MAY simply
	 * fail the authentication without returning discovery information". */
	assert_int_equal(sasl_server_start(&s, SASL_OAUTHBEARER, &none,
					   SPAN_LIT(A), true, &r),
			 SASL_FAIL);
	assert_int_equal(r.challenge.n, 0);
	sasl_server_done(&s);
}

/* The longest token that a line of RFC 5034 has room for. */
static void test_long_token(void **state)
{
	static uint8_t message[OAUTH_MESSAGE_MAX + 1];
	static const char head[] = "user=a" A "auth=Bearer ";
	struct sasl_result r;
	struct sasl_server s;

	(void)state;
	for (size_t n = sizeof message - 1; n <= sizeof message; n++) {
		memset(message, 't', n);
		memcpy(message, head, sizeof head - 1);
		message[n - 2] = message[n - 1] = 1;
		assert_int_equal(
			sasl_server_start(&s, SASL_XOAUTH2, &none,
					  span_of(message, n), true, &r),
			n == OAUTH_MESSAGE_MAX ? SASL_TOKEN : SASL_FAIL);
		sasl_server_done(&s);
	}
}

/* ---- the client half, against the server half ---- */

static void test_client(void **state)
{
	static const struct {
		enum oauth_form form;
		const char *user, *host;
		unsigned port;
		const char *token;
		enum yb_err err;
		const char *want; /* NULL: it is only read again */
	} sent[] = {
		{ BEARER, "user@example.com", "server.example.com", 143,
		  "t=", YB_OK,
		  "n,a=user@example.com," A "host=server.example.com" A
		  "port=143" A "auth=Bearer t=" A A },
		{ BEARER, "", "", 0, "t", YB_OK, "n,," A "auth=Bearer t" A A },
		{ BEARER, "a,b=c", "", 0, "t", YB_OK, NULL },
		{ BEARER, "\xc3\xa9", "h", 995, "t", YB_OK, NULL },
		{ BEARER, "a" A "b", "", 0, "t", YB_SYNTAX, NULL },
		{ BEARER, "a", "h" A "i", 0, "t", YB_SYNTAX, NULL },
		{ BEARER, "a", "", 70000, "t", YB_SYNTAX, NULL },
		{ BEARER, "a", "", 0, "", YB_SYNTAX, NULL },
		{ BEARER, "a", "", 0, "t t", YB_SYNTAX, NULL },
		{ XOAUTH, "a@b", "h", 995, "t", YB_OK,
		  "user=a@b" A "auth=Bearer t" A A },
		{ XOAUTH, "", "", 0, "t", YB_SYNTAX, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
		struct oauth_claim c;
		struct buf out;

		buf_init(&out, 1024);
		assert_int_equal(oauth_put_message(&out, sent[i].form,
						   span_str(sent[i].user),
						   span_str(sent[i].host),
						   sent[i].port,
						   span_str(sent[i].token)),
				 sent[i].err);
		if (sent[i].want != NULL)
			assert_true(span_eq(buf_span(&out),
					    span_str(sent[i].want)));
		if (sent[i].err == YB_OK) {
			assert_true(
				oauth_read(sent[i].form, buf_span(&out), &c));
			assert_true(span_eq(span_of(c.user, c.user_n),
					    span_str(sent[i].user)));
			assert_true(span_eq(c.token, span_str(sent[i].token)));
		}
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_name_length),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_long_token),
		cmocka_unit_test(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
