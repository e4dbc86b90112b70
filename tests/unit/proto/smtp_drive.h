/*
 * A driver for the SMTP and LMTP engine with everything in memory: alice, bob
 * and postmaster at example.org take mail, carol's mailbox is full, others
 * there are unknown, and other domains are not ours.
 */
#ifndef TESTS_UNIT_PROTO_SMTP_DRIVE_H
#define TESTS_UNIT_PROTO_SMTP_DRIVE_H

#include "unit/unit.h"

#include "proto/smtp_server.h"

enum {
	SMTP_DRIVE_RCPTS_MAX = SMTP_RECIPIENTS_MAX,
	SMTP_DRIVE_MAX = 16 * 1024 * 1024,
};

struct smtp_drive {
	struct smtp_server *s;
	struct buf got;       /* what the client received */
	struct buf wire;      /* of the message that comes */
	struct buf kept;      /* wire form of the message kept last */
	struct buf sender;    /* of it */
	char kept_for[256];   /* its recipients, ", " between */
	uint64_t sent_a_time; /* octets the "socket" takes; 0: all */
	char rcpts[SMTP_DRIVE_RCPTS_MAX][64];
	size_t rcpts_n;
	/* What to answer with. */
	enum yb_err data_err, message_err, rcpt_err, xclient_err;
	char told[128]; /* by XCLIENT */
	/* Refuse once so many octets have come; 0: never. */
	size_t refuse_at;
	bool hold_answers;
	/* Is told of each message that was kept, unless NULL. */
	void (*on_kept)(const struct smtp_drive *d);
	/* What happened. */
	unsigned messages, aborts, datas, bodies;
	bool begun, starttls;
	enum smtp_event_kind last;
};

static inline void smtp_drive_init(struct smtp_drive *d, unsigned flags,
				   uint64_t size_max)
{
	struct smtp_server_config config = {
		.hostname = "mail.example.org",
		.flags = flags,
		.size_max = size_max,
		.idle_ms = 300000,
	};

	memset(d, 0, sizeof *d);
	buf_init(&d->got, SMTP_DRIVE_MAX);
	buf_init(&d->wire, SMTP_DRIVE_MAX);
	buf_init(&d->kept, SMTP_DRIVE_MAX);
	buf_init(&d->sender, SMTP_PATH_MAX);
	d->s = smtp_server_new(&config, 1000);
	assert_non_null(d->s);
}

static inline void smtp_drive_done(struct smtp_drive *d)
{
	smtp_server_free(&d->s);
	assert_null(d->s);
	smtp_server_free(&d->s);
	buf_done(&d->got);
	buf_done(&d->wire);
	buf_done(&d->kept);
	buf_done(&d->sender);
}

static inline bool smtp_drive_send(struct smtp_drive *d)
{
	struct out_queue *q = smtp_server_output(d->s);
	uint64_t left = d->sent_a_time == 0 ? UINT64_MAX : d->sent_a_time;
	struct out_piece piece;

	if (out_peek(q, &piece, 1) == 0)
		return false;
	assert_int_equal(piece.kind, OUT_BYTES);
	left = piece.n < left ? piece.n : left;
	assert_ok(buf_add(&d->got, span_of(piece.p, left)));
	out_sent(q, left);
	return true;
}

static inline enum yb_err smtp_drive_rcpt(struct smtp_drive *d,
					  struct span address)
{
	struct span local = address;

	local.n = span_find_last(address, '@');
	if (local.n < address.n &&
	    !span_eq_nocase(span_skip(address, local.n + 1),
			    SPAN_LIT("example.org")))
		return YB_DENIED;
	if (span_eq_nocase(local, SPAN_LIT("carol")))
		return YB_QUOTA;
	if (!span_eq_nocase(local, SPAN_LIT("alice")) &&
	    !span_eq_nocase(local, SPAN_LIT("bob")) &&
	    !span_eq_nocase(local, SPAN_LIT("postmaster")))
		return YB_NO_ACCOUNT;
	if (d->rcpt_err != YB_OK)
		return d->rcpt_err;
	assert_true(d->rcpts_n < SMTP_DRIVE_RCPTS_MAX);
	assert_true(span_to_str(address, d->rcpts[d->rcpts_n++], 64));
	return YB_OK;
}

