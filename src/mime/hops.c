#include "mime/hops.h"

static const char name[] = "received";

void hops_init(struct hops *h)
{
	*h = (struct hops){ .state = HOPS_BOL };
}

static enum hops_state after_bol(struct hops *h, uint8_t c)
{
	h->matched = 1;
	if (c == '\r')
		return HOPS_CR;
	return ascii_lower(c) == name[0] ? HOPS_NAME : HOPS_LINE;
}

static enum hops_state after_name(struct hops *h, uint8_t c)
{
	if (h->matched < sizeof name - 1)
		return ascii_lower(c) == name[h->matched++] ? HOPS_NAME
							    : HOPS_LINE;
	if (c == ' ' || c == '\t')
		return HOPS_GAP;
	h->n += c == ':';
	return HOPS_LINE;
}

static enum hops_state after_gap(struct hops *h, uint8_t c)
{
	if (c == ' ' || c == '\t')
		return HOPS_GAP;
	h->n += c == ':';
	return HOPS_LINE;
}

static enum hops_state step(struct hops *h, uint8_t c)
{
	switch (h->state) {
	case HOPS_BOL:
		return after_bol(h, c);
	case HOPS_NAME:
		return after_name(h, c);
	case HOPS_GAP:
		return after_gap(h, c);
	case HOPS_CR: /* wire form: an LF follows, and the line was empty */
		return HOPS_BODY;
	case HOPS_LINE:
	case HOPS_BODY:
		break;
	}
	return h->state;
}

void hops_feed(struct hops *h, struct span chunk)
{
	while (chunk.n > 0 && h->state != HOPS_BODY) {
		if (h->state != HOPS_LINE) {
			h->state = chunk.p[0] == '\n' && h->state != HOPS_CR
					   ? HOPS_BOL
					   : step(h, chunk.p[0]);
			chunk = span_skip(chunk, 1);
			continue;
		}
		chunk = span_skip(chunk, span_find(chunk, '\n'));
		if (chunk.n > 0)
			h->state = HOPS_BOL;
		chunk = span_skip(chunk, 1);
	}
}
