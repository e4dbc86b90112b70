/*
 * The codecs of wire form against models that look at the whole text at once
 * and know nothing of chunks: every string over the octets that matter, of up
 * to six octets, behind prefixes that put it across the 64-octet blocks, and
 * under every split.
 */
#include "unit/unit.h"

#include "mime/wire.h"
#include "mime/wire_scan.h"

enum { TEXT_MAX = 4096, ALPHABET = 4, LENGTH_MAX = 6 };

struct text {
	uint8_t p[TEXT_MAX];
	size_t n;
};

static void add(struct text *t, struct span s)
{
	assert_true(s.n <= sizeof t->p - t->n);
	if (s.n > 0)
		memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
}

static struct span span_text(const struct text *t)
{
	return span_of(t->p, t->n);
}

static void assert_span(struct span got, struct span want)
{
	if (!span_eq(got, want)) {
		for (size_t i = 0; i < got.n; i++)
			print_message("%02x ", got.p[i]);
		print_message(" got; want ");
		for (size_t i = 0; i < want.n; i++)
			print_message("%02x ", want.p[i]);
		print_message("\n");
	}
	assert_true(span_eq(got, want));
}

/* ---- models ---- */

/* Line ends repaired; whether there was something to repair. */
static bool model_repair(struct span s, struct text *ret)
{
	bool bare = false;

	ret->n = 0;
	for (size_t i = 0; i < s.n;) {
		size_t crs = 0;

		while (i + crs < s.n && s.p[i + crs] == '\r')
			crs++;
		if (i + crs < s.n && s.p[i + crs] == '\n') {
			bare |= crs != 1;
			add(ret, SPAN_LIT("\r\n"));
			i += crs + 1;
		} else if (crs > 0) {
			bare = true;
			for (size_t k = 0; k < crs; k++)
				add(ret, SPAN_LIT("\r\n"));
			i += crs;
		} else {
			add(ret, span_of(s.p + i, 1));
			i++;
		}
	}
	return bare;
}

static bool at_line_start(struct span s, size_t i)
{
	return i == 0 || (i >= 2 && s.p[i - 2] == '\r' && s.p[i - 1] == '\n');
}

/* Dots doubled, the end put behind; of text whose line ends are right. */
static uint64_t model_stuff(struct span s, struct text *ret)
{
	uint64_t dots = 0;

	ret->n = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && at_line_start(s, i)) {
			add(ret, SPAN_LIT("."));
			dots++;
		}
		add(ret, span_of(s.p + i, 1));
	}
	if (!at_line_start(s, s.n))
		add(ret, SPAN_LIT("\r\n"));
	add(ret, SPAN_LIT(".\r\n"));
	return dots;
}

/* Where ".CRLF" ends a message; SIZE_MAX if it does not end. */
static size_t model_end(struct span s)
{
	for (size_t i = 0; i + 3 <= s.n; i++)
		if (at_line_start(s, i) &&
		    memcmp(s.p + i, ".\r\n", 3) == 0)
			return i + 3;
	return SIZE_MAX;
}

/* One dot less at the start of every line. */
static void model_unstuff(struct span s, struct text *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' || !at_line_start(s, i))
			add(ret, span_of(s.p + i, 1));
}

/* ---- under every split ---- */

typedef void check_fn(struct span s, size_t split);

/* For every short string over `letters`, behind every prefix. */
static void for_all_strings(const char letters[ALPHABET], check_fn *check)
{
	static const size_t prefixes[] = { 0, 61, 62, 63 };
	struct text t;

	for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++) {
		size_t before = prefixes[p];

		memset(t.p, 'x', before);
		if (before > 2)
			memcpy(t.p + before - 2, "\r\n", 2);
		for (size_t n = 0; n <= LENGTH_MAX; n++) {
			for (size_t k = 0; k < (size_t)1 << 2 * n; k++) {
				for (size_t i = 0; i < n; i++)
					t.p[before + i] = (uint8_t)
						letters[k >> 2 * i & 3];
				t.n = before + n;
				for (size_t at = before; at <= t.n; at++)
					check(span_text(&t), at);
			}
		}
	}
}

static void encode(struct span s, size_t split, struct text *ret)
{
	struct span parts[] = { span_head(s, split), span_skip(s, split) };
	struct wire_encoder e;
	struct span piece;

	ret->n = 0;
	wire_encoder_init(&e);
	for (int i = 0; i < 2; i++) {
		while (wire_encode(&e, &parts[i], &piece) == WIRE_PIECE)
			add(ret, piece);
		assert_int_equal(parts[i].n, 0);
	}
	while (wire_encode_finish(&e, &piece) == WIRE_PIECE)
		add(ret, piece);
	add(ret, piece);
	assert_int_equal(wire_encode_finish(&e, &piece), WIRE_END);
	assert_int_equal(piece.n, 0);
}

