/*
 * TRANSACTION: what a session does with its maildrop. Deletes are marks in a
 * bitmap until QUIT; a session that deletes nothing has none.
 */
#include "proto/pop3_server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "mime/wire.h"
#include "proto/pop3_private.h"

/* Builds short replies without a format string: this is the hot path. */
struct reply {
	uint8_t p[POP3_REPLY_MAX];
	size_t n;
};

static void add(struct reply *r, struct span s)
{
	assert(s.n <= sizeof r->p - r->n);
	memcpy(r->p + r->n, s.p, s.n);
	r->n += s.n;
}

static void begin(struct reply *r)
{
	r->n = 0;
	add(r, SPAN_LIT("+OK "));
}

static void add_num(struct reply *r, uint64_t v)
{
	assert(NUM_U64_DIGITS <= sizeof r->p - r->n);
	r->n += num_put(r->p + r->n, v);
}

static void put_reply(struct pop3_server *s, const struct reply *r)
{
	pop3_put(s, span_of(r->p, r->n));
}

/* ---- marks ---- */

bool pop3_server_is_deleted(const struct pop3_server *s, uint32_t index)
{
	return s->deleted != NULL &&
	       (s->deleted[index / 64] >> index % 64 & 1) != 0;
}

uint32_t pop3_server_deleted_count(const struct pop3_server *s)
{
	return s->deleted_n;
}

/* RFC 1939 section 5: messages marked as deleted are not counted. */
static uint32_t live_count(const struct pop3_server *s)
{
	return s->listing.head->count - s->deleted_n;
}

static uint64_t live_octets(const struct pop3_server *s)
{
	return s->listing.head->octets - s->deleted_octets;
}

static const struct listing_row *row(const struct pop3_server *s, drop_index i)
{
	return &s->listing.rows[i.v];
}

/*
 * Reads a message number. False, and answered, if it is none, or of no
 * message, or of one that is marked as deleted.
 */
static bool get_row(struct pop3_server *s, struct span arg, drop_index *ret)
{
	uint64_t number;
	drop_index at;

	if (!num_parse(arg, s->listing.head->count, &number) || number == 0) {
		pop3_say_err(s, POP3_SAY_NO_MESSAGE);
		return false;
	}
	at = msn_to_index((pop3_msn){ (uint32_t)number });
	if (pop3_server_is_deleted(s, at.v)) {
		pop3_say_err(s, POP3_SAY_IS_DELETED);
		return false;
	}
	*ret = at;
	return true;
}

/* ---- STAT, LIST, UIDL ---- */

void pop3_say_totals(struct pop3_server *s)
{
	UNSET struct reply r;

	begin(&r);
	add_num(&r, live_count(s));
	add(&r, pop3_text(s->language, POP3_SAY_MESSAGES));
	add_num(&r, live_octets(s));
	add(&r, pop3_text(s->language, POP3_SAY_OCTETS));
	add(&r, SPAN_LIT(")\r\n"));
	put_reply(s, &r);
}

enum pop3_outcome pop3_on_stat(struct pop3_server *s, const struct pop3_args *a)
{
	UNSET struct reply r;

	(void)a;
	begin(&r);
	add_num(&r, live_count(s));
	add(&r, SPAN_LIT(" "));
	add_num(&r, live_octets(s));
	add(&r, SPAN_LIT("\r\n"));
	put_reply(s, &r);
	return POP3_ANSWERED;
}

/* RFC 1939 section 5: a scan listing, or section 7: a unique-id listing. */
static void add_line(const struct pop3_server *s, struct reply *r,
		     enum pop3_cursor_kind kind, drop_index at)
{
	add_num(r, index_to_msn(at).v);
	add(r, SPAN_LIT(" "));
	if (kind == POP3_CURSOR_LIST)
		add_num(r, listing_octets(row(s, at)));
	else
		add(r, listing_uidl(&s->listing, at.v));
	add(r, SPAN_LIT("\r\n"));
}

void pop3_cursor_run(struct pop3_server *s)
{
	struct pop3_cursor *c = &s->cursor;

	while (c->kind != POP3_NO_CURSOR && out_has_room(&s->out)) {
		UNSET struct reply r;

		if (c->next.v == s->listing.head->count) {
			c->kind = POP3_NO_CURSOR;
			pop3_put(s, SPAN_LIT(".\r\n"));
			return;
		}
		if (!pop3_server_is_deleted(s, c->next.v)) {
			r.n = 0;
			add_line(s, &r, c->kind, c->next);
			put_reply(s, &r);
		}
		c->next.v++;
	}
}

/* All messages: the ready text, or what is left of it line by line. */
static void say_all(struct pop3_server *s, enum pop3_cursor_kind kind,
		    struct span ready)
{
	pop3_say_totals(s);
	if (s->deleted_n > 0) {
		s->cursor = (struct pop3_cursor){ .kind = kind };
		pop3_cursor_run(s);
		return;
	}
	if (s->state != POP3_OVER && out_borrowed(&s->out, ready) != YB_OK)
		pop3_end(s, "out of memory");
	pop3_put(s, SPAN_LIT(".\r\n"));
}

static enum pop3_outcome say_one(struct pop3_server *s, struct span arg,
				 enum pop3_cursor_kind kind)
{
	UNSET struct reply r;
	drop_index at;

	if (!get_row(s, arg, &at))
		return POP3_ANSWERED;
	begin(&r);
	add_line(s, &r, kind, at);
	put_reply(s, &r);
	return POP3_ANSWERED;
}

