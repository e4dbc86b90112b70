/*
 * XCLIENT, as Postfix documents it (XCLIENT_README): a neighbour that is
 * allowed to says for whom it speaks, and the session begins anew. All
 * attributes are checked to the letter; of use are ADDR and PORT, which the
 * driver takes over, HELO and PROTO.
 */
#include "proto/smtp_server.h"

#include <assert.h>

#include "base/cleanup.h"
#include "base/codec.h"
#include "base/num.h"
#include "proto/smtp_private.h"

/* "Attribute values must not be longer than 255 characters", of Postfix. */
enum { VALUE_MAX = 255 };

/* What is told; views into one line's decoded values. */
struct told {
	struct span addr, helo;
	uint64_t port;
	bool smtp; /* PROTO=SMTP: no extensions */
};

static bool get_text(struct told *t, struct span value)
{
	(void)t, (void)value; /* the caller saw that it is printable */
	return true;
}

static bool get_addr(struct told *t, struct span value)
{
	t->addr = value;
	return true; /* the driver reads it */
}

static bool get_port(struct told *t, struct span value)
{
	return num_parse(value, UINT16_MAX, &t->port);
}

static bool get_helo(struct told *t, struct span value)
{
	t->helo = value;
	return smtp_is_helo(value);
}

static bool get_proto(struct told *t, struct span value)
{
	t->smtp = span_eq_nocase(value, SPAN_LIT("SMTP"));
	return t->smtp || span_eq_nocase(value, SPAN_LIT("ESMTP"));
}

static bool get_dest_port(struct told *t, struct span value)
{
	uint64_t ignored;

	(void)t;
	return num_parse(value, UINT16_MAX, &ignored);
}

static const struct {
	const char *name;
	bool (*get)(struct told *t, struct span value);
} attributes[] = {
	{ "NAME", get_text },     { "ADDR", get_addr },
	{ "PORT", get_port },     { "PROTO", get_proto },
	{ "HELO", get_helo },     { "LOGIN", get_text },
	{ "DESTADDR", get_text }, { "DESTPORT", get_dest_port },
};

/* Threat 40: nothing that would break a line of a log or of a header. */
static bool is_printable(struct span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < 0x20 || value.p[i] > 0x7e)
			return false;
	return value.n > 0;
}

/* One "NAME=value", decoded into `text`; `text` moves on behind it. */
static bool get_attribute(struct told *t, struct span word, uint8_t **text)
{
	struct span value = word;
	struct span name = span_cut(&value, '=');
	size_t n;

	if (value.n > VALUE_MAX || !xtext_parse(value, *text, &n))
		return false;
	value = span_of(*text, n);
	*text += n;
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		if (!span_eq_nocase(name, span_str(attributes[i].name)))
			continue;
		/* Nobody knows: what we see ourselves stands. */
		if (span_eq_nocase(value, SPAN_LIT("[UNAVAILABLE]")) ||
		    span_eq_nocase(value, SPAN_LIT("[TEMPUNAVAIL]")))
			return true;
		return is_printable(value) && attributes[i].get(t, value);
	}
	return false;
}

static bool get_attributes(struct told *t, struct span arg, uint8_t *text)
{
	bool good = true;

	while (good && arg.n > 0) {
		good = get_attribute(t, span_cut(&arg, ' '), &text);
		arg = span_trim(arg);
	}
	return good;
}

enum smtp_outcome smtp_on_xclient(struct smtp_server *s, struct span arg)
{
	uint8_t text[SMTP_LINE_MAX];
	struct told t = { .port = 0 };

	if ((s->config.flags & SMTP_XCLIENT_ALLOWED) == 0) {
		smtp_say(s, "550 5.7.0 XCLIENT is not for you");
		return SMTP_BAD;
	}
	if (s->state != SMTP_START && s->state != SMTP_READY) {
		smtp_say(s, "503 5.5.1 a transaction is open");
		return SMTP_BAD;
	}
	if (!get_attributes(&t, arg, text) || t.addr.n > sizeof s->rcpt ||
	    t.helo.n > sizeof s->sender) {
		smtp_say(s, "501 5.5.4 wrong attribute");
		return SMTP_BAD;
	}
	/* No transaction is open: its buffers keep what is told until the
	 * driver agrees. */
	if (t.addr.n > 0)
		memcpy(s->rcpt, t.addr.p, t.addr.n);
	if (t.helo.n > 0)
		memcpy(s->sender, t.helo.p, t.helo.n);
	s->told_helo_n = t.helo.n;
	s->told_smtp = t.smtp;
	smtp_raise(s,
		   (struct smtp_event){ .kind = SMTP_EV_XCLIENT,
					.address = span_of(s->rcpt, t.addr.n),
					.port = (uint16_t)t.port });
	return SMTP_ANSWERED;
}

void smtp_server_xclient_done(struct smtp_server *s, enum yb_err err)
{
	if (s->state == SMTP_OVER)
		return;
	assert(s->event_state == SMTP_ASKED &&
	       s->event.kind == SMTP_EV_XCLIENT);
	smtp_settle(s);
	if (err == YB_INVALID) {
		smtp_say(s, "501 5.5.4 no such address");
		return;
	}
	if (err != YB_OK) {
		smtp_say(s, "421 4.7.0 too many connections, try again later");
		smtp_end(s, "too many connections of one address");
		return;
	}
	/* "the server resets state to the initial SMTP greeting" */
	memcpy(s->helo, s->sender, s->told_helo_n);
	s->helo_n = s->told_helo_n;
	s->esmtp = !s->told_smtp;
	s->bad_commands = s->refused_rcpts = 0;
	smtp_enter(s, SMTP_START);
	smtp_greet(s);
}
