#include "proto/dovecot_server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/codec.h"
#include "base/num.h"
#include "proto/line.h"
#include "sasl/server.h"

enum state {
	IDLE,       /* AUTH may come */
	RAISED,     /* an event waits to be polled, ... */
	ASKED,      /* ... to be answered */
	CHALLENGED, /* CONT has to come */
	OVER,
};

struct dovecot_server {
	enum state state;
	bool greeted; /* the client has said its VERSION */
	uint64_t id;  /* of the request that is worked on */
	struct dovecot_event event;
	struct buf response; /* of the event, decoded */
	struct buf words;    /* the event's mechanism and service */
	struct line_reader line;
	struct out_queue out;
	const char *sasl;
	const char *end_reason;
};

/* ---- saying ---- */

static void end(struct dovecot_server *s, const char *why)
{
	s->state = OVER;
	s->end_reason = why;
	buf_wipe(&s->response);
}

static void put(struct dovecot_server *s, struct span text)
{
	if (s->state != OVER && out_text(&s->out, text) != YB_OK)
		end(s, "out of memory");
}

static void put_str(struct dovecot_server *s, const char *text)
{
	put(s, span_str(text));
}

static void put_number(struct dovecot_server *s, uint64_t v)
{
	uint8_t text[NUM_U64_DIGITS];

	put(s, span_of(text, num_put(text, v)));
}

static void put_head(struct dovecot_server *s, const char *verb, uint64_t id)
{
	put_str(s, verb);
	put_str(s, "\t");
	put_number(s, id);
}

/* `reason` has no tab in it; NULL: none is given. */
static void fail(struct dovecot_server *s, uint64_t id, bool temp,
		 const char *reason)
{
	put_head(s, "FAIL", id);
	if (temp)
		put_str(s, "\ttemp");
	if (reason != NULL) {
		put_str(s, "\treason=");
		put_str(s, reason);
	}
	put_str(s, "\n");
}

/* By which mail systems choose: smtpd_sasl_security_options. */
static const char *mechanism_words(unsigned flags)
{
	if ((flags & SASL_SECRET_IN_CLEAR) != 0)
		return "\tplaintext\n";
	/* RFC 7628 section 3: the client alone is authenticated. */
	return (flags & SASL_CARRIES_TOKEN) != 0 ? "\n" : "\tmutual-auth\n";
}

static void greet(struct dovecot_server *s,
		  const struct dovecot_server_config *config)
{
	struct span rest = span_str(config->sasl);
	uint8_t cookie[2 * sizeof config->cookie];

	put_str(s, "VERSION\t1\t2\n");
	while (rest.n > 0) {
		struct span name = span_cut(&rest, ' ');
		enum sasl_mechanism m;

		if (!sasl_mechanism_find(name, &m))
			continue;
		put_str(s, "MECH\t");
		put(s, name);
		put_str(s, mechanism_words(sasl_mechanism_flags(m)));
	}
	hex_put(cookie, span_of(config->cookie, sizeof config->cookie));
	put_str(s, "SPID\t");
	put_number(s, config->pid);
	put_str(s, "\nCUID\t");
	put_number(s, config->number);
	put_str(s, "\nCOOKIE\t");
	put(s, span_of(cookie, sizeof cookie));
	put_str(s, "\nDONE\n");
}

/* ---- hearing ---- */

static bool read_id(struct span *rest, uint64_t *ret)
{
	return num_parse(span_cut(rest, '\t'), UINT32_MAX, ret);
}

static enum yb_err decode(struct dovecot_server *s, struct span text)
{
	size_t n;
	enum yb_err err;

	buf_wipe(&s->response);
	err = buf_reserve(&s->response, text.n / 4 * 3 + 3);
	if (err != YB_OK)
		return err;
	if (!base64_parse(text, s->response.p, &n)) {
		mem_wipe(s->response.p, s->response.cap);
		return YB_SYNTAX;
	}
	s->response.n = n;
	s->event.response = buf_span(&s->response);
	return YB_OK;
}

