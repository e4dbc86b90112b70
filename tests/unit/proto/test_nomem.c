/*
 * Each scenario again with allocation k failing, for every k: no crash, no
 * half answers, and where the session goes on, it goes on in order.
 */
#include "unit/unit.h"

#include "unit/proto/pop3_drive.h"
#include "unit/proto/smtp_drive.h"

#if defined(__SANITIZE_ADDRESS__)
#define CAN_FAIL 0
#else
#define CAN_FAIL 1
#endif

static bool counting;
static long left; /* allocations until the one that fails */
static bool failed;

#if CAN_FAIL
/* glibc's own, under the names that stay when these are replaced. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);

static bool is_to_fail(void)
{
	if (!counting || left-- > 0)
		return false;
	/* Memory that is short once is short for a while. */
	failed = true;
	return left > -3;
}

void *malloc(size_t n)
{
	return is_to_fail() ? NULL : __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
	return is_to_fail() ? NULL : __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
	return is_to_fail() ? NULL : __libc_realloc(p, n);
}
#endif

static const char pop3_script[] =
	"USER alice\r\nPASS secret\r\nSTAT\r\nLIST\r\nUIDL\r\nDELE 1\r\n"
	"LIST\r\nRETR 2\r\nTOP 2 1\r\nCAPA\r\nQUIT\r\n";
static const char pop3_sasl_script[] =
	"CAPA\r\nAUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0\r\nRETR 1\r\nQUIT\r\n";

/* Every line is a line: one that a failure cut off ends the session. */
static void check_lines(struct span got)
{
	assert_true(got.n == 0 || got.p[got.n - 1] == '\n' ||
		    span_find(got, '\n') < got.n ||
		    span_starts(got, SPAN_LIT("+OK")) ||
		    span_starts(got, SPAN_LIT("220")));
}

/* Feeds in pieces of `piece`, since lines in parts need memory. */
static void run_pop3(const struct maildrop *drop, const char *script,
		     size_t piece)
{
	struct pop3_server_config config = pop3_drive_config(POP3_TLS_ACTIVE);
	struct span in = span_str(script);
	struct pop3_drive d;

	pop3_drive_init(&d, drop, POP3_TLS_ACTIVE);
	pop3_server_free(&d.s);
	assert_ok(buf_reserve(&d.got, 256 * 1024));
	counting = true;
	d.s = pop3_server_new(&config, 0);
	while (d.s != NULL && in.n > 0 && !pop3_server_is_over(d.s)) {
		(void)pop3_drive_feed(&d, span_head(in, piece));
		in = span_skip(in, piece);
	}
	counting = false;
	if (d.s != NULL && !failed) {
		assert_string_equal(pop3_server_end_reason(d.s), "quit");
		assert_int_equal(pop3_server_counters(d.s)->errors, 0);
	}
	/* Nothing is deleted unless the client was told so. */
	if (d.deleted != 0)
		assert_true(d.commits == 1);
	check_lines(buf_span(&d.got));
	pop3_drive_done(&d);
}

static const char smtp_script[] =
	"LHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<alice@example.org>\r\n"
	"RCPT TO:<bob@example.org>\r\nDATA\r\nx\r\n..\r\n.\r\nNOOP\r\n"
	"MAIL FROM:<a@b.c>\r\nRCPT TO:<alice@example.org>\r\nBDAT 3\r\n"
	".\r\nBDAT 1 LAST\r\nx"
	"QUIT\r\n";

static void run_smtp(size_t piece)
{
	static struct smtp_drive d;
	struct smtp_server_config config = { .hostname = "h",
					     .flags = SMTP_LMTP,
					     .idle_ms = 300000 };
	struct span in = span_str(smtp_script);

	smtp_drive_init(&d, 0, 0);
	smtp_server_free(&d.s);
	assert_ok(buf_reserve(&d.got, 64 * 1024));
	assert_ok(buf_reserve(&d.wire, 64 * 1024));
	assert_ok(buf_reserve(&d.kept, 64 * 1024));
	assert_ok(buf_reserve(&d.sender, 64));
	counting = true;
	d.s = smtp_server_new(&config, 0);
	while (d.s != NULL && in.n > 0 && !smtp_server_is_over(d.s)) {
		(void)smtp_drive_feed(&d, span_head(in, piece));
		in = span_skip(in, piece);
	}
	counting = false;
	if (d.s != NULL && !failed)
		assert_string_equal(smtp_server_end_reason(d.s), "quit");
	check_lines(buf_span(&d.got));
	smtp_drive_done(&d);
}

static void test_pop3(void **state)
{
	struct maildrop drop;

	(void)state;
	if (!CAN_FAIL)
		skip();
	maildrop_init(&drop);
	for (int i = 0; i < 100; i++)
		maildrop_add(&drop, SPAN_LIT("a\r\n\r\nb\r\n"));
	maildrop_seal(&drop);
	for (size_t piece = 1; piece < 1000; piece = piece * 5 + 1) {
		for (long k = 0;; k++) {
			left = k;
			failed = false;
			run_pop3(&drop, pop3_script, piece);
			run_pop3(&drop, pop3_sasl_script, piece);
			if (!failed)
				break;
		}
	}
	maildrop_done(&drop);
}

static void test_smtp(void **state)
{
	(void)state;
	if (!CAN_FAIL)
		skip();
	for (size_t piece = 1; piece < 1000; piece = piece * 5 + 1) {
		for (long k = 0;; k++) {
			left = k;
			failed = false;
			run_smtp(piece);
			if (!failed)
				break;
			assert_true(k < 1000);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pop3),
		cmocka_unit_test(test_smtp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
