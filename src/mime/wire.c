#include "mime/wire.h"

#include "mime/wire_scan.h"

#define CRLF SPAN_LIT("\r\n")
#define END  SPAN_LIT(".\r\n")

/*
 * How many octets at the front of `s`, which starts inside a line, need no
 * thought: up to a bare LF, a CR without its LF (it may be in the next chunk)
 * or a dot at the start of a line. Doubled dots are passed over and counted
 * if `ret_dots` is not NULL.
 */
static size_t clean_run(struct span s, uint64_t *ret_dots)
{
	bool cr = false, bol = false;
	size_t at = 0;

	while (at < s.n) {
		struct span block = span_head(span_skip(s, at), WIRE_BLOCK);
		struct wire_masks m = wire_masks_head(block);
		uint64_t used = block.n < WIRE_BLOCK
					? ((uint64_t)1 << block.n) - 1
					: ~0ull;
		uint64_t stop = (m.lf ^ (m.cr << 1 | cr)) & used;
		uint64_t dots = m.dot & (m.lf << 1 | bol);
		size_t hit;

		stop |= dots;
		if (stop == 0) {
			cr = m.cr >> (block.n - 1) & 1;
			bol = m.lf >> (block.n - 1) & 1;
			at += block.n;
			continue;
		}
		hit = at + (unsigned)__builtin_ctzll(stop);
		/* Either a bare LF, or what stands behind a bare CR. */
		if ((stop & -stop & dots) == 0)
			return s.p[hit] == '\n' ? hit : hit - 1;
		if (ret_dots == NULL || hit + 1 >= s.n || s.p[hit + 1] != '.')
			return hit;
		(*ret_dots)++;
		at = hit + 2;
		cr = bol = false;
	}
	return cr ? at - 1 : at;
}

/* Takes the first `n` octets of `in`. */
static struct span take(struct span *in, size_t n)
{
	struct span head = span_head(*in, n);

	*in = span_skip(*in, n);
	return head;
}

/* ---- encoder ---- */

void wire_encoder_init(struct wire_encoder *e)
{
	*e = (struct wire_encoder){ .state = WIRE_FRESH };
}

/* Behind a run of CRs: one line end with an LF, else one for each CR. */
static bool crs_step(uint64_t *crs, enum wire_state *state, bool *bare,
		     struct span *in, struct span *ret_piece)
{
	if (in->p[0] == '\r') {
		(*crs)++;
		*bare = true;
		(void)take(in, 1);
		return false;
	}
	*ret_piece = CRLF;
	if (in->p[0] == '\n') {
		(void)take(in, 1);
		*crs = 0;
		*state = WIRE_BOL;
		return true;
	}
	*bare = true;
	if (--*crs == 0)
		*state = WIRE_FRESH;
	return true;
}

/*
 * Inside a line, with input. Hands on what is clean; else repairs the bare LF
 * or holds the CR that stops it. Whether there is a piece.
 */
static bool text_step(uint64_t *crs, enum wire_state *state, bool *bare,
		      uint64_t *dots, struct span *in, struct span *ret_piece)
{
	size_t n = clean_run(*in, dots);

	if (n > 0) {
		*ret_piece = take(in, n);
		if (ret_piece->p[n - 1] == '\n')
			*state = WIRE_BOL;
		return true;
	}
	if (take(in, 1).p[0] == '\r') {
		*crs = 1;
		*state = WIRE_CR;
		return false;
	}
	*bare = true;
	*state = WIRE_FRESH;
	*ret_piece = CRLF;
	return true;
}

