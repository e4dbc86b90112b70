#include "unit/bench/talk.h"

#include "bench/message.h"
#include "base/cleanup.h"

enum { PIECE_MAX = 60 };

#define HELLO                                          \
	"250-mx\r\n250-PIPELINING\r\n250-STARTTLS\r\n" \
	"250 SIZE 1000\r\n"

/* The header of a message comes as output, its body as the tail. */
static void said_message(struct talk *t, uint64_t serial)
{
	struct buf want;

	buf_init(&want, 4096);
	assert_ok(message_put_header(&want, serial, t->world.run_id,
				     t->world.date));
	assert_int_equal(t->d->out.n, want.n);
	assert_memory_equal(t->d->out.p, want.p, want.n);
	assert_true(span_eq(t->d->tail, t->world.body));
	buf_done(&want);
	talk_said(t, NULL);
}

static void play(struct talk *t, const char *said, const char *answer,
		 size_t piece)
{
	struct talk_row row = { said, answer };

	assert_true(talk_play(t, &row, 1, piece));
}

static void test_lmtp_one_by_one(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < PIECE_MAX; piece++) {
		struct talk t = { .tickets = 2 };

		talk_begin(&t, "lmtp");
		play(&t, "", "220 ready\r\n", piece);
		play(&t, "LHLO bench.invalid\r\n", HELLO, piece);
		for (uint64_t i = 0; i < 2; i++) {
			play(&t, "MAIL FROM:<bench@bench.invalid>\r\n",
			     "250 2.1.0 OK\r\n", piece);
			play(&t,
			     i == 0 ? "RCPT TO:<u0>\r\n" : "RCPT TO:<u1>\r\n",
			     "250 OK\r\n", piece);
			play(&t, "DATA\r\n", "354 go\r\n", piece);
			said_message(&t, i);
			play(&t, "", "250 2.0.0 kept\r\n", piece);
		}
		play(&t, "QUIT\r\n", "221 bye\r\n", piece);
		assert_true(talk_is_over(&t));
		assert_int_equal(t.began, 1);
		assert_int_equal(t.timed, 2);
		talk_done(&t);
	}
}

static void test_pipelined(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < PIECE_MAX; piece++) {
		struct talk t = { .tickets = 1, .plan.pipelined = true };

		talk_begin(&t, "smtp");
		play(&t, "", "220-two\r\n220 lines\r\n", piece);
		play(&t, "EHLO bench.invalid\r\n", HELLO, piece);
		play(&t,
		     "MAIL FROM:<bench@bench.invalid>\r\n"
		     "RCPT TO:<u0>\r\nDATA\r\n",
		     "250 OK\r\n250 OK\r\n354 go\r\n", piece);
		said_message(&t, 0);
		play(&t, "", "250 OK\r\n", piece);
		play(&t, "QUIT\r\n", "221 bye\r\n", piece);
		assert_true(talk_is_over(&t));
		assert_int_equal(t.timed, 1);
		talk_done(&t);
	}
}

/* RFC 2920 section 3.1: only if the server offers it. */
static void test_pipelining_is_not_assumed(void **state)
{
	struct talk t = { .tickets = 1, .plan.pipelined = true };

	(void)state;
	talk_begin(&t, "lmtp");
	play(&t, "", "220 ready\r\n", PIECE_MAX);
	/* The first line is the server's name, not an extension. */
	play(&t, "LHLO bench.invalid\r\n", "250-PIPELINING\r\n250 SIZE\r\n",
	     PIECE_MAX);
	play(&t, "MAIL FROM:<bench@bench.invalid>\r\n", "250 OK\r\n",
	     PIECE_MAX);
	talk_said(&t, "RCPT TO:<u0>\r\n");
	talk_done(&t);
}

static void test_starttls(void **state)
{
	struct talk t = { .tickets = 0,
			  .plan.tls = BENCH_STARTTLS,
			  .plan.pipelined = true };

	(void)state;
	talk_begin(&t, "smtp");
	play(&t, "", "220 ready\r\n", PIECE_MAX);
	play(&t, "EHLO bench.invalid\r\n", HELLO, PIECE_MAX);
	play(&t, "STARTTLS\r\n", "220 go\r\n", PIECE_MAX);
	assert_int_equal(t.secured, 1);
	/* RFC 3207 section 4.2: all that was learned before is forgotten. */
	t.tickets = 1;
	play(&t, "EHLO bench.invalid\r\n", "250 mx\r\n", PIECE_MAX);
	talk_said(&t, "MAIL FROM:<bench@bench.invalid>\r\n");
	talk_done(&t);
}

/* The run is over before the first message. */
static void test_no_ticket(void **state)
{
	struct talk t = { 0 };

	(void)state;
	talk_begin(&t, "lmtp");
	play(&t, "", "220 ready\r\n", PIECE_MAX);
	play(&t, "LHLO bench.invalid\r\n", HELLO, PIECE_MAX);
	play(&t, "QUIT\r\n", "221 bye\r\n", PIECE_MAX);
	assert_true(talk_is_over(&t));
	assert_int_equal(t.timed, 0);
	talk_done(&t);
}

