/* RFC 5321 section 6.3: Received fields, counted at every cut. */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "mime/hops.h"

static const struct {
	const char *text;
	unsigned n;
} rows[] = {
	{ "", 0 },
	{ "\r\n", 0 },
	{ ".\r\n", 0 },
	{ "Received: a\r\n", 1 },
	{ "received:a\r\nRECEIVED :b\r\nReceived \t: c\r\n", 3 },
	{ "Received:\r\n\r\nReceived: in the body\r\n", 1 },
	{ "\r\nReceived: in the body\r\n", 0 },
	{ "X-Received: a\r\nReceived-SPF: b\r\nReceive: c\r\nReceivedx: d\r\n"
	  "Received\r\nReceived : e\r\n",
	  1 },
	{ "Subject: x\r\n Received: folded\r\n\tReceived: folded\r\n", 0 },
	{ "Recei\r\nved: a\r\nReceived \r\n: b\r\n", 0 },
	{ "a: Received: b\r\nReceived: c\r\n..\r\nReceived: d\r\n.\r\n", 2 },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span all = span_str(rows[i].text);

		for (size_t at = 0; at <= all.n; at++) {
			struct hops h;

			hops_init(&h);
			hops_feed(&h, span_head(all, at));
			hops_feed(&h, span_skip(all, at));
			if (h.n != rows[i].n)
				fail_msg("%s at %zu: %u", rows[i].text, at,
					 h.n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