static void check_encode(struct span s, size_t split)
{
	struct text got, repaired, want;

	encode(s, split, &got);
	(void)model_repair(s, &repaired);
	model_stuff(span_text(&repaired), &want);
	assert_span(span_text(&got), span_text(&want));
}

static void test_encode_every_string(void **state)
{
	(void)state;
	for_all_strings("\r\n.a", check_encode);
}

/* What is read of `s`; whether it ended, and where. */
static size_t read_all(struct wire_reader *r, struct span s, size_t split,
		       struct text *ret)
{
	struct span parts[] = { span_head(s, split), span_skip(s, split) };
	struct span piece;

	ret->n = 0;
	wire_reader_init(r);
	for (int i = 0; i < 2; i++) {
		enum wire_step step;

		do {
			step = wire_read(r, &parts[i], &piece);
			add(ret, piece);
		} while (step == WIRE_PIECE);
		if (step == WIRE_END)
			return s.n - parts[i].n - (i == 0 ? s.n - split : 0);
		assert_int_equal(parts[i].n, 0);
	}
	return SIZE_MAX;
}

static void check_read(struct span s, size_t split)
{
	struct text got, plain, repaired, want;
	struct wire_reader r;
	size_t end = model_end(s);
	uint64_t dots;
	bool bare;

	assert_int_equal(read_all(&r, s, split, &got), end);
	if (end == SIZE_MAX)
		return;
	model_unstuff(span_head(s, end - 3), &plain);
	bare = model_repair(span_text(&plain), &repaired);
	dots = model_stuff(span_text(&repaired), &want);
	assert_span(span_text(&got), span_text(&want));
	assert_int_equal(r.bare, bare);
	assert_int_equal(r.dots, dots);
}

static void test_read_every_string(void **state)
{
	(void)state;
	for_all_strings("\r\n.a", check_read);
}

/* The same with the end behind, so that every one of them ends. */
static void check_read_ended(struct span s, size_t split)
{
	struct text t = { .n = 0 };

	add(&t, s);
	add(&t, SPAN_LIT("\r\n.\r\nQUIT"));
	check_read(span_text(&t), split);
	check_read(span_text(&t), t.n - 5);
}

static void test_read_every_ended_string(void **state)
{
	(void)state;
	for_all_strings("\r\n.a", check_read_ended);
}

static void check_decode(struct span s, size_t split)
{
	struct span parts[] = { span_head(s, split), span_skip(s, split) };
	struct text got = { .n = 0 }, want;
	enum wire_step step = WIRE_MORE;
	struct wire_decoder d;
	struct span piece;
	size_t end = model_end(s);

	wire_decoder_init(&d);
	for (int i = 0; i < 2 && step != WIRE_END; i++) {
		do {
			step = wire_decode(&d, &parts[i], &piece);
			add(&got, piece);
		} while (step == WIRE_PIECE);
	}
	assert_int_equal(step == WIRE_END, end != SIZE_MAX);
	if (end == SIZE_MAX)
		return;
	assert_int_equal(parts[0].n + parts[1].n, s.n - end);
	model_unstuff(span_head(s, end - 3), &want);
	assert_span(span_text(&got), span_text(&want));
}

static void test_decode_every_string(void **state)
{
	(void)state;
	for_all_strings("\r\n.a", check_decode);
}

/* ---- rows ---- */

struct row {
	const char *in, *want;
};

