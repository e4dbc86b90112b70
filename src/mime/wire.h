/*
 * Wire form: a message as SMTP's DATA and POP3's RETR both carry it. Line
 * ends are CRLF, a dot at the start of a line is doubled, and a line of one
 * dot ends it (RFC 5321 section 4.5.2, RFC 1939 section 3). The wire form of
 * an empty message is ".CRLF". NUL and 8-bit octets are text as any other.
 *
 * Codecs with tiny states: input comes in chunks, cut anywhere. What they
 * hand out points into the chunk or at static octets; nothing is copied, and
 * ordinary text is scanned 64 octets at a time.
 *
 * Line ends other than CRLF are repaired by one rule: a bare LF is a line
 * end, and so is a bare CR; but CRs directly before an LF belong to that one
 * line end, since CR CR LF comes from text converted twice, where an empty
 * line behind every line would end the header after its first field.
 */
#ifndef MIME_WIRE_H
#define MIME_WIRE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum wire_step {
	WIRE_MORE,  /* the input is used up; `ret_piece` is empty */
	WIRE_PIECE, /* hand on `ret_piece`, then call again */
	WIRE_END,   /* hand on `ret_piece`, perhaps empty: it was the last */
};

enum wire_state {
	WIRE_BOL,   /* at the start of a line, behind a real CRLF */
	WIRE_FRESH, /* at the start of a line that repair has made */
	WIRE_TEXT,
	WIRE_CR,     /* holds `crs` CRs */
	WIRE_DOT,    /* holds a dot from the start of a line */
	WIRE_DOT_CR, /* holds such a dot and a CR */
	WIRE_CLOSED, /* has returned WIRE_END */
};

/* ---- from text: what is to become wire form ---- */

struct wire_encoder {
	enum wire_state state;
	uint64_t crs;
	uint64_t dots; /* doubled, for RFC 1870's size */
	bool bare;     /* a bare CR or LF was seen, and repaired */
};

void wire_encoder_init(struct wire_encoder *e);

/*
 * Takes text from the front of `in`: repairs line ends, doubles dots. Never
 * WIRE_END.
 */
enum wire_step wire_encode(struct wire_encoder *e, struct span *in,
			   struct span *ret_piece);

/*
 * After the last text: adds a line end where the last line has none, and
 * ".CRLF". WIRE_PIECE any number of times, then WIRE_END. A CR at the very
 * end counts as bare.
 */
enum wire_step wire_encode_finish(struct wire_encoder *e,
				  struct span *ret_piece);

/* Appends the wire form of all of `text`. NOMEM, TOO_BIG. */
YB_CHECKED enum yb_err wire_encode_all(struct span text, struct buf *out);

/* ---- from DATA: what should be wire form already ---- */

struct wire_reader {
	enum wire_state state;
	uint64_t crs;
	uint64_t dots; /* doubled dots handed on, for RFC 1870's size */
	bool bare;     /* a bare CR or LF was seen, and repaired */
};

void wire_reader_init(struct wire_reader *r);

/*
 * Takes what follows DATA from the front of `in` and hands on strict wire
 * form. Only CRLF . CRLF ends it: WIRE_END, the rest of `in` is left alone.
 * A single dot before text at the start of a line is dropped, as RFC 5321
 * section 4.5.2 asks of receivers. SMTP looks at `bare` and refuses.
 */
enum wire_step wire_read(struct wire_reader *r, struct span *in,
			 struct span *ret_piece);

/* ---- from wire form: the message ---- */

struct wire_decoder {
	enum wire_state state;
};

void wire_decoder_init(struct wire_decoder *d);

/*
 * Takes wire form from the front of `in` and hands on the message's octets,
 * doubled dots undone. WIRE_END behind the final ".CRLF". Bare CR and LF of
 * servers that let them through are kept as they are.
 */
enum wire_step wire_decode(struct wire_decoder *d, struct span *in,
			   struct span *ret_piece);

/* ---- checking and counting ---- */

enum wire_flags {
	WIRE_8BIT_HEADER = 1 << 0,
	WIRE_8BIT_BODY = 1 << 1,
	WIRE_NUL = 1 << 2,
};

/* After wire_check_finish(): what the store keeps of a message. */
struct wire_check {
	uint64_t size;        /* octets fed, the final ".CRLF" included */
	uint64_t dots;        /* doubled dots */
	uint64_t header_size; /* up to and with the empty line; without one
			       * all but the final ".CRLF" */
	unsigned flags;       /* enum wire_flags */
	/* private */
	uint64_t end;      /* where the first lone dot's line ends, or 0 */
	bool cr, bol, dot; /* the octet before: CR, CRLF, CRLF dot */
	bool header, bare, single;
};

void wire_check_init(struct wire_check *c);
void wire_check_feed(struct wire_check *c, struct span chunk);

/*
 * YB_OK if all that was fed is one message in strict wire form; BARE_LINE_END
 * for a bare CR or LF; INVALID for a missing end, octets behind the end, or a
 * line whose dot is not doubled. The numbers hold only after YB_OK.
 */
YB_CHECKED enum yb_err wire_check_finish(struct wire_check *c);

/* ---- TOP ---- */

/*
 * Finds where the header, the empty line and the first `lines` lines of the
 * body end in a message of `wire_size` octets. Feed it the message from
 * offset `at` on; header and empty line need no reading, and the final
 * ".CRLF" is never part of it.
 */
struct wire_top {
	uint64_t at;    /* feed from here; once done: where the lines end */
	uint64_t limit; /* where the final ".CRLF" starts */
	uint64_t lines; /* still to be found */
};

void wire_top_init(struct wire_top *t, uint64_t header_size, uint64_t wire_size,
		   uint64_t lines);

/* Takes the octets from `t->at` on; whether it is done. */
bool wire_top_feed(struct wire_top *t, struct span chunk);

static inline bool wire_top_is_done(const struct wire_top *t)
{
	return t->lines == 0 || t->at == t->limit;
}

#endif