/* Words of AUTH behind the mechanism; "resp=" is the last, whatever it is. */
static enum yb_err read_words(struct dovecot_server *s, struct span rest)
{
	static const struct span service = SPAN_LIT("service=");
	static const struct span rip = SPAN_LIT("rip=");
	static const struct span resp = SPAN_LIT("resp=");

	while (rest.n > 0) {
		struct span word;

		if (span_starts(rest, resp)) {
			s->event.has_response = true;
			return decode(s, span_skip(rest, resp.n));
		}
		word = span_cut(&rest, '\t');
		if (span_starts(word, service))
			s->event.service = span_skip(word, service.n);
		else if (span_starts(word, rip))
			s->event.address = span_skip(word, rip.n);
		else if (span_eq(word, SPAN_LIT("secured")) ||
			 span_starts(word, SPAN_LIT("secured=")))
			s->event.secured = true;
	}
	return YB_OK;
}

static bool is_offered(const struct dovecot_server *s, struct span name)
{
	struct span rest = span_str(s->sasl);

	while (rest.n > 0)
		if (span_eq_nocase(span_cut(&rest, ' '), name))
			return true;
	return false;
}

/* The line is gone when the event is looked at: what it names is kept. */
static enum yb_err keep_words(struct dovecot_server *s)
{
	struct span *words[] = { &s->event.mechanism, &s->event.service,
				 &s->event.address };
	size_t at = 0;
	enum yb_err err = YB_OK;

	buf_clear(&s->words);
	for (size_t i = 0; i < ARRAY_LEN(words) && err == YB_OK; i++)
		err = buf_add(&s->words, *words[i]);
	if (err != YB_OK)
		return err;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		words[i]->p = s->words.p + at;
		at += words[i]->n;
	}
	return YB_OK;
}

static void on_auth(struct dovecot_server *s, struct span rest)
{
	uint64_t id;
	enum yb_err err;

	if (!read_id(&rest, &id)) {
		end(s, "AUTH without a number");
		return;
	}
	if (s->state != IDLE) {
		fail(s, id, true, "one login at a time");
		return;
	}
	s->id = id;
	s->event = (struct dovecot_event){ .kind = DOVECOT_EV_SASL };
	s->event.mechanism = span_cut(&rest, '\t');
	if (!is_offered(s, s->event.mechanism)) {
		fail(s, id, false, "Unsupported authentication mechanism");
		return;
	}
	err = read_words(s, rest);
	if (err == YB_OK)
		err = keep_words(s);
	if (err == YB_OK)
		s->state = RAISED;
	else
		fail(s, id, err != YB_SYNTAX, "Invalid base64 data");
}

static void on_cont(struct dovecot_server *s, struct span rest)
{
	enum yb_err err;
	uint64_t id;

	if (!read_id(&rest, &id) || s->state != CHALLENGED || id != s->id) {
		end(s, "CONT for nothing");
		return;
	}
	s->event = (struct dovecot_event){ .kind = DOVECOT_EV_SASL };
	err = decode(s, rest);
	if (err == YB_OK) {
		s->state = RAISED;
		return;
	}
	fail(s, id, err != YB_SYNTAX, "Invalid base64 data");
	s->event = (struct dovecot_event){ .kind = DOVECOT_EV_CANCEL };
	s->state = RAISED;
}

static void on_cancel(struct dovecot_server *s, struct span rest)
{
	uint64_t id;

	if (!read_id(&rest, &id)) {
		end(s, "CANCEL without a number");
	} else if (s->state == CHALLENGED && id == s->id) {
		s->event = (struct dovecot_event){ .kind = DOVECOT_EV_CANCEL };
		s->state = RAISED;
	}
}

static void on_version(struct dovecot_server *s, struct span rest)
{
	if (!span_eq(span_cut(&rest, '\t'), SPAN_LIT("1")))
		end(s, "another version of the protocol");
	s->greeted = true;
}

