/*
 * From DATA to the replies behind the final dot. The message is handed on in
 * pieces of the driver's own input; what LMTP repairs adds octets of its own.
 * A message that is refused on its way is still read to its end, since only
 * CRLF . CRLF ends DATA, and what follows a false end must not run (threat
 * 33).
 */
#include "proto/smtp_server.h"

#include <assert.h>

#include "proto/smtp_private.h"

void smtp_data_init(struct smtp_server *s)
{
	wire_reader_init(&s->reader);
	wire_encoder_init(&s->encoder);
	hops_init(&s->hops);
}

void smtp_data_clock(struct smtp_server *s)
{
	s->data_ms = s->now_ms;
	s->data_n = 0;
}

enum smtp_outcome smtp_on_data(struct smtp_server *s, struct span arg)
{
	(void)arg;
	if (s->state != SMTP_MAIL) {
		smtp_say(s, "503 5.5.1 send MAIL first");
		return SMTP_BAD;
	}
	/* RFC 3030 section 2: "If a DATA statement is issued after a BDAT for
	 * the current transaction, a 503 ... MUST be issued." */
	if (s->chunked) {
		smtp_say(s, "503 5.5.1 go on with BDAT, or send RSET");
		return SMTP_BAD;
	}
	/* RFC 2033 section 4.2: LMTP "MUST" answer 503 where no recipient was
	 * accepted; RFC 5321 section 3.3 lets SMTP do so. */
	if (s->outcomes.n == 0) {
		smtp_say(s, "503 5.5.1 no valid recipients");
		return SMTP_BAD;
	}
	smtp_enter(s, SMTP_DATA);
	smtp_data_init(s);
	smtp_data_clock(s);
	smtp_raise(s, (struct smtp_event){ .kind = SMTP_EV_DATA });
	return SMTP_ANSWERED;
}

void smtp_server_data_ready(struct smtp_server *s, enum yb_err err)
{
	if (s->state == SMTP_OVER)
		return;
	assert(s->event_state == SMTP_ASKED && s->event.kind == SMTP_EV_DATA);
	smtp_settle(s);
	s->begun = err == YB_OK;
	if (s->chunked) {
		/* Said once the chunk is there, wanted or not. */
		s->refused = err;
		return;
	}
	if (err != YB_OK) {
		smtp_say(s, smtp_reply_of(err));
		smtp_reset(s);
		return;
	}
	smtp_say(s, "354 end with CRLF . CRLF");
}

void smtp_data_refuse(struct smtp_server *s, enum yb_err err)
{
	s->refused = err;
	s->begun = false;
	smtp_settle(s);
}

void smtp_server_refuse(struct smtp_server *s, enum yb_err err)
{
	if (s->begun && err != YB_OK)
		smtp_data_refuse(s, err);
}

/*
 * RFC 1870 section 3: octets with CRLFs, without doubled dots and the final
 * ".CRLF"; which is not in `wire_n` unless the message has ended.
 */
uint64_t smtp_data_octets(const struct smtp_server *s)
{
	return s->wire_n - s->reader.dots - s->encoder.dots -
	       (s->ended ? 3 : 0);
}

/* Why the message has to be refused now; YB_OK if it need not. */
static enum yb_err find_fault(const struct smtp_server *s)
{
	/* The line end that we add where the last chunk has none is ours. */
	uint64_t own = s->chunked ? 2 : 0;

	if ((s->reader.bare || s->encoder.bare) && !smtp_is_lmtp(s))
		return YB_BARE_LINE_END;
	/* What comes by LMTP stays here: it cannot go round once more, and
	 * the mail system before us has counted. */
	if (s->hops.n > SMTP_HOPS_MAX && !smtp_is_lmtp(s))
		return YB_LOOP;
	if (s->config.size_max > 0 &&
	    smtp_data_octets(s) > s->config.size_max + own)
		return YB_TOO_BIG;
	return YB_OK;
}

void smtp_data_piece(struct smtp_server *s, struct span piece)
{
	enum yb_err err;

	s->wire_n += piece.n;
	s->counters.octets += piece.n;
	if (!s->begun)
		return; /* refused already */
	hops_feed(&s->hops, piece);
	err = find_fault(s);
	if (err != YB_OK) {
		smtp_data_refuse(s, err);
		smtp_raise(s, (struct smtp_event){ .kind = SMTP_EV_ABORT });
	} else if (piece.n > 0) {
		smtp_raise(s, (struct smtp_event){ .kind = SMTP_EV_BODY,
						   .body = piece });
	}
}

size_t smtp_data_eat(struct smtp_server *s, struct span in)
{
	struct span rest = in, piece;

	s->ended = wire_read(&s->reader, &rest, &piece) == WIRE_END;
	smtp_data_piece(s, piece);
	return in.n - rest.n;
}

/* ---- behind the final dot ---- */

/* One reply a recipient in LMTP (RFC 2033 section 4.2), else one. */
static void begin_replies(struct smtp_server *s)
{
	s->counters.messages++;
	for (size_t i = 0; i < s->outcomes.n; i++)
		s->counters.accepted += s->outcomes.p[i] == YB_OK;
	smtp_enter(s, SMTP_REPLIES);
}

static void reply_refused(struct smtp_server *s)
{
	memset(s->outcomes.p, (int)s->refused, s->outcomes.n);
	begin_replies(s);
}

/* For SMTP: YB_OK only if all are; the first failure speaks for all. */
static enum yb_err common_outcome(const struct smtp_server *s)
{
	for (size_t i = 0; i < s->outcomes.n; i++)
		if (s->outcomes.p[i] != YB_OK)
			return (enum yb_err)s->outcomes.p[i];
	return YB_OK;
}

static void run_replies(struct smtp_server *s)
{
	while (s->replied < s->outcomes.n && out_has_room(&s->out)) {
		enum yb_err err = (enum yb_err)s->outcomes.p[s->replied++];

		if (!smtp_is_lmtp(s)) {
			err = common_outcome(s);
			s->replied = s->outcomes.n;
		}
		smtp_say(s, smtp_reply_of(err));
		if (s->state == SMTP_OVER)
			return;
	}
	if (s->replied < s->outcomes.n)
		return;
	smtp_reset(s);
	if (s->shutdown_text == NULL)
		return;
	smtp_say(s, s->shutdown_text);
	smtp_end(s, "shutdown");
}

void smtp_data_run(struct smtp_server *s)
{
	if (s->event_state != SMTP_NO_EVENT)
		return;
	if (!s->ended && s->chunk_left == 0 &&
	    (s->state == SMTP_CHUNK || s->state == SMTP_DROP))
		smtp_bdat_run(s);
	if (s->event_state != SMTP_NO_EVENT)
		return;
	if (s->ended && (s->state == SMTP_DATA || s->state == SMTP_CHUNK)) {
		if (s->begun)
			smtp_raise(s, (struct smtp_event){
					      .kind = SMTP_EV_MESSAGE });
		else
			reply_refused(s);
	}
	if (s->event_state == SMTP_NO_EVENT && s->state == SMTP_REPLIES)
		run_replies(s);
}

void smtp_server_message_done(struct smtp_server *s, const enum yb_err *errs,
			      size_t n)
{
	if (s->state == SMTP_OVER)
		return;
	assert(s->event_state == SMTP_ASKED &&
	       s->event.kind == SMTP_EV_MESSAGE && n == s->outcomes.n);
	smtp_settle(s);
	s->begun = false;
	for (size_t i = 0; i < n; i++)
		s->outcomes.p[i] = (uint8_t)errs[i];
	begin_replies(s);
	run_replies(s);
}
