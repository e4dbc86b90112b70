/*
 * A driver for the POP3 engine, as the server has one, with everything in
 * memory: account alice@example.org with the password "secret", one maildrop.
 */
#ifndef TESTS_UNIT_PROTO_POP3_DRIVE_H
#define TESTS_UNIT_PROTO_POP3_DRIVE_H

#include "unit/unit.h"

#include "proto/pop3_server.h"
#include "sasl/server.h"
#include "unit/proto/maildrop.h"

struct pop3_drive {
	struct pop3_server *s;
	const struct maildrop *drop;
	struct buf got;       /* what the client received */
	uint64_t sent_a_time; /* octets the "socket" takes; 0: all */
	struct sasl_server sasl;
	bool sasl_on;
	/* What to answer with. */
	enum yb_err login_err, retr_err, quit_err;
	bool hold_answers; /* leave events unanswered */
	/* What happened. */
	unsigned events, cancels, commits;
	uint64_t deleted; /* messages of the commit, a bit each */
	bool starttls;
	struct pop3_event last;
};

static inline struct pop3_server_config pop3_drive_config(unsigned flags)
{
	return (struct pop3_server_config){
		.hostname = "mail.example.org",
		.help_url = "",
		.sasl = "SCRAM-SHA-256 PLAIN LOGIN",
		.sasl_tls = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN",
		.flags = flags,
		.idle_ms = 600000,
		.login_ms = 60000,
	};
}

static inline void pop3_drive_begin(struct pop3_drive *d,
				    const struct maildrop *drop,
				    const struct pop3_server_config *config)
{
	*d = (struct pop3_drive){ .drop = drop };
	buf_init(&d->got, MAILDROP_LOG_MAX);
	d->s = pop3_server_new(config, 1000);
	assert_non_null(d->s);
}

static inline void pop3_drive_init(struct pop3_drive *d,
				   const struct maildrop *drop, unsigned flags)
{
	struct pop3_server_config config = pop3_drive_config(flags);

	pop3_drive_begin(d, drop, &config);
}

/* At a listener for old programs: the timestamp of RFC 1939's example. */
static inline void pop3_drive_init_legacy(struct pop3_drive *d,
					  const struct maildrop *drop,
					  unsigned flags)
{
	struct pop3_server_config config = pop3_drive_config(flags);

	config.apop = "<1896.697170952@dbc.mtview.ca.us>";
	config.sasl = "PLAIN LOGIN SCRAM-SHA-1 CRAM-MD5";
	pop3_drive_begin(d, drop, &config);
}

/* Over TLS, where access tokens are taken. */
static inline void pop3_drive_init_tokens(struct pop3_drive *d,
					  const struct maildrop *drop)
{
	struct pop3_server_config config =
		pop3_drive_config(POP3_TLS_POSSIBLE | POP3_TLS_ACTIVE);

	config.sasl_tls = "OAUTHBEARER XOAUTH2 PLAIN LOGIN";
	pop3_drive_begin(d, drop, &config);
}

static inline void pop3_drive_done(struct pop3_drive *d)
{
	pop3_server_free(&d->s);
	assert_null(d->s);
	pop3_server_free(&d->s);
	buf_done(&d->got);
}

/* Lets the "socket" take octets once; whether it took any. */
static inline bool pop3_drive_send(struct pop3_drive *d)
{
	struct out_queue *q = pop3_server_output(d->s);
	uint64_t left = d->sent_a_time == 0 ? UINT64_MAX : d->sent_a_time;
	struct out_piece pieces[4];
	size_t n = out_peek(q, pieces, 4);
	uint64_t sent = 0;

	for (size_t i = 0; i < n && left > 0; i++) {
		const uint8_t *p = pieces[i].kind == OUT_RANGE
					   ? d->drop->log.p + pieces[i].offset
					   : pieces[i].p;
		uint64_t part = pieces[i].n < left ? pieces[i].n : left;

		assert_ok(buf_add(&d->got, span_of(p, part)));
		sent += part;
		left -= part;
	}
	out_sent(q, sent);
	return sent > 0;
}

static inline enum yb_err pop3_drive_check(struct span user,
					   struct span password)
{
	bool known = span_eq(user, SPAN_LIT("alice")) ||
		     span_eq(user, SPAN_LIT("alice@example.org"));

	return known && span_eq(password, SPAN_LIT("secret")) ? YB_OK
							      : YB_DENIED;
}

/* As auth answers: "alice" is alice's token. */
static inline void pop3_drive_token(struct pop3_drive *d,
				    enum sasl_outcome outcome,
				    struct sasl_result *r)
{
	char text[OAUTH_REFUSAL_MAX];

	if (outcome == SASL_TOKEN && span_eq(r->token, SPAN_LIT("alice")) &&
	    (r->user.n == 0 ||
	     pop3_drive_check(r->user, SPAN_LIT("secret")) == YB_OK)) {
		pop3_server_login_done(d->s, YB_OK, &d->drop->listing);
		return;
	}
	if (outcome == SASL_TOKEN) {
		oauth_put_refusal(
			d->sasl.mechanism == SASL_XOAUTH2 ? OAUTH_XOAUTH2
							  : OAUTH_BEARER,
			OAUTH_INVALID_TOKEN, SPAN_LIT("mail"), SPAN_NONE, text);
		r->challenge = span_str(text);
	}
	pop3_server_sasl_failed(d->s,
				outcome == SASL_TOKEN ? YB_DENIED : YB_SYNTAX,
				r->challenge);
}