enum wire_step wire_encode(struct wire_encoder *e, struct span *in,
			   struct span *ret_piece)
{
	while (in->n > 0) {
		switch (e->state) {
		case WIRE_BOL:
		case WIRE_FRESH:
			e->state = WIRE_TEXT;
			if (in->p[0] != '.')
				break;
			/* RFC 5321 4.5.2: "one additional period is inserted
			 * at the beginning of the line." */
			e->dots++;
			*ret_piece = SPAN_LIT(".");
			return WIRE_PIECE;
		case WIRE_TEXT:
			if (text_step(&e->crs, &e->state, &e->bare, NULL, in,
				      ret_piece))
				return WIRE_PIECE;
			break;
		case WIRE_CR:
			if (crs_step(&e->crs, &e->state, &e->bare, in,
				     ret_piece))
				return WIRE_PIECE;
			break;
		case WIRE_DOT:
		case WIRE_DOT_CR:
		case WIRE_CLOSED:
			*in = SPAN_NONE;
			break;
		}
	}
	*ret_piece = SPAN_NONE;
	return WIRE_MORE;
}

enum wire_step wire_encode_finish(struct wire_encoder *e,
				  struct span *ret_piece)
{
	switch (e->state) {
	case WIRE_TEXT:
		e->state = WIRE_BOL;
		*ret_piece = CRLF;
		return WIRE_PIECE;
	case WIRE_CR:
		e->bare = true;
		if (--e->crs == 0)
			e->state = WIRE_BOL;
		*ret_piece = CRLF;
		return WIRE_PIECE;
	case WIRE_BOL:
	case WIRE_FRESH:
		e->state = WIRE_CLOSED;
		*ret_piece = END;
		return WIRE_END;
	case WIRE_DOT:
	case WIRE_DOT_CR:
	case WIRE_CLOSED:
		break;
	}
	*ret_piece = SPAN_NONE;
	return WIRE_END;
}

enum yb_err wire_encode_all(struct span text, struct buf *out)
{
	struct wire_encoder e;
	struct span piece;
	enum wire_step step;
	enum yb_err err;

	wire_encoder_init(&e);
	while (wire_encode(&e, &text, &piece) == WIRE_PIECE) {
		err = buf_add(out, piece);
		if (err != YB_OK)
			return err;
	}
	do {
		step = wire_encode_finish(&e, &piece);
		err = buf_add(out, piece);
	} while (err == YB_OK && step == WIRE_PIECE);
	return err;
}

/* ---- reader ---- */

void wire_reader_init(struct wire_reader *r)
{
	*r = (struct wire_reader){ .state = WIRE_BOL };
}

/* Behind a dot at the start of a line that a real CRLF has begun. */
static enum wire_step read_dot(struct wire_reader *r, struct span *in)
{
	if (in->p[0] == '\r') {
		(void)take(in, 1);
		r->state = WIRE_DOT_CR;
		return WIRE_MORE;
	}
	/*
	 * RFC 5321 4.5.2: "If the first character is a period and there are
	 * other characters on the line, the first character is deleted." What
	 * follows stands at the start of the line now.
	 */
	r->state = WIRE_FRESH;
	return WIRE_MORE;
}

/* Behind such a dot and a CR. */
static enum wire_step read_dot_cr(struct wire_reader *r, struct span *in,
				  struct span *ret_piece)
{
	if (in->p[0] == '\n') {
		(void)take(in, 1);
		r->state = WIRE_CLOSED;
		*ret_piece = END;
		return WIRE_END;
	}
	r->crs = 1;
	r->state = WIRE_CR;
	return WIRE_MORE;
}

static enum wire_step read_text(struct wire_reader *r, struct span *in,
				struct span *ret_piece)
{
	if (!text_step(&r->crs, &r->state, &r->bare, &r->dots, in, ret_piece))
		return WIRE_MORE;
	/* The usual end: all of it in this chunk, so one piece less. */
	if (r->state == WIRE_BOL && span_starts(*in, END)) {
		(void)take(in, END.n);
		ret_piece->n += END.n;
		r->state = WIRE_CLOSED;
		return WIRE_END;
	}
	return WIRE_PIECE;
}

