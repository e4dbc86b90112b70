/*
 * Command lines from octets cut anywhere. A line that is whole in the input
 * is looked at where it is; only one that comes in parts is held, in a buffer
 * that is wiped when it grows and when it is let go, since lines carry
 * passwords. What is too long is said once and waited out up to a bound.
 */
#ifndef PROTO_LINE_H
#define PROTO_LINE_H

#include "base/buf.h"

enum {
	/* Of an overlong line, this much is waited out before the session
	 * ends: what a client may send before it reads our answer. */
	LINE_DISCARD_MAX = 64 * 1024,
	/* The ceiling of a held line; engines set lower ones. */
	LINE_HOLD_MAX = 12288,
	/* Held lines start with room for one of the usual length. */
	LINE_HOLD_FIRST = 256,
};

enum line_got {
	LINE_PART,     /* or rest of an overlong one; nothing to do */
	LINE_WHOLE,    /* `ret_line`, with its LF; call line_done() behind it */
	LINE_TOO_LONG, /* once a line; answer it */
	LINE_ENDLESS,  /* LINE_DISCARD_MAX is used up: end the session */
	LINE_NOMEM,
};

struct line_reader {
	struct buf held;
	size_t discarded;
	bool discarding;
};

void line_init(struct line_reader *r);

/* Frees all; usable again. */
void line_free(struct line_reader *r);

/*
 * Takes octets of one line, of at most `max` octets with its line end, from
 * the front of `in`, which is not empty; how many.
 */
size_t line_take(struct line_reader *r, struct span in, size_t max,
		 enum line_got *ret_got, struct span *ret_line);

/* The line is done with: wiped if it was held. */
void line_done(struct line_reader *r);

/* Gives back storage while nothing is held. */
void line_release(struct line_reader *r);

/* Whether the line that `in` goes on with starts so, case aside. */
bool line_starts(const struct line_reader *r, struct span in, struct span with);

/*
 * Whether it is the first line of an HTTP request: a browser made to talk to
 * us must not get its words back (threat 4).
 */
bool line_is_http(struct span line);

#endif
