#include "proto/http_request.h"

#include "unit/unit.h"

static const struct row {
	const char *in;
	enum http_status status;
	const char *path; /* NULL: not looked at */
} rows[] = {
	{ "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK, "/metrics" },
	{ "GET /metrics?x=1 HTTP/1.1\r\nHOST:a\r\nAccept: */*\r\n\r\n", HTTP_OK,
	  "/metrics" },
	/* RFC 9112 section 3.2.2: "a server MUST accept the absolute-form" */
	{ "GET http://a:1/livez HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK,
	  "/livez" },
	{ "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK, "/" },
	{ "GET / HTTP/1.0\r\n\r\n", HTTP_OK, "/" },
	{ "GET / HTTP/1.9\r\nHost: a\r\n\r\n", HTTP_OK, "/" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", HTTP_OK,
	  "/" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX:\t\xc3\xa9 b \r\n\r\n", HTTP_OK,
	  "/" },
	/* RFC 9112 section 3.2: a 1.1 request without Host, or with two */
	{ "GET / HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", HTTP_BAD_REQUEST,
	  NULL },
	{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", HTTP_BAD_VERSION, NULL },
	{ "GET / HTTP/1.10\r\nHost: a\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "GET / http/1.1\r\nHost: a\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "GET /\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "GET a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "POST / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD_METHOD, NULL },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
	  HTTP_BAD_METHOD, NULL },
	{ "get / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD_METHOD, NULL },
	/* RFC 9112 section 5.1: "No whitespace is allowed between the field
	 * name and colon"; 5.2: obs-fold gets 400 */
	{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	/* Section 2.2: a bare CR or LF is no line end here */
	{ "GET / HTTP/1.1\nHost: a\n\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", HTTP_BAD_REQUEST, NULL },
	/* Nothing that could be read as a second request (smuggling) */
	{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
	  HTTP_TOO_LARGE, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n",
	  HTTP_TOO_LARGE, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
	  HTTP_TOO_LARGE, NULL },
	{ "", HTTP_MORE, NULL },
	{ "GET / HTTP/1.1", HTTP_MORE, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\n", HTTP_MORE, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r", HTTP_MORE, NULL },
};

static void requests_as_the_rfc_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct http_request got = { .head = true };
		enum http_status status =
			http_request_read(span_str(rows[i].in), &got);

		if (status != rows[i].status)
			fail_msg("%s: %u", rows[i].in, (unsigned)status);
		if (rows[i].path != NULL) {
			assert_true(
				span_eq(got.path, span_str(rows[i].path)));
			assert_false(got.head);
		}
	}
}

/* Whatever is whole is MORE at every shorter length. */
static void parts_are_waited_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span in = span_str(rows[i].in);
		struct http_request got;

		if (rows[i].status != HTTP_OK)
			continue;
		for (size_t n = 0; n < in.n; n++)
			assert_int_equal(
				http_request_read(span_head(in, n), &got),
				HTTP_MORE);
	}
}

static void head_has_a_limit(void **state)
{
	static char text[HTTP_HEAD_MAX];
	static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	struct http_request got;

	(void)state;
	memset(text, 'a', sizeof text);
	assert_int_equal(http_request_read(span_of(text, sizeof text), &got),
			 HTTP_HEAD_TOO_LARGE);
	memcpy(text, start, sizeof start - 1);
	assert_int_equal(
		http_request_read(span_of(text, sizeof text - 1), &got),
		HTTP_MORE);
	assert_int_equal(http_request_read(span_of(text, sizeof text), &got),
			 HTTP_HEAD_TOO_LARGE);
}

static void head_is_get_without_a_body(void **state)
{
	struct http_request got = { .head = false };

	(void)state;
	assert_int_equal(
		http_request_read(
			SPAN_LIT("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), &got),
		HTTP_OK);
	assert_true(got.head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_as_the_rfc_says),
		cmocka_unit_test(parts_are_waited_for),
		cmocka_unit_test(head_has_a_limit),
		cmocka_unit_test(head_is_get_without_a_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
