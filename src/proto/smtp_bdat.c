/*
 * BDAT (RFC 3030): a message in chunks whose length is told. What comes is
 * text as it is to be kept, so it becomes wire form here: dots are doubled, a
 * missing last line end is added, and ".CRLF" ends it.
 *
 * The octets behind a BDAT are its own whatever is wrong with it, or they
 * would run as commands (threat 36): "the receiver-SMTP MUST accept and
 * discard the associated message data before sending the appropriate 5XX or
 * 4XX code". A chunk of a transaction with recipients goes through
 * SMTP_CHUNK, even when the message is refused already; any other through
 * SMTP_DROP.
 */
#include "proto/smtp_server.h"

#include "base/num.h"
#include "proto/smtp_private.h"

enum size_kind { SIZE_GOOD, SIZE_ENDLESS, SIZE_WRONG };

/* chunk-size ::= 1*DIGIT, so leading zeros are allowed. */
static enum size_kind get_size(struct span word, uint64_t *ret)
{
	if (word.n == 0)
		return SIZE_WRONG;
	for (size_t i = 0; i < word.n; i++)
		if (!ascii_digit(word.p[i]))
			return SIZE_WRONG;
	while (word.n > 1 && word.p[0] == '0')
		word = span_skip(word, 1);
	return num_parse(word, SMTP_CHUNK_MAX, ret) ? SIZE_GOOD : SIZE_ENDLESS;
}

/* Reads the octets of a BDAT that is out of order, then says why. */
static enum smtp_outcome drop(struct smtp_server *s, uint64_t size,
			      const char *reply)
{
	s->chunk_left = size;
	s->drop_reply = reply;
	s->drop_back = s->state;
	smtp_enter(s, SMTP_DROP);
	smtp_data_clock(s);
	return SMTP_BAD;
}

/* A chunk is missing: the message cannot become whole any more. */
static void lose_chunk(struct smtp_server *s)
{
	bool begun = s->begun;

	if (s->state != SMTP_MAIL || s->outcomes.n == 0 || s->refused != YB_OK)
		return;
	s->chunked = true;
	smtp_data_refuse(s, YB_SYNTAX);
	if (begun)
		smtp_raise(s, (struct smtp_event){ .kind = SMTP_EV_ABORT });
}

static const char *out_of_order(const struct smtp_server *s)
{
	if (s->state == SMTP_START)
		return smtp_is_lmtp(s) ? "503 5.5.1 send LHLO first"
				       : "503 5.5.1 send EHLO first";
	if (s->state == SMTP_READY)
		return "503 5.5.1 send MAIL first";
	return s->outcomes.n == 0 ? "503 5.5.1 no valid recipients" : NULL;
}

static bool would_be_too_big(const struct smtp_server *s)
{
	return s->config.size_max > 0 &&
	       smtp_data_octets(s) + s->encoder.crs + s->chunk_left >
		       s->config.size_max;
}

static void begin_chunk(struct smtp_server *s, uint64_t size, bool last)
{
	bool first = !s->chunked;

	s->chunk_left = size;
	s->chunk_last = last;
	s->chunked = true;
	smtp_enter(s, SMTP_CHUNK);
	smtp_data_clock(s);
	if (first)
		smtp_data_init(s);
	if (s->refused == YB_OK && would_be_too_big(s)) {
		smtp_data_refuse(s, YB_TOO_BIG);
		if (!first)
			smtp_raise(s, (struct smtp_event){
					      .kind = SMTP_EV_ABORT });
	} else if (first) {
		smtp_raise(s, (struct smtp_event){ .kind = SMTP_EV_DATA });
	}
}

enum smtp_outcome smtp_on_bdat(struct smtp_server *s, struct span arg)
{
	struct span size_word = span_cut(&arg, ' ');
	struct span end_marker = span_trim(arg);
	bool last = span_eq_nocase(end_marker, SPAN_LIT("LAST"));
	const char *reason = out_of_order(s);
	uint64_t size = 0;

	switch (get_size(size_word, &size)) {
	case SIZE_WRONG:
		smtp_say(s, "501 5.5.4 BDAT takes a number of octets");
		lose_chunk(s);
		return SMTP_BAD;
	case SIZE_ENDLESS:
		smtp_say(s, "552 5.3.4 nobody sends so large a chunk");
		smtp_end(s, "endless chunk");
		return SMTP_ANSWERED;
	case SIZE_GOOD:
		break;
	}
	if (reason != NULL)
		return drop(s, size, reason);
	if (end_marker.n > 0 && !last) {
		lose_chunk(s);
		return drop(s, size, "501 5.5.4 only LAST may follow the size");
	}
	begin_chunk(s, size, last);
	return SMTP_ANSWERED;
}

size_t smtp_bdat_eat(struct smtp_server *s, struct span in)
{
	struct span chunk = span_head(
		in, in.n < s->chunk_left ? in.n : (size_t)s->chunk_left);
	struct span rest = chunk, piece = SPAN_NONE;
	size_t n;

	if (s->state == SMTP_DROP || !s->begun) {
		s->chunk_left -= chunk.n;
		return chunk.n;
	}
	(void)wire_encode(&s->encoder, &rest, &piece);
	n = chunk.n - rest.n;
	s->chunk_left -= n;
	smtp_data_piece(s, piece);
	return n;
}

/* The line end that the last line may lack, and the final ".CRLF". */
static void finish_message(struct smtp_server *s)
{
	struct span piece;

	if (!s->begun) {
		s->ended = true;
		return;
	}
	s->ended = wire_encode_finish(&s->encoder, &piece) == WIRE_END;
	smtp_data_piece(s, piece);
}

void smtp_bdat_run(struct smtp_server *s)
{
	if (s->state == SMTP_DROP) {
		smtp_enter(s, s->drop_back);
		smtp_say(s, s->drop_reply);
	} else if (s->chunk_last) {
		finish_message(s);
	} else {
		smtp_enter(s, SMTP_MAIL);
		smtp_say(s, s->refused == YB_OK ? "250 2.0.0 chunk received"
						: smtp_reply_of(s->refused));
	}
}