enum pop3_outcome pop3_on_list(struct pop3_server *s, const struct pop3_args *a)
{
	if (a->n == 1)
		return say_one(s, a->v[0], POP3_CURSOR_LIST);
	say_all(s, POP3_CURSOR_LIST, s->listing.list);
	return POP3_ANSWERED;
}

enum pop3_outcome pop3_on_uidl(struct pop3_server *s, const struct pop3_args *a)
{
	if (a->n == 1)
		return say_one(s, a->v[0], POP3_CURSOR_UIDL);
	say_all(s, POP3_CURSOR_UIDL, s->listing.uidl);
	return POP3_ANSWERED;
}

/* ---- RETR and TOP ---- */

/*
 * RFC 6856 section 2.1: without UTF-8 mode "the server MUST either send the
 * client a surrogate message ... or fail the request". With `as-is` it gets
 * the message as it is, as everywhere: clients show such headers well, and a
 * refusal would hide mail from its owner. False, and answered, if refused.
 */
static bool may_read(struct pop3_server *s, drop_index at)
{
	if ((s->config.flags & POP3_UTF8_REFUSED) == 0 || s->utf8 ||
	    (row(s, at)->flags & WIRE_8BIT_HEADER) == 0)
		return true;
	s->counters.errors++;
	pop3_put(s, SPAN_LIT("-ERR [UTF8] "));
	pop3_put_text(s, POP3_SAY_NEEDS_UTF8);
	pop3_put(s, SPAN_LIT("\r\n"));
	return false;
}

static void raise_message(struct pop3_server *s, enum pop3_event_kind kind,
			  drop_index at, uint64_t lines)
{
	struct pop3_event *ev = pop3_raise(s, kind);

	ev->index = at.v;
	ev->lines = lines;
}

enum pop3_outcome pop3_on_retr(struct pop3_server *s, const struct pop3_args *a)
{
	drop_index at;

	if (get_row(s, a->v[0], &at) && may_read(s, at))
		raise_message(s, POP3_EV_RETR, at, 0);
	return POP3_ANSWERED;
}

enum pop3_outcome pop3_on_top(struct pop3_server *s, const struct pop3_args *a)
{
	drop_index at;
	uint64_t lines;

	/* RFC 1939 section 7: "a non-negative number of lines". */
	if (!num_parse(a->v[1], UINT64_MAX, &lines))
		return POP3_SYNTAX;
	if (!get_row(s, a->v[0], &at) || !may_read(s, at))
		return POP3_ANSWERED;
	raise_message(s, POP3_EV_TOP, at, lines);
	return POP3_ANSWERED;
}

static void begin_message(struct pop3_server *s)
{
	drop_index at = { s->event.index };
	uint64_t octets = listing_octets(row(s, at));
	UNSET struct reply r;

	if (s->event.kind == POP3_EV_TOP) {
		s->counters.top++;
		pop3_put(s, SPAN_LIT("+OK \r\n"));
		return;
	}
	s->counters.retr++;
	s->counters.retr_octets += octets;
	begin(&r);
	add_num(&r, octets);
	add(&r, pop3_text(s->language, POP3_SAY_OCTETS));
	add(&r, SPAN_LIT("\r\n"));
	put_reply(s, &r);
}

void pop3_server_answer_range(struct pop3_server *s, uint64_t offset,
			      uint64_t n, bool terminate)
{
	if (s->state == POP3_OVER)
		return;
	assert(s->event_state == POP3_ASKED &&
	       (s->event.kind == POP3_EV_RETR || s->event.kind == POP3_EV_TOP));
	begin_message(s);
	if (s->state != POP3_OVER && out_range(&s->out, offset, n) != YB_OK)
		pop3_end(s, "out of memory");
	if (terminate)
		pop3_put(s, SPAN_LIT(".\r\n"));
	if (s->state != POP3_OVER)
		pop3_settle(s);
}

void pop3_server_answer_error(struct pop3_server *s, enum yb_err err)
{
	if (s->state == POP3_OVER)
		return;
	assert(s->event_state == POP3_ASKED &&
	       (s->event.kind == POP3_EV_RETR || s->event.kind == POP3_EV_TOP));
	pop3_say_failure(s, err);
	if (s->state != POP3_OVER)
		pop3_settle(s);
}

/* ---- DELE and RSET ---- */

static size_t bitmap_size(const struct pop3_server *s)
{
	return ((size_t)s->listing.head->count + 63) / 64 * sizeof *s->deleted;
}

enum pop3_outcome pop3_on_dele(struct pop3_server *s, const struct pop3_args *a)
{
	drop_index at;

	if (!get_row(s, a->v[0], &at))
		return POP3_ANSWERED;
	if (s->may_not_delete) {
		pop3_say_err(s, POP3_SAY_NO_DELETE);
		return POP3_ANSWERED;
	}
	if (s->deleted == NULL)
		s->deleted = calloc(1, bitmap_size(s));
	if (s->deleted == NULL) {
		pop3_say_failure(s, YB_NOMEM);
		return POP3_ANSWERED;
	}
	s->deleted[at.v / 64] |= (uint64_t)1 << at.v % 64;
	s->deleted_n++;
	s->deleted_octets += listing_octets(row(s, at));
	s->counters.dele++;
	pop3_say_ok(s, POP3_SAY_DELETED);
	return POP3_ANSWERED;
}

enum pop3_outcome pop3_on_rset(struct pop3_server *s, const struct pop3_args *a)
{
	(void)a;
	if (s->deleted_n > 0)
		memset(s->deleted, 0, bitmap_size(s));
	s->deleted_n = 0;
	s->deleted_octets = 0;
	pop3_say_totals(s);
	return POP3_ANSWERED;
}