/* One step with input; WIRE_MORE also where it has to go on. */
static enum wire_step read_step(struct wire_reader *r, struct span *in,
				struct span *ret_piece)
{
	switch (r->state) {
	case WIRE_BOL:
		r->state = WIRE_TEXT;
		if (in->p[0] == '.') {
			(void)take(in, 1);
			r->state = WIRE_DOT;
		}
		return WIRE_MORE;
	case WIRE_FRESH:
		r->state = WIRE_TEXT;
		if (in->p[0] != '.')
			return WIRE_MORE;
		r->dots++;
		*ret_piece = SPAN_LIT(".");
		return WIRE_PIECE;
	case WIRE_TEXT:
		return read_text(r, in, ret_piece);
	case WIRE_CR:
		return crs_step(&r->crs, &r->state, &r->bare, in, ret_piece)
			       ? WIRE_PIECE
			       : WIRE_MORE;
	case WIRE_DOT:
		return read_dot(r, in);
	case WIRE_DOT_CR:
		return read_dot_cr(r, in, ret_piece);
	case WIRE_CLOSED:
		break;
	}
	return WIRE_END;
}

enum wire_step wire_read(struct wire_reader *r, struct span *in,
			 struct span *ret_piece)
{
	enum wire_step step = WIRE_MORE;

	*ret_piece = SPAN_NONE;
	while (in->n > 0 && step == WIRE_MORE)
		step = read_step(r, in, ret_piece);
	return step;
}

/* ---- decoder ---- */

void wire_decoder_init(struct wire_decoder *d)
{
	d->state = WIRE_BOL;
}

/* Inside a line: all up to a dot behind a CRLF, or the end of `in`. */
static struct span decode_text(struct wire_decoder *d, struct span *in)
{
	const uint8_t *p = in->p, *end = in->p + in->n;

	while (p < end) {
		const uint8_t *dot = memchr(p, '.', (size_t)(end - p));

		if (dot == NULL)
			break;
		if (dot - in->p >= 2 && dot[-1] == '\n' && dot[-2] == '\r') {
			d->state = WIRE_BOL;
			return take(in, (size_t)(dot - in->p));
		}
		p = dot + 1;
	}
	if (in->n >= 2 && end[-1] == '\n' && end[-2] == '\r')
		d->state = WIRE_BOL;
	else if (end[-1] == '\r')
		d->state = WIRE_CR;
	return take(in, in->n);
}

/* One step with input; WIRE_MORE also where it has to go on. */
static enum wire_step decode_step(struct wire_decoder *d, struct span *in,
				  struct span *ret_piece)
{
	uint8_t c = in->p[0];

	switch (d->state) {
	case WIRE_BOL:
	case WIRE_FRESH:
		d->state = c == '.' ? WIRE_DOT : WIRE_TEXT;
		if (c == '.')
			(void)take(in, 1);
		return WIRE_MORE;
	case WIRE_TEXT:
		*ret_piece = decode_text(d, in);
		return WIRE_PIECE;
	case WIRE_CR:
		/* The CR is handed on; an LF makes it a line end. */
		d->state = c == '\n' ? WIRE_BOL : WIRE_TEXT;
		if (c != '\n')
			return WIRE_MORE;
		*ret_piece = take(in, 1);
		return WIRE_PIECE;
	case WIRE_DOT:
		/* RFC 1939 3: the dot "is stripped" unless it stands alone. */
		d->state = c == '\r' ? WIRE_DOT_CR : WIRE_TEXT;
		if (c == '\r')
			(void)take(in, 1);
		return WIRE_MORE;
	case WIRE_DOT_CR:
		d->state = c == '\n' ? WIRE_CLOSED : WIRE_CR;
		if (c == '\n') {
			(void)take(in, 1);
			return WIRE_END;
		}
		*ret_piece = SPAN_LIT("\r");
		return WIRE_PIECE;
	case WIRE_CLOSED:
		break;
	}
	return WIRE_END;
}

enum wire_step wire_decode(struct wire_decoder *d, struct span *in,
			   struct span *ret_piece)
{
	enum wire_step step = WIRE_MORE;

	*ret_piece = SPAN_NONE;
	while (in->n > 0 && step == WIRE_MORE)
		step = decode_step(d, in, ret_piece);
	return step;
}
