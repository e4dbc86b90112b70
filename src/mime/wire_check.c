#include "mime/wire.h"

#include "mime/wire_scan.h"

void wire_check_init(struct wire_check *c)
{
	*c = (struct wire_check){ .bol = true, .header = true };
}

/* The first empty line ends the header: a CR at the start of a line. */
static void find_header_end(struct wire_check *c, const struct wire_masks *m,
			    uint64_t bol)
{
	uint64_t empty = m->cr & bol;
	unsigned at;

	if (empty == 0) {
		if (m->high != 0)
			c->flags |= WIRE_8BIT_HEADER;
		return;
	}
	at = (unsigned)__builtin_ctzll(empty);
	c->header = false;
	c->header_size = c->size + at + 2;
	/* Neither the CR at `at` nor the LF behind it is 8-bit. */
	if ((m->high & (((uint64_t)1 << at) - 1)) != 0)
		c->flags |= WIRE_8BIT_HEADER;
	if (m->high >> at != 0)
		c->flags |= WIRE_8BIT_BODY;
}

/*
 * A dot at the start of a line has to be followed by another, or by the CRLF
 * that ends the message: `behind` are the octets after such dots.
 */
static void check_dots(struct wire_check *c, const struct wire_masks *m,
		       uint64_t behind)
{
	uint64_t lone = behind & ~m->dot;

	c->dots += (uint64_t)__builtin_popcountll(behind & m->dot);
	if (lone == 0)
		return;
	if ((lone & m->cr) != lone || c->end != 0)
		c->single = true;
	c->end = c->size + (unsigned)__builtin_ctzll(lone) + 2;
}

static void check_block(struct wire_check *c, struct span s)
{
	struct wire_masks m = wire_masks_head(s);
	uint64_t used = s.n < WIRE_BLOCK ? ((uint64_t)1 << s.n) - 1 : ~0ull;
	uint64_t bol = (m.lf << 1 | c->bol) & used;
	uint64_t first = m.dot & bol;
	uint64_t behind = (first << 1 | c->dot) & used;
	unsigned last = (unsigned)s.n - 1;

	/* Each LF stands behind a CR, each CR before an LF. */
	if (m.lf != ((m.cr << 1 | c->cr) & used))
		c->bare = true;
	if (behind != 0)
		check_dots(c, &m, behind);
	if (c->header)
		find_header_end(c, &m, bol);
	else if (m.high != 0)
		c->flags |= WIRE_8BIT_BODY;
	if (m.nul != 0)
		c->flags |= WIRE_NUL;
	c->cr = m.cr >> last & 1;
	c->bol = m.lf >> last & 1;
	c->dot = first >> last & 1;
	c->size += s.n;
}

void wire_check_feed(struct wire_check *c, struct span chunk)
{
	while (chunk.n > 0) {
		struct span block = span_head(chunk, WIRE_BLOCK);

		check_block(c, block);
		chunk = span_skip(chunk, block.n);
	}
}

enum yb_err wire_check_finish(struct wire_check *c)
{
	if (c->bare || c->cr)
		return YB_BARE_LINE_END;
	if (c->single || c->end == 0 || c->end != c->size)
		return YB_INVALID;
	if (c->header)
		c->header_size = c->size - 3;
	return YB_OK;
}

void wire_top_init(struct wire_top *t, uint64_t header_size, uint64_t wire_size,
		   uint64_t lines)
{
	t->limit = wire_size < 3 ? 0 : wire_size - 3;
	t->at = header_size < t->limit ? header_size : t->limit;
	t->lines = lines;
}

/* Where the `nth` bit of `mask`, counted from 1, is. */
static unsigned nth_bit(uint64_t mask, uint64_t nth)
{
	while (--nth > 0)
		mask &= mask - 1;
	return (unsigned)__builtin_ctzll(mask);
}

bool wire_top_feed(struct wire_top *t, struct span chunk)
{
	chunk = span_head(chunk, t->limit - t->at);
	while (chunk.n > 0 && t->lines > 0) {
		struct span block = span_head(chunk, WIRE_BLOCK);
		struct wire_masks m = wire_masks_head(block);
		uint64_t ends = (uint64_t)__builtin_popcountll(m.lf);

		if (ends >= t->lines) {
			t->at += nth_bit(m.lf, t->lines) + 1;
			t->lines = 0;
			break;
		}
		t->lines -= ends;
		t->at += block.n;
		chunk = span_skip(chunk, block.n);
	}
	return wire_top_is_done(t);
}
