/*
 * Checkers of what servers answer, fed in chunks that are cut anywhere. They
 * trust nothing and keep little: a line that is not complete, or the state
 * of a body. The octets of a body are searched with memchr() for what can
 * matter in them, which is a dot.
 */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include "base/span.h"

/*
 * RFC 1939 section 3 and RFC 5321 section 4.5.3.1.5 end a reply line at 512
 * octets; greetings of some servers are longer.
 */
enum { ANSWER_LINE_MAX = 2048 };

enum answer_step {
	ANSWER_MORE, /* the input is used up */
	ANSWER_DONE,
	ANSWER_WRONG,
};

/* ---- lines ---- */

struct answer_line {
	size_t n;   /* of `p`: the part of a line that came before */
	bool whole; /* `p` was handed out, and begins anew */
	char p[ANSWER_LINE_MAX];
};

void answer_line_init(struct answer_line *l);

/*
 * Takes a line from the front of `in`; `ret` is without its CRLF and valid
 * until the next call. WRONG for a line that is too long or ends in a bare
 * LF; `ret` then is what there is of it.
 */
enum answer_step answer_line_take(struct answer_line *l, struct span *in,
				  struct span *ret);

/* Whether a line of POP3 says "+OK". */
bool answer_is_ok(struct span line);

/* Reads "+OK 2 320 anything" (RFC 1939 section 5, STAT). */
bool answer_stat(struct span line, uint64_t *ret_messages,
		 uint64_t *ret_octets);

/* Reads "1 120 anything" of LIST. */
bool answer_scan_line(struct span line, uint64_t *ret_number,
		      uint64_t *ret_octets);

/*
 * Reads "1 whqtswO00WBw418f9t5JxYwZ": RFC 1939 section 7 wants 1 to 70
 * characters from 0x21 to 0x7E.
 */
bool answer_uidl_line(struct span line, uint64_t *ret_number);

/*
 * Reads "250-text" or "250 text" (RFC 5321 section 4.2); `ret_last` tells
 * the latter.
 */
bool answer_reply(struct span line, unsigned *ret_code, bool *ret_last,
		  struct span *ret_text);

/* ---- a message, dot-stuffed, up to its terminator ---- */

enum answer_at { AT_LINE, AT_TEXT, AT_CR, AT_DOT, AT_DOT_CR };

struct answer_body {
	uint64_t size; /* octets taken, the final ".CRLF" included */
	uint64_t dots; /* that stuffing had added */
	enum answer_at at;
};

void answer_body_init(struct answer_body *b);

/*
 * Takes octets from the front of `in`. DONE behind the ".CRLF" line; WRONG
 * where a line starts with a dot that is neither doubled nor the terminator.
 */
enum answer_step answer_body_take(struct answer_body *b, struct span *in);

/* After DONE: the size of the message itself, as LIST counts it. */
static inline uint64_t answer_body_octets(const struct answer_body *b)
{
	return b->size - 3 - b->dots;
}

/* ---- showing ---- */

/*
 * Writes at most `cap` - 1 octets of `s` and a NUL; all but printable ASCII
 * as \xNN, and "..." behind what did not fit.
 */
void answer_show(struct span s, char *dst, size_t cap);

#endif