static inline void pop3_drive_sasl(struct pop3_drive *d,
				   const struct pop3_event *ev)
{
	enum sasl_outcome outcome;
	enum sasl_mechanism m = SASL_PLAIN;
	struct sasl_result r = { .challenge = SPAN_NONE };
	enum yb_err err;

	if (ev->mechanism.n > 0) {
		assert_false(d->sasl_on);
		assert_true(sasl_mechanism_find(ev->mechanism, &m));
		outcome = sasl_server_start(&d->sasl, m,
					    &(struct sasl_channel){ 0 },
					    ev->response, ev->has_response, &r);
	} else {
		assert_true(d->sasl_on);
		outcome = sasl_server_step(&d->sasl, ev->response, &r);
	}
	d->sasl_on = outcome == SASL_CHALLENGE;
	if (d->sasl_on) {
		pop3_server_sasl_challenge(d->s, r.challenge);
		return;
	}
	if ((sasl_mechanism_flags(d->sasl.mechanism) & SASL_CARRIES_TOKEN) !=
	    0) {
		pop3_drive_token(d, outcome, &r);
		sasl_server_done(&d->sasl);
		return;
	}
	if (outcome == SASL_DIGEST) {
		bool fits = false;

		assert_ok(sasl_server_fits(&d->sasl, SPAN_LIT("tanstaaf"),
					   &fits));
		if (fits)
			r.password = SPAN_LIT("secret");
	}
	err = outcome == SASL_FAIL ? YB_SYNTAX
				   : pop3_drive_check(r.user, r.password);
	if (err == YB_OK)
		err = d->login_err;
	pop3_server_login_done(d->s, err, &d->drop->listing);
	sasl_server_done(&d->sasl);
}

static inline void pop3_drive_message(struct pop3_drive *d,
				      const struct pop3_event *ev)
{
	const struct listing_row *row = &d->drop->rows[ev->index];
	struct wire_top t;

	if (d->retr_err != YB_OK) {
		pop3_server_answer_error(d->s, d->retr_err);
	} else if (ev->kind == POP3_EV_RETR) {
		pop3_server_answer_range(d->s, row->offset, row->wire_size,
					 false);
	} else {
		struct span wire =
			span_of(d->drop->log.p + row->offset, row->wire_size);

		wire_top_init(&t, row->header_size, row->wire_size, ev->lines);
		while (!wire_top_is_done(&t))
			(void)wire_top_feed(&t, span_skip(wire, t.at));
		pop3_server_answer_range(d->s, row->offset, t.at, true);
	}
}

static inline void pop3_drive_quit(struct pop3_drive *d)
{
	d->commits++;
	if (d->quit_err == YB_OK)
		for (uint32_t i = 0; i < d->drop->count && i < 64; i++)
			if (pop3_server_is_deleted(d->s, i))
				d->deleted |= (uint64_t)1 << i;
	pop3_server_quit_done(d->s, d->quit_err);
}

/* Answers `ev`. STARTTLS is left to pop3_drive_tls(). */
static inline void pop3_drive_answer(struct pop3_drive *d,
				     const struct pop3_event *ev)
{
	enum yb_err err;

	switch (ev->kind) {
	case POP3_EV_LOGIN:
		err = pop3_drive_check(ev->user, ev->secret);
		pop3_server_login_done(d->s, err == YB_OK ? d->login_err : err,
				       &d->drop->listing);
		break;
	case POP3_EV_SASL:
		pop3_drive_sasl(d, ev);
		break;
	case POP3_EV_SASL_CANCEL:
		d->cancels++;
		d->sasl_on = false;
		break;
	case POP3_EV_STARTTLS:
		d->starttls = true;
		break;
	case POP3_EV_RETR:
	case POP3_EV_TOP:
		pop3_drive_message(d, ev);
		break;
	case POP3_EV_QUIT:
		pop3_drive_quit(d);
		break;
	}
}

/* Feeds, answers and sends until nothing moves; octets not eaten. */
static inline size_t pop3_drive_feed(struct pop3_drive *d, struct span in)
{
	bool moved = true;

	while (moved) {
		size_t n = pop3_server_feed(d->s, in);
		const struct pop3_event *ev;

		moved = n > 0;
		in = span_skip(in, n);
		while (pop3_server_poll(d->s, &ev)) {
			d->events++;
			d->last = *ev;
			moved = true;
			if (!d->hold_answers)
				pop3_drive_answer(d, ev);
		}
		while (pop3_drive_send(d))
			moved = true;
	}
	return in.n;
}

static inline void pop3_drive_tls(struct pop3_drive *d)
{
	assert_true(d->starttls);
	d->starttls = false;
	pop3_server_tls_started(d->s);
}

#endif
