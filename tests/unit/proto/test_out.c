#include "unit/unit.h"

#include "proto/out.h"

struct sink {
	uint8_t p[64 * 1024];
	size_t n;
};

static const char borrowed[] = "borrowed octets";

/* Takes at most `most` octets; ranges show as "[offset]" a piece. */
static void drain(struct out_queue *q, struct sink *to, uint64_t most)
{
	struct out_piece piece;

	while (most > 0 && out_peek(q, &piece, 1) == 1) {
		uint64_t n = piece.n < most ? piece.n : most;

		if (piece.kind == OUT_BYTES)
			memcpy(to->p + to->n, piece.p, n);
		else
			for (uint64_t i = 0; i < n; i++)
				to->p[to->n + i] =
					(uint8_t)('0' + piece.offset + i);
		to->n += n;
		most -= n;
		out_sent(q, n);
	}
}

/* All kinds, in order, whatever the socket takes at a time. */
static void test_order(void **state)
{
	static const char want[] = "one two 3456borrowed octetsthree";

	(void)state;
	for (uint64_t most = 1; most < sizeof want; most++) {
		struct sink sink = { .n = 0 };
		struct out_queue q;

		out_init(&q);
		assert_true(out_is_empty(&q));
		assert_ok(out_text(&q, SPAN_LIT("one ")));
		assert_ok(out_text(&q, SPAN_LIT("two ")));
		assert_ok(out_range(&q, 3, 4));
		assert_ok(out_borrowed(&q, SPAN_LIT(borrowed)));
		assert_ok(out_text(&q, SPAN_LIT("three")));
		assert_int_equal(out_pending(&q), sizeof want - 1);
		while (!out_is_empty(&q))
			drain(&q, &sink, most);
		assert_int_equal(sink.n, sizeof want - 1);
		assert_memory_equal(sink.p, want, sink.n);
		assert_int_equal(out_pending(&q), 0);
		out_release(&q);
		assert_null(q.ring);
		assert_null(q.text.p);
		out_done(&q);
	}
}

static void test_peek_many(void **state)
{
	struct out_piece pieces[4];
	struct out_queue q;

	(void)state;
	out_init(&q);
	assert_int_equal(out_peek(&q, pieces, 4), 0);
	assert_ok(out_text(&q, SPAN_LIT("a")));
	assert_ok(out_text(&q, SPAN_LIT("b")));
	assert_ok(out_range(&q, 7, 9));
	assert_ok(out_text(&q, SPAN_LIT("c")));
	/* Text that follows text is one piece. */
	assert_int_equal(out_peek(&q, pieces, 4), 3);
	assert_int_equal(pieces[0].n, 2);
	assert_memory_equal(pieces[0].p, "ab", 2);
	assert_int_equal(pieces[1].kind, OUT_RANGE);
	assert_int_equal(pieces[1].offset, 7);
	assert_int_equal(pieces[1].n, 9);
	assert_memory_equal(pieces[2].p, "c", 1);
	assert_int_equal(out_peek(&q, pieces, 1), 1);
	/* Across pieces, into the middle of one. */
	out_sent(&q, 2 + 4);
	assert_int_equal(out_peek(&q, pieces, 4), 2);
	assert_int_equal(pieces[0].offset, 11);
	assert_int_equal(pieces[0].n, 5);
	/* What is queued is not given back. */
	out_release(&q);
	assert_int_equal(out_pending(&q), 6);
	out_done(&q);
}

static void test_nothing_is_no_piece(void **state)
{
	struct out_queue q;

	(void)state;
	out_init(&q);
	assert_ok(out_text(&q, SPAN_NONE));
	assert_ok(out_range(&q, 5, 0));
	assert_ok(out_borrowed(&q, SPAN_NONE));
	assert_true(out_is_empty(&q));
	out_done(&q);
}

/* Text is bounded, and a reader makes room again without an allocation. */
static void test_text_ceiling(void **state)
{
	uint8_t text[1024];
	struct sink sink = { .n = 0 };
	struct out_queue q;
	size_t n = 0;

	(void)state;
	memset(text, 'x', sizeof text);
	out_init(&q);
	while (out_has_room(&q)) {
		assert_ok(out_text(&q, span_of(text, sizeof text)));
		n += sizeof text;
	}
	assert_int_equal(n, OUT_TEXT_MAX);
	assert_int_equal(out_text(&q, SPAN_LIT("y")), YB_TOO_BIG);
	assert_int_equal(out_pending(&q), OUT_TEXT_MAX);
	drain(&q, &sink, sizeof text);
	assert_true(out_has_room(&q));
	memset(text, 'z', sizeof text);
	assert_ok(out_text(&q, span_of(text, sizeof text)));
	assert_false(out_has_room(&q));
	drain(&q, &sink, UINT64_MAX);
	assert_int_equal(sink.n, OUT_TEXT_MAX + sizeof text);
	for (size_t i = 0; i < sink.n; i++)
		assert_int_equal(sink.p[i], i < OUT_TEXT_MAX ? 'x' : 'z');
	out_done(&q);
}

/* Threat 19: pieces are bounded as well. */
static void test_pieces_ceiling(void **state)
{
	struct out_queue q;
	unsigned n = 0;

	(void)state;
	out_init(&q);
	while (out_has_room(&q)) {
		assert_ok(out_text(&q, SPAN_LIT("+OK\r\n")));
		assert_ok(out_range(&q, n, 10));
		n++;
	}
	assert_int_equal(n, OUT_PIECES_MAX / 2 - 1);
	assert_ok(out_text(&q, SPAN_LIT("t")));
	assert_ok(out_range(&q, 0, 1));
	assert_int_equal(out_range(&q, 0, 1), YB_TOO_BIG);
	assert_int_equal(q.count, OUT_PIECES_MAX);
	out_done(&q);
}

/* A long session: text wraps, moves, and stays in order. */
static void test_long_run(void **state)
{
	struct out_queue q;
	uint32_t seed = 7;
	uint64_t put = 0, got = 0;

	(void)state;
	out_init(&q);
	for (int round = 0; round < 20000; round++) {
		static struct sink sink;
		uint8_t text[600];
		size_t n;

		seed = seed * 1664525 + 1013904223;
		n = seed >> 16 & 511;
		for (size_t i = 0; i < n; i++)
			text[i] = (uint8_t)(put + i);
		if (out_has_room(&q)) {
			assert_ok(out_text(&q, span_of(text, n)));
			put += n;
		}
		sink.n = 0;
		drain(&q, &sink, seed >> 8 & 511);
		for (size_t i = 0; i < sink.n; i++)
			assert_int_equal(sink.p[i], (uint8_t)(got + i));
		got += sink.n;
	}
	assert_int_equal(put - got, out_pending(&q));
	out_done(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_peek_many),
		cmocka_unit_test(test_nothing_is_no_piece),
		cmocka_unit_test(test_text_ceiling),
		cmocka_unit_test(test_pieces_ceiling),
		cmocka_unit_test(test_long_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