static const struct {
	bool pipelined;
	const char *answers;
	const char *wrong;
} wrongs[] = {
	{ false, "554 no\r\n", "answer to connecting: \"554 no\"" },
	{ false, "+OK\r\n", "answer to connecting: \"+OK\"" },
	{ false, "220 a\r\n500 b\r\n", "answer to LHLO or EHLO: \"500 b\"" },
	/* RFC 5321 section 4.2.1: each line has the same code. */
	{ false, "220 a\r\n250-b\r\n251 c\r\n",
	  "answer to LHLO or EHLO: \"251 c\"" },
	{ false, "220 a\r\n250 b\r\n250 m\r\n452 full\r\n",
	  "answer to RCPT: \"452 full\"" },
	{ false, "220 a\r\n250 b\r\n250 m\r\n250 r\r\n250 d\r\n",
	  "answer to DATA: \"250 d\"" },
	{ false, "220 a\r\n250 b\r\n250 m\r\n250 r\r\n354 d\r\n451 disk\r\n",
	  "answer to the message: \"451 disk\"" },
	{ true, "220 a\r\n250-b\r\n250 PIPELINING\r\n250 m\r\n550 r\r\n",
	  "answer to RCPT: \"550 r\"" },
	{ false, "220 a\r\n250 b\n", "answer to LHLO or EHLO: \"250 b\"" },
};

static void test_wrong_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrongs); i++)
		for (size_t piece = 1; piece < PIECE_MAX; piece++) {
			struct talk_row row = { NULL, wrongs[i].answers };
			struct talk t = { .tickets = 9,
					  .plan.pipelined =
						  wrongs[i].pipelined };

			talk_begin(&t, "lmtp");
			assert_false(talk_play(&t, &row, 1, piece));
			assert_string_equal(t.d->wrong, wrongs[i].wrong);
			talk_done(&t);
		}
}

static void test_starttls_that_is_not_offered(void **state)
{
	struct talk t = { .tickets = 1, .plan.tls = BENCH_STARTTLS };
	struct talk_row row = { NULL, "220 a\r\n250 b\r\n" };

	(void)state;
	talk_begin(&t, "smtp");
	assert_false(talk_play(&t, &row, 1, PIECE_MAX));
	assert_string_equal(t.d->wrong, "STARTTLS is not offered");
	talk_done(&t);
}

/* ---- messages ---- */

/* Header and body make a message of exactly the size asked for. */
static void check_size(size_t size, const char *date)
{
	struct buf all;
	struct answer_body b;
	struct span in;
	size_t line = 0;

	buf_init(&all, size * 2 + 64);
	assert_ok(message_put_header(&all, 123456789, UINT64_MAX, date));
	assert_ok(message_put_body(&all, size, date));
	answer_body_init(&b);
	in = buf_span(&all);
	assert_int_equal(answer_body_take(&b, &in), ANSWER_DONE);
	assert_int_equal(in.n, 0);
	assert_int_equal(answer_body_octets(&b), size);
	/* RFC 5322 section 2.1.1, and no line end but CRLF. */
	for (size_t i = 0; i < all.n; i++, line++) {
		assert_in_range(line, 0, 100);
		if (all.p[i] != '\n')
			continue;
		assert_int_equal(all.p[i - 1], '\r');
		line = 0;
	}
	buf_done(&all);
}

static void test_sizes(void **state)
{
	char date[MESSAGE_DATE_MAX];

	(void)state;
	message_date(date);
	for (size_t size = BENCH_SIZE_MIN; size < BENCH_SIZE_MIN + 300; size++)
		check_size(size, date);
	check_size(10240, date);
	check_size(76800, date);
	check_size(1 << 20, date);
}

static void test_some_dots_are_doubled(void **state)
{
	struct answer_body b;
	struct buf body;
	struct span in;

	(void)state;
	buf_init(&body, 1 << 20);
	assert_ok(message_put_body(&body, 76800, "today"));
	answer_body_init(&b);
	in = buf_span(&body);
	assert_int_equal(answer_body_take(&b, &in), ANSWER_DONE);
	assert_in_range(b.dots, 1, 76800 / 50 / 8);
	buf_done(&body);
}

static void test_no_room_for_the_header(void **state)
{
	struct buf body;

	(void)state;
	buf_init(&body, 4096);
	assert_int_equal(message_put_body(&body, 100, "today"), YB_INVALID);
	assert_int_equal(message_put_body(&body, 0, "today"), YB_INVALID);
	buf_done(&body);
	buf_init(&body, 1000);
	assert_int_equal(message_put_body(&body, 2000, "today"), YB_TOO_BIG);
	buf_done(&body);
}

static void test_headers_have_one_length(void **state)
{
	struct buf a, b;

	(void)state;
	buf_init(&a, 4096);
	buf_init(&b, 4096);
	assert_ok(message_put_header(&a, 0, 0, "today"));
	assert_ok(message_put_header(&b, UINT64_MAX, UINT64_MAX, "today"));
	assert_int_equal(a.n, b.n);
	assert_memory_not_equal(a.p, b.p, a.n);
	buf_done(&a);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lmtp_one_by_one),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_pipelining_is_not_assumed),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_no_ticket),
		cmocka_unit_test(test_wrong_answers),
		cmocka_unit_test(test_starttls_that_is_not_offered),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_some_dots_are_doubled),
		cmocka_unit_test(test_no_room_for_the_header),
		cmocka_unit_test(test_headers_have_one_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
