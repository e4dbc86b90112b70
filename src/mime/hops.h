/*
 * Counts the Received fields of a message in wire form as it comes, in chunks
 * cut anywhere: RFC 5321 section 6.3 finds mail loops that way.
 */
#ifndef MIME_HOPS_H
#define MIME_HOPS_H

#include <stdbool.h>

#include "base/span.h"

enum hops_state {
	HOPS_BOL,  /* at the start of a line */
	HOPS_NAME, /* inside what may be the name */
	HOPS_GAP,  /* behind it: RFC 5322 section 4.5.8 has spaces there */
	HOPS_LINE, /* in the rest of a line */
	HOPS_CR,   /* behind a CR at the start of a line */
	HOPS_BODY, /* the header is over */
};

struct hops {
	enum hops_state state;
	unsigned matched; /* octets of the name */
	unsigned n;       /* fields so far */
};

void hops_init(struct hops *h);
void hops_feed(struct hops *h, struct span chunk);

#endif