/* LMTP: what the neighbour sent, what we keep. */
static const struct row read_rows[] = {
	/* An empty message. */
	{ ".\r\n", ".\r\n" },
	{ "\r\n.\r\n", "\r\n.\r\n" },
	{ "a\r\n..b\r\n.\r\n", "a\r\n..b\r\n.\r\n" },
	/* RFC 5321 section 4.5.2: "the first character is deleted". */
	{ "a\r\n.b\r\n.\r\n", "a\r\nb\r\n.\r\n" },
	{ "a\r\n.b..\r\n.\r\n", "a\r\nb..\r\n.\r\n" },
	/* What repair brings to the start of a line is doubled. */
	{ "a\n.\nb\r\n.\r\n", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\r.\rb\r\n.\r\n", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\n.\r\nb\r\n.\r\n", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\r\n.\nb\r\n.\r\n", "a\r\n\r\nb\r\n.\r\n" },
	{ "a\r\n.\rb\r\n.\r\n", "a\r\n\r\nb\r\n.\r\n" },
	/* CRs before one LF are one line end. */
	{ "a\r\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\nb\r\n.\r\n" },
	{ "a\r\rb\r\n.\r\n", "a\r\n\r\nb\r\n.\r\n" },
};

static void test_read_rows(void **state)
{
	struct wire_reader r;
	struct text got;

	(void)state;
	for (size_t i = 0; i < sizeof read_rows / sizeof *read_rows; i++) {
		struct span in = span_str(read_rows[i].in);

		for (size_t at = 0; at <= in.n; at++) {
			assert_int_equal(read_all(&r, in, at, &got), in.n);
			assert_span(span_text(&got),
				    span_str(read_rows[i].want));
		}
	}
}

/* Threat 33: the false ends of the smuggling papers are no ends. */
static void test_false_ends(void **state)
{
	static const char *const ends[] = {
		"\n.\n",     "\n.\r\n",   "\r.\r",     "\r.\r\n",
		"\r\n.\n",   "\r\n.\r",   "\n.\r",     "\r.\n",
		"\r\n.\r\r\n", "\r\n.\0\r\n", "\r\n\0.\r\n",
	};
	static const size_t sizes[] = { 3, 4, 3, 4, 4, 4, 3, 3, 6, 6, 6 };
	struct wire_reader r;
	struct text t, got;

	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		t.n = 0;
		add(&t, SPAN_LIT("a"));
		add(&t, span_of(ends[i], sizes[i]));
		add(&t, SPAN_LIT("b"));
		for (size_t at = 0; at <= t.n; at++)
			assert_int_equal(read_all(&r, span_text(&t), at, &got),
					 SIZE_MAX);
	}
}

static void test_nul_and_8bit_pass(void **state)
{
	struct span in = SPAN_LIT("\0\xff\x80\r\n..\0\r\n.\r\n");
	struct wire_reader r;
	struct text got;

	(void)state;
	for (size_t at = 0; at <= in.n; at++) {
		assert_int_equal(read_all(&r, in, at, &got), in.n);
		assert_span(span_text(&got), in);
		assert_false(r.bare);
		assert_int_equal(r.dots, 1);
	}
}

/* Ordinary text is one piece, with its end: nothing is cut needlessly. */
static void test_read_is_one_piece(void **state)
{
	struct span in = SPAN_LIT("From: a\r\n\r\n..\r\n...\r\ntext\r\n.\r\n");
	struct span rest = in, piece;
	struct wire_reader r;

	(void)state;
	wire_reader_init(&r);
	/* The first octet is not a dot, so no state is in the way. */
	assert_int_equal(wire_read(&r, &rest, &piece), WIRE_END);
	assert_ptr_equal(piece.p, in.p);
	assert_int_equal(piece.n, in.n);
	assert_int_equal(r.dots, 2);
	assert_int_equal(wire_read(&r, &rest, &piece), WIRE_MORE);
	rest = SPAN_LIT("x");
	assert_int_equal(wire_read(&r, &rest, &piece), WIRE_END);
	assert_int_equal(rest.n, 1);
}

static void test_encode_all(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	assert_ok(wire_encode_all(SPAN_LIT(".a\nb"), &b));
	assert_span(buf_span(&b), SPAN_LIT("..a\r\nb\r\n.\r\n"));
	buf_clear(&b);
	assert_ok(wire_encode_all(SPAN_NONE, &b));
	assert_span(buf_span(&b), SPAN_LIT(".\r\n"));
	buf_done(&b);
	buf_init(&b, 4);
	assert_int_equal(wire_encode_all(SPAN_LIT("ab"), &b), YB_TOO_BIG);
	buf_done(&b);
}

/* The fast masks and the plain ones agree. */
static void test_masks(void **state)
{
	static const uint8_t octets[] = { '\r', '\n', '.', 0, 0xff, 0x80, 'a',
					  0x7f };
	uint8_t block[WIRE_BLOCK];
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct wire_masks a, b;

		for (size_t i = 0; i < sizeof block; i++) {
			seed = seed * 1664525 + 1013904223;
			block[i] = octets[seed >> 29];
		}
		a = wire_masks(block);
		b = wire_masks_plain(block);
		assert_memory_equal(&a, &b, sizeof a);
		a = wire_masks_head(span_of(block, WIRE_BLOCK - 1));
		assert_int_equal(a.cr, b.cr & ~0ull >> 1);
		assert_int_equal(a.high, b.high & ~0ull >> 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_encode_every_string),
		cmocka_unit_test(test_read_every_string),
		cmocka_unit_test(test_read_every_ended_string),
		cmocka_unit_test(test_decode_every_string),
		cmocka_unit_test(test_read_rows),
		cmocka_unit_test(test_false_ends),
		cmocka_unit_test(test_nul_and_8bit_pass),
		cmocka_unit_test(test_read_is_one_piece),
		cmocka_unit_test(test_encode_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