static inline void smtp_drive_message(struct smtp_drive *d)
{
	enum yb_err errs[SMTP_DRIVE_RCPTS_MAX];

	assert_true(d->begun);
	d->begun = false;
	d->messages++;
	for (size_t i = 0; i < d->rcpts_n; i++)
		errs[i] = d->message_err;
	if (d->message_err == YB_OK) {
		buf_clear(&d->kept);
		buf_clear(&d->sender);
		assert_ok(buf_add(&d->kept, buf_span(&d->wire)));
		assert_ok(buf_add(&d->sender, smtp_server_sender(d->s)));
		d->kept_for[0] = 0;
		for (size_t i = 0; i < d->rcpts_n && i < 3; i++) {
			size_t n = strlen(d->kept_for);

			(void)snprintf(d->kept_for + n, sizeof d->kept_for - n,
				       "%s%s", i > 0 ? ", " : "", d->rcpts[i]);
		}
		if (d->on_kept != NULL)
			d->on_kept(d);
	}
	smtp_server_message_done(d->s, errs, d->rcpts_n);
}

static inline void smtp_drive_answer(struct smtp_drive *d,
				     const struct smtp_event *ev)
{
	switch (ev->kind) {
	case SMTP_EV_STARTTLS:
		d->starttls = true;
		break;
	case SMTP_EV_RCPT:
		assert_true(smtp_server_accepted(d->s) <= d->rcpts_n);
		d->rcpts_n = smtp_server_accepted(d->s);
		smtp_server_rcpt_done(d->s, smtp_drive_rcpt(d, ev->address));
		break;
	case SMTP_EV_XCLIENT:
		(void)snprintf(d->told, sizeof d->told, "%.*s port %u",
			       (int)ev->address.n, (const char *)ev->address.p,
			       ev->port);
		smtp_server_xclient_done(d->s, d->xclient_err);
		break;
	case SMTP_EV_DATA:
		assert_false(d->begun);
		d->datas++;
		d->begun = d->data_err == YB_OK;
		buf_clear(&d->wire);
		assert_true(smtp_server_accepted(d->s) <= d->rcpts_n);
		d->rcpts_n = smtp_server_accepted(d->s);
		smtp_server_data_ready(d->s, d->data_err);
		break;
	case SMTP_EV_BODY:
		assert_true(d->begun);
		d->bodies++;
		assert_ok(buf_add(&d->wire, ev->body));
		if (d->refuse_at == 0 || d->wire.n < d->refuse_at)
			break;
		smtp_server_refuse(d->s, YB_FULL);
		d->begun = false;
		break;
	case SMTP_EV_MESSAGE:
		assert_int_equal(smtp_server_accepted(d->s), d->rcpts_n);
		smtp_drive_message(d);
		break;
	case SMTP_EV_ABORT:
		assert_true(d->begun);
		d->begun = false;
		d->aborts++;
		break;
	}
}

/* Feeds, answers and sends until nothing moves; octets not eaten. */
static inline size_t smtp_drive_feed(struct smtp_drive *d, struct span in)
{
	bool moved = true;

	while (moved) {
		size_t n = smtp_server_feed(d->s, in);
		struct smtp_event ev;

		moved = n > 0;
		in = span_skip(in, n);
		while (smtp_server_poll(d->s, &ev)) {
			d->last = ev.kind;
			moved = true;
			if (!d->hold_answers)
				smtp_drive_answer(d, &ev);
		}
		while (smtp_drive_send(d))
			moved = true;
	}
	return in.n;
}

static inline void smtp_drive_tls(struct smtp_drive *d)
{
	assert_true(d->starttls);
	d->starttls = false;
	smtp_server_tls_started(d->s);
}

#endif
