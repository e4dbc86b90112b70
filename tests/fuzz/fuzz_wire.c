/*
 * The wire form, both ways. Input: an octet of how many octets come at a time,
 * then text. What the encoder makes passes the check, decodes to the text with
 * repaired line ends, and is the same however the input was cut; the reader of
 * DATA and the decoder take anything.
 */
#include "fuzz/fuzz.h"

#include "mime/wire.h"

enum { WIRE_MAX = 1 << 22 };

static void add(struct buf *out, struct span piece)
{
	MUST(buf_add(out, piece) == YB_OK);
}

static void encode(struct span text, size_t at_once, struct buf *out)
{
	struct wire_encoder e;
	struct span piece;

	wire_encoder_init(&e);
	while (text.n > 0) {
		struct span part = fuzz_piece(&text, at_once), rest = part;

		while (wire_encode(&e, &rest, &piece) == WIRE_PIECE)
			add(out, piece);
		MUST(rest.n == 0);
		fuzz_free(part);
	}
	while (wire_encode_finish(&e, &piece) == WIRE_PIECE)
		add(out, piece);
	add(out, piece);
}

static bool check(struct span wire, size_t at_once, struct wire_check *c)
{
	wire_check_init(c);
	while (wire.n > 0) {
		struct span part = fuzz_piece(&wire, at_once);

		wire_check_feed(c, part);
		fuzz_free(part);
	}
	return wire_check_finish(c) == YB_OK;
}

static void decode(struct span wire, size_t at_once, struct buf *out)
{
	struct wire_decoder d;
	enum wire_step step = WIRE_MORE;
	struct span piece;

	wire_decoder_init(&d);
	while (wire.n > 0 && step != WIRE_END) {
		struct span part = fuzz_piece(&wire, at_once), rest = part;

		do {
			step = wire_decode(&d, &rest, &piece);
			add(out, piece);
		} while (step == WIRE_PIECE);
		fuzz_free(part);
	}
}

/* What DATA brings: its end is found, or not, and the rest is left alone. */
static void read_data(struct span in, size_t at_once)
{
	struct wire_reader r;
	enum wire_step step = WIRE_MORE;
	struct wire_check c;
	struct span piece;
	struct buf out;

	buf_init(&out, WIRE_MAX);
	wire_reader_init(&r);
	while (in.n > 0 && step != WIRE_END) {
		struct span part = fuzz_piece(&in, at_once), rest = part;

		do {
			step = wire_read(&r, &rest, &piece);
			add(&out, piece);
		} while (step == WIRE_PIECE);
		fuzz_free(part);
	}
	if (step == WIRE_END) {
		MUST(check(buf_span(&out), 64, &c));
		MUST(c.dots == r.dots);
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	size_t at_once = fuzz_take(&in) + 1u;
	struct buf whole, parts, text, again;
	struct wire_check c, other;

	buf_init(&whole, WIRE_MAX);
	buf_init(&parts, WIRE_MAX);
	buf_init(&text, WIRE_MAX);
	buf_init(&again, WIRE_MAX);
	encode(in, SIZE_MAX, &whole);
	encode(in, at_once, &parts);
	MUST(span_eq(buf_span(&whole), buf_span(&parts)));
	MUST(check(buf_span(&whole), SIZE_MAX, &c));
	MUST(check(buf_span(&whole), at_once, &other));
	MUST(c.size == whole.n && c.size == other.size &&
	     c.dots == other.dots && c.header_size == other.header_size &&
	     c.flags == other.flags);
	decode(buf_span(&whole), at_once, &text);
	MUST(text.n == c.size - 3 - c.dots);
	encode(buf_span(&text), SIZE_MAX, &again);
	MUST(span_eq(buf_span(&whole), buf_span(&again)));
	(void)check(in, at_once, &c);
	buf_clear(&text);
	decode(in, at_once, &text);
	read_data(in, at_once);
	buf_done(&whole);
	buf_done(&parts);
	buf_done(&text);
	buf_done(&again);
	return 0;
}