static void run_line(struct dovecot_server *s, struct span line)
{
	struct span rest = line, verb = span_cut(&rest, '\t');

	if (span_eq(verb, SPAN_LIT("VERSION")))
		on_version(s, rest);
	else if (!s->greeted)
		end(s, "no VERSION");
	else if (span_eq(verb, SPAN_LIT("AUTH")))
		on_auth(s, rest);
	else if (span_eq(verb, SPAN_LIT("CONT")))
		on_cont(s, rest);
	else if (span_eq(verb, SPAN_LIT("CANCEL")))
		on_cancel(s, rest);
	/* CPID, and what later versions say, is of no use here. */
}

static size_t eat_line(struct dovecot_server *s, struct span in)
{
	enum line_got got;
	struct span line;
	size_t n = line_take(&s->line, in, LINE_HOLD_MAX, &got, &line);

	switch (got) {
	case LINE_PART:
		break;
	case LINE_WHOLE:
		line.n--; /* its LF */
		run_line(s, line);
		line_done(&s->line);
		break;
	case LINE_TOO_LONG:
	case LINE_ENDLESS:
		end(s, "line too long");
		break;
	case LINE_NOMEM:
		end(s, "out of memory");
		break;
	}
	return n;
}

bool dovecot_server_is_hungry(const struct dovecot_server *s)
{
	return (s->state == IDLE || s->state == CHALLENGED) &&
	       out_has_room(&s->out);
}

size_t dovecot_server_feed(struct dovecot_server *s, struct span in)
{
	size_t eaten = 0;

	while (eaten < in.n && dovecot_server_is_hungry(s))
		eaten += eat_line(s, span_skip(in, eaten));
	return eaten;
}

/* ---- events ---- */

bool dovecot_server_poll(struct dovecot_server *s, struct dovecot_event *ret)
{
	if (s->state != RAISED)
		return false;
	*ret = s->event;
	s->state = s->event.kind == DOVECOT_EV_CANCEL ? IDLE : ASKED;
	return true;
}

void dovecot_server_challenge(struct dovecot_server *s, struct span challenge)
{
	uint8_t text[LINE_HOLD_MAX];

	if (s->state == OVER)
		return;
	assert(s->state == ASKED && base64_len(challenge.n) <= sizeof text);
	put_head(s, "CONT", s->id);
	put_str(s, "\t");
	put(s, span_of(text, base64_put(text, challenge)));
	put_str(s, "\n");
	buf_wipe(&s->response);
	if (s->state != OVER)
		s->state = CHALLENGED;
}

void dovecot_server_done(struct dovecot_server *s, enum yb_err err,
			 struct span user)
{
	if (s->state == OVER)
		return;
	assert(s->state == ASKED);
	s->state = IDLE;
	if (err == YB_OK) {
		put_head(s, "OK", s->id);
		put_str(s, "\tuser=");
		put(s, user);
		put_str(s, "\n");
	} else {
		/* Threat 8: one answer for all that is denied. */
		fail(s, s->id, err_is_temp(err),
		     err_is_temp(err) ? err_text(err) : NULL);
	}
	buf_wipe(&s->response); /* `user` may be part of it */
}

/* ---- life ---- */

struct dovecot_server *
dovecot_server_new(const struct dovecot_server_config *config)
{
	struct dovecot_server *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->sasl = config->sasl;
	out_init(&s->out);
	line_init(&s->line);
	buf_init(&s->response, LINE_HOLD_MAX);
	buf_init(&s->words, LINE_HOLD_MAX);
	greet(s, config);
	if (s->state == OVER)
		dovecot_server_free(&s);
	return s;
}

void dovecot_server_free(struct dovecot_server **s)
{
	if (*s == NULL)
		return;
	buf_wipe(&(*s)->response);
	buf_done(&(*s)->response);
	buf_done(&(*s)->words);
	line_free(&(*s)->line);
	out_done(&(*s)->out);
	free(*s);
	*s = NULL;
}

struct out_queue *dovecot_server_output(struct dovecot_server *s)
{
	return &s->out;
}

const char *dovecot_server_end_reason(const struct dovecot_server *s)
{
	return s->state == OVER ? s->end_reason : NULL;
}
