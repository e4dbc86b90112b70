/* The PROXY protocol, by haproxy's specification, at every cut. */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "net/proxy.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define S(text) { (const uint8_t *)(text), sizeof(text) - 1 }

static const struct {
	struct span in;
	const char *source; /* "" if the proxy speaks for itself; NULL: wrong */
} rows[] = {
	{ S("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), "192.0.2.1" },
	{ S("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
	  "255.255.255.255" },
	{ S("PROXY TCP6 2001:db8::1 ::1 0 1\r\n"), "2001:db8::1" },
	{ S("PROXY TCP6 ffff:f...f:ffff ::1 0 1\r\n"), NULL },
	{ S("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1 "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1" },
	{ S("PROXY UNKNOWN\r\n"), "" },
	{ S("PROXY UNKNOWN ffff::1 whatever 1 2 3\r\n"), "" },
	{ S("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n"), NULL },
	{ S("PROXY TCP4 192.0.2.1  198.51.100.1 56324 443\r\n"), NULL },
	{ S("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n"), NULL },
	{ S("PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n"), NULL },
	{ S("PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n"), NULL },
	{ S("PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n"), NULL },
	{ S("PROXY TCP4 192.0.2.1 198.51.100.1 056 443\r\n"), NULL },
	{ S("PROXY TCP4 192.0.2.01 198.51.100.1 56 443\r\n"), NULL },
	{ S("PROXY TCP4 192.0.2.1 ::1 56 443\r\n"), NULL },
	{ S("PROXY TCP4 ::1 ::1 56 443\r\n"), NULL },
	{ S("PROXY TCP6 192.0.2.1 192.0.2.1 56 443\r\n"), NULL },
	{ S("PROXY TCP4 192.0.2.1\0x 192.0.2.1 56 443\r\n"), NULL },
	{ S("PROXY TCP5 192.0.2.1 192.0.2.1 56 443\r\n"), NULL },
	{ S("PROXY tcp4 192.0.2.1 192.0.2.1 56 443\r\n"), NULL },
	{ S("PROXY \r\n"), NULL },
	{ S("PROXY\r\n"), NULL },
	{ S("proxy TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), NULL },
	{ S("USER alice\r\n"), NULL },
	{ S("\x16\x03\x01"), NULL },
	{ S(SIG "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\x12\x34\1\xbb"),
	  "192.0.2.1" },
	{ S(SIG "\x21\x11\0\x10\xc0\0\2\1\xc6\x33\x64\1\x12\x34\1\xbb"
		"\4\0\1x"),
	  "192.0.2.1" },
	{ S(SIG "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
		"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x12\x34\1\xbb"),
	  "2001:db8::1" },
	{ S(SIG "\x20\0\0\0"), "" },
	{ S(SIG "\x20\xff\0\3abc"), "" },
	{ S(SIG "\x21\0\0\0"), "" },
	{ S(SIG "\x21\0\0\2ab"), "" },
	{ S(SIG "\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\1\x12\x34\1"), NULL },
	{ S(SIG "\x21\x11\0\0"), NULL },
	{ S(SIG "\x21\x21\0\x0c\xc0\0\2\1\xc6\x33\x64\1\x12\x34\1\xbb"), NULL },
	{ S(SIG "\x21\x31\0\4abcd"), NULL },
	{ S(SIG "\x21\x12\0\x0c\xc0\0\2\1\xc6\x33\x64\1\x12\x34\1\xbb"), NULL },
	{ S(SIG "\x22\0\0\0"), NULL },
	{ S(SIG "\x11\0\0\0"), NULL },
	{ S(SIG "\x20\0\x10\0"), NULL },
	{ S(SIG "\x21\x11\xff\xff"), NULL },
	{ S("\r\n\r\n\0\r\nQUIX"), NULL },
};

static void check_row(size_t i)
{
	char text[SOCKET_TEXT_MAX] = "";
	struct proxy_header header;
	size_t used = 0;
	enum proxy_step step = PROXY_MORE;
	uint8_t behind[512];

	/* Octet by octet: more, more, more, and then it is clear. */
	for (size_t n = 0; n <= rows[i].in.n && step == PROXY_MORE; n++) {
		step = proxy_read(span_head(rows[i].in, n), &used, &header);
		if (step == PROXY_DONE && n < rows[i].in.n)
			fail_msg("row %zu: done after %zu", i, n);
	}
	assert_int_equal(step, rows[i].source == NULL ? PROXY_WRONG
						       : PROXY_DONE);
	if (step != PROXY_DONE)
		return;
	assert_int_equal(used, rows[i].in.n);
	assert_int_equal(header.local, *rows[i].source == 0);
	if (!header.local)
		socket_address_print(&header.source, text);
	assert_string_equal(text, rows[i].source);
	/* What follows is not looked at. */
	memcpy(behind, rows[i].in.p, rows[i].in.n);
	memset(behind + rows[i].in.n, 0xff, sizeof behind - rows[i].in.n);
	assert_int_equal(proxy_read(span_of(behind, sizeof behind), &used,
				    &header),
			 PROXY_DONE);
	assert_int_equal(used, rows[i].in.n);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(i);
}

/* "107 chars" and no more; 4 KiB of version 2 and no more. */
static void test_limits(void **state)
{
	uint8_t in[PROXY_V2_MAX + 1] = { 0 };
	struct proxy_header header;
	size_t used;

	(void)state;
	memset(in, 'x', sizeof in);
	memcpy(in, "PROXY UNKNOWN ", 14);
	assert_int_equal(proxy_read(span_of(in, 106), &used, &header),
			 PROXY_MORE);
	assert_int_equal(proxy_read(span_of(in, 107), &used, &header),
			 PROXY_WRONG);
	memcpy(in + 105, "\r\n", 2);
	assert_int_equal(proxy_read(span_of(in, 107), &used, &header),
			 PROXY_DONE);
	assert_int_equal(used, 107);
	memcpy(in + 105, "x\r\n", 3);
	assert_int_equal(proxy_read(span_of(in, 200), &used, &header),
			 PROXY_WRONG);
	memcpy(in, SIG "\x20\0\x0f\xf0", 16);
	assert_int_equal(proxy_read(span_of(in, PROXY_V2_MAX - 1), &used,
				    &header),
			 PROXY_MORE);
	assert_int_equal(proxy_read(span_of(in, PROXY_V2_MAX), &used, &header),
			 PROXY_DONE);
	in[15] = 0xf1;
	assert_int_equal(proxy_read(span_of(in, sizeof in), &used, &header),
			 PROXY_WRONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
