/*
 * Lines, the command table, and the life of a session.
 *
 * Octets in commands (threat 18), one rule each: in SMTP a line ends with
 * CRLF; one that ends with a bare LF is refused and not run. LMTP, which only
 * talks to neighbours, takes the LF. A CR anywhere else is refused. NUL ends
 * the session. 8-bit octets are part of no valid argument.
 */
#include "proto/smtp_server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "proto/smtp_commands.h"
#include "proto/smtp_private.h"

/* ---- states ---- */

static const unsigned may_follow[] = {
	[SMTP_START] = 1u << SMTP_START | 1u << SMTP_READY | 1u << SMTP_DROP |
		       1u << SMTP_TLS | 1u << SMTP_OVER,
	[SMTP_READY] = 1u << SMTP_START | 1u << SMTP_READY | 1u << SMTP_MAIL |
		       1u << SMTP_DROP | 1u << SMTP_TLS | 1u << SMTP_OVER,
	[SMTP_MAIL] = 1u << SMTP_READY | 1u << SMTP_DATA | 1u << SMTP_CHUNK |
		      1u << SMTP_DROP | 1u << SMTP_TLS | 1u << SMTP_OVER,
	[SMTP_DATA] = 1u << SMTP_READY | 1u << SMTP_REPLIES | 1u << SMTP_OVER,
	[SMTP_CHUNK] = 1u << SMTP_READY | 1u << SMTP_MAIL | 1u << SMTP_REPLIES |
		       1u << SMTP_OVER,
	[SMTP_DROP] = 1u << SMTP_START | 1u << SMTP_READY | 1u << SMTP_MAIL |
		      1u << SMTP_OVER,
	[SMTP_SILENT] = 1u << SMTP_START | 1u << SMTP_OVER,
	[SMTP_REPLIES] = 1u << SMTP_READY | 1u << SMTP_OVER,
	[SMTP_TLS] = 1u << SMTP_START | 1u << SMTP_OVER,
	[SMTP_OVER] = 1u << SMTP_OVER,
};

void smtp_enter(struct smtp_server *s, enum smtp_state next)
{
	assert((may_follow[s->state] & 1u << next) != 0);
	s->state = next;
}

void smtp_reset(struct smtp_server *s)
{
	/* Or its end is on its way, and the driver has not heard of it. */
	bool begun = s->begun || (s->event_state == SMTP_RAISED &&
				  s->event.kind == SMTP_EV_ABORT);

	s->sender_n = s->rcpt_n = 0;
	buf_clear(&s->outcomes);
	s->replied = 0;
	s->wire_n = 0;
	s->refused = YB_OK;
	s->begun = s->ended = s->chunked = s->utf8 = false;
	smtp_settle(s);
	if (s->state == SMTP_MAIL || s->state == SMTP_DATA ||
	    s->state == SMTP_CHUNK || s->state == SMTP_REPLIES)
		smtp_enter(s, SMTP_READY);
	if (begun)
		smtp_raise(s, (struct smtp_event){ .kind = SMTP_EV_ABORT });
}

void smtp_end(struct smtp_server *s, const char *reason)
{
	if (s->state == SMTP_OVER)
		return;
	smtp_reset(s);
	smtp_enter(s, SMTP_OVER);
	s->end_reason = reason;
}

void smtp_raise(struct smtp_server *s, struct smtp_event event)
{
	assert(s->event_state == SMTP_NO_EVENT);
	s->event = event;
	s->event_state = SMTP_RAISED;
}

void smtp_settle(struct smtp_server *s)
{
	s->event_state = SMTP_NO_EVENT;
	s->event = (struct smtp_event){ 0 };
}

/* ---- replies ---- */

void smtp_put(struct smtp_server *s, struct span text)
{
	/* Half a reply must not be followed by another one. */
	if (s->state != SMTP_OVER && out_text(&s->out, text) != YB_OK)
		smtp_end(s, "out of memory");
}

void smtp_say(struct smtp_server *s, const char *line)
{
	if (line[0] >= '4')
		s->counters.errors++;
	smtp_put(s, span_str(line));
	smtp_put(s, SPAN_LIT("\r\n"));
}

const char *smtp_reply_of(enum yb_err err)
{
	switch (err) {
	case YB_OK:
		return "250 2.0.0 accepted";
	case YB_QUOTA:
		return "452 4.2.2 mailbox is full";
	/* RFC 3463 section 3.3, X.2.2: no later try will find room. */
	case YB_OVER_QUOTA:
		return "552 5.2.2 message is larger than the mailbox may be";
	case YB_FULL:
		return "452 4.3.1 no space here at present";
	/* RFC 5321 section 4.5.3.1.10: "the response code 452 ... The client
	 * ... can ... send it again later". */
	case YB_TOO_MANY:
		return "452 4.5.3 too many recipients";
	case YB_OVERLOAD:
		return "451 4.3.2 too much to do at present";
	case YB_TOO_BIG:
		return "552 5.3.4 message is too large";
	case YB_LOOP:
		return "554 5.4.6 too many hops: this mail goes in circles";
	case YB_BARE_LINE_END:
		return "550 5.6.0 message contains a bare CR or LF";
	case YB_NO_ACCOUNT:
	case YB_NO_MAILBOX:
	case YB_NOT_FOUND:
		return "550 5.1.1 no such mailbox here";
	case YB_DENIED:
	case YB_ACCESS:
		return "550 5.7.1 relaying denied";
	default:
		break;
	}
	/* Damage is ours to repair, and the mail can wait for it. */
	if (err_class(err) == YB_CLASS_PERM)
		return "554 5.3.0 not possible here";
	return "451 4.3.0 not possible at present";
}

/* ---- the table ---- */

struct command {
	struct span verb;
	unsigned flags;
	enum smtp_outcome (*handle)(struct smtp_server *s, struct span arg);
};

/* clang-format off */
static const struct command commands[] = {
#define X(verb, flags, handler, help) \
	{ { (const uint8_t *)#verb, sizeof(#verb) - 1 }, flags, handler },
	SMTP_COMMANDS(X)
#undef X
};
/* clang-format on */

static const struct command *command_find(const struct smtp_server *s,
					  struct span word)
{
	unsigned who = smtp_is_lmtp(s) ? SMTP_IN_LMTP : SMTP_IN_SMTP;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if ((commands[i].flags & who) != 0 &&
		    span_eq_nocase(commands[i].verb, word))
			return &commands[i];
	return NULL;
}

/* Too many bad commands in a row end the session. */
static void count_bad(struct smtp_server *s)
{
	if (++s->bad_commands < SMTP_BAD_COMMANDS_MAX)
		return;
	smtp_say(s, "421 4.7.0 too many errors");
	smtp_end(s, "too many bad commands");
}

static void bad_command(struct smtp_server *s, const char *line)
{
	smtp_say(s, line);
	count_bad(s);
}

static void run_command(struct smtp_server *s, struct span line)
{
	size_t at = span_find(line, ' ');
	const struct command *c = command_find(s, span_head(line, at));
	/* RFC 5321 4.1.1: trailing spaces SHOULD be tolerated. */
	struct span arg = span_trim(span_skip(line, at));

	s->verbs[c != NULL ? c - commands : SMTP_VERB_OTHER]++;
	if (c == NULL) {
		bad_command(s, "500 5.5.1 unknown command");
	} else if ((c->flags & SMTP_AFTER_HELLO) != 0 &&
		   s->state == SMTP_START) {
		bad_command(s, smtp_is_lmtp(s) ? "503 5.5.1 send LHLO first"
					       : "503 5.5.1 send EHLO first");
	} else if ((c->flags & SMTP_NEEDS_ARG) != 0 && arg.n == 0) {
		bad_command(s, "501 5.5.4 an argument is needed");
	} else if ((c->flags & SMTP_NO_ARG) != 0 && arg.n > 0) {
		bad_command(s, "501 5.5.4 takes no argument");
	} else if (c->handle(s, arg) == SMTP_BAD) {
		count_bad(s);
	} else {
		s->bad_commands = 0;
	}
}

/* ---- lines ---- */

static void run_line(struct smtp_server *s, struct span line)
{
	bool first = s->counters.commands++ == 0;
	bool bare_lf = line.n < 2 || line.p[line.n - 2] != '\r';

	s->active_ms = s->now_ms;
	line.n -= bare_lf ? 1 : 2;
	if (span_find(line, 0) != line.n) {
		smtp_say(s, "500 5.5.2 NUL in a command");
		smtp_end(s, "NUL in a command");
	} else if (first && line_is_http(line)) {
		smtp_say(s, "500 5.5.2 this is SMTP");
		smtp_end(s, "spoke HTTP");
	} else if (span_find(line, '\r') != line.n ||
		   (bare_lf && !smtp_is_lmtp(s))) {
		bad_command(s, "500 5.5.2 lines end with CRLF");
	} else {
		run_command(s, line);
	}
}

static size_t eat_line(struct smtp_server *s, struct span in)
{
	enum line_got got;
	struct span line;
	size_t n = line_take(&s->line, in, SMTP_LINE_MAX, &got, &line);

	s->behind = in.n - n;
	switch (got) {
	case LINE_PART:
		break;
	case LINE_WHOLE:
		run_line(s, line);
		line_done(&s->line);
		break;
	case LINE_TOO_LONG:
		s->counters.commands++;
		bad_command(s, "500 5.5.2 line too long");
		break;
	case LINE_ENDLESS:
		smtp_end(s, "endless line");
		break;
	case LINE_NOMEM:
		smtp_end(s, "out of memory");
		break;
	}
	return n;
}

static bool may_eat(const struct smtp_server *s)
{
	return s->event_state == SMTP_NO_EVENT && s->state <= SMTP_DROP &&
	       !s->ended && out_has_room(&s->out);
}

/* Whether what comes is no command. */
static bool is_in_data(const struct smtp_server *s)
{
	return s->state == SMTP_DATA || s->state == SMTP_CHUNK ||
	       s->state == SMTP_DROP;
}

static size_t eat(struct smtp_server *s, struct span in)
{
	size_t n;

	if (!is_in_data(s))
		return eat_line(s, in);
	n = s->state == SMTP_DATA ? smtp_data_eat(s, in) : smtp_bdat_eat(s, in);
	s->data_n += n;
	return n;
}

/* Threat 37 */
static void refuse_early(struct smtp_server *s)
{
	smtp_say(s, "554 5.5.1 wait for our greeting");
	smtp_end(s, "spoke before the greeting");
}

size_t smtp_server_feed(struct smtp_server *s, struct span in)
{
	size_t eaten = 0;

	if (s->state == SMTP_TLS && in.n > 0)
		smtp_end(s, "octets behind STARTTLS");
	if (s->state == SMTP_SILENT && in.n > 0)
		refuse_early(s);
	smtp_data_run(s);
	while (eaten < in.n && may_eat(s)) {
		eaten += eat(s, span_skip(in, eaten));
		smtp_data_run(s);
	}
	return eaten;
}

/* ---- life ---- */

void smtp_greet(struct smtp_server *s)
{
	smtp_put(s, SPAN_LIT("220 "));
	smtp_put(s, span_str(s->config.hostname));
	smtp_put(s, smtp_is_lmtp(s) ? SPAN_LIT(" LMTP ready\r\n")
				    : SPAN_LIT(" ESMTP ready\r\n"));
}

struct smtp_server *smtp_server_new(const struct smtp_server_config *config,
				    uint64_t now_ms)
{
	struct smtp_server *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->config = *config;
	s->now_ms = s->active_ms = now_ms;
	out_init(&s->out);
	line_init(&s->line);
	buf_init(&s->outcomes, SMTP_RECIPIENTS_MAX);
	if ((config->flags & SMTP_SPOKE_EARLY) != 0)
		refuse_early(s);
	else if (config->greeting_ms > 0)
		s->state = SMTP_SILENT;
	else
		smtp_greet(s);
	if (out_is_empty(&s->out) && s->state == SMTP_OVER)
		smtp_server_free(&s);
	return s;
}

void smtp_server_free(struct smtp_server **s)
{
	if (*s == NULL)
		return;
	line_free(&(*s)->line);
	buf_done(&(*s)->outcomes);
	out_done(&(*s)->out);
	free(*s);
	*s = NULL;
}

bool smtp_server_poll(struct smtp_server *s, struct smtp_event *ret)
{
	smtp_data_run(s);
	if (s->event_state != SMTP_RAISED)
		return false;
	*ret = s->event;
	s->event_state = SMTP_ASKED;
	if (s->event.kind == SMTP_EV_BODY || s->event.kind == SMTP_EV_ABORT)
		smtp_settle(s);
	return true;
}

uint64_t smtp_server_deadline(const struct smtp_server *s)
{
	uint64_t idle, slow;

	/* While we keep the client waiting, its time does not run. */
	if (s->state == SMTP_OVER || s->event_state == SMTP_ASKED)
		return UINT64_MAX;
	if (s->state == SMTP_SILENT)
		return s->active_ms + s->config.greeting_ms;
	idle = s->active_ms + s->config.idle_ms;
	slow = s->data_ms + SMTP_DATA_MS + s->data_n * 1000 / SMTP_DATA_RATE;
	return is_in_data(s) && slow < idle ? slow : idle;
}

void smtp_server_tick(struct smtp_server *s, uint64_t now_ms, bool active)
{
	s->now_ms = now_ms;
	/* A command counts once it is whole: octets that drip do not. */
	if (active && (is_in_data(s) || s->state == SMTP_REPLIES))
		s->active_ms = now_ms;
	if (now_ms < smtp_server_deadline(s))
		return;
	if (s->state == SMTP_SILENT) {
		smtp_enter(s, SMTP_START);
		s->active_ms = now_ms;
		smtp_greet(s);
		return;
	}
	/* RFC 5321 section 3.8: 421 before a close of our own. */
	if (s->state != SMTP_TLS)
		smtp_say(s, "421 4.4.2 idle for too long");
	smtp_end(s, "idle");
}

void smtp_server_shutdown(struct smtp_server *s, const char *text)
{
	if (s->state == SMTP_OVER)
		return;
	/* A message on its way to the disk gets its answer. */
	if (s->state == SMTP_REPLIES || (s->event_state == SMTP_ASKED &&
					 s->event.kind == SMTP_EV_MESSAGE)) {
		s->shutdown_text = text;
		return;
	}
	if (s->state != SMTP_TLS)
		smtp_say(s, text);
	smtp_end(s, "shutdown");
}

struct span smtp_server_helo(const struct smtp_server *s)
{
	return span_of(s->helo, s->helo_n);
}

struct span smtp_server_sender(const struct smtp_server *s)
{
	return span_of(s->sender, s->sender_n);
}

size_t smtp_server_accepted(const struct smtp_server *s)
{
	return s->outcomes.n;
}

const char *smtp_server_with(const struct smtp_server *s)
{
	bool tls = (s->config.flags & SMTP_TLS_ACTIVE) != 0;

	/* RFC 6531 section 4.3: the protocol types of SMTPUTF8. */
	if (s->utf8 && smtp_is_lmtp(s))
		return tls ? "UTF8LMTPS" : "UTF8LMTP";
	if (s->utf8)
		return tls ? "UTF8SMTPS" : "UTF8SMTP";
	if (smtp_is_lmtp(s))
		return tls ? "LMTPS" : "LMTP";
	if (!s->esmtp)
		return "SMTP";
	return tls ? "ESMTPS" : "ESMTP";
}

struct out_queue *smtp_server_output(struct smtp_server *s)
{
	return &s->out;
}

bool smtp_server_is_over(const struct smtp_server *s)
{
	return s->state == SMTP_OVER;
}

const char *smtp_server_end_reason(const struct smtp_server *s)
{
	return s->end_reason == NULL ? "" : s->end_reason;
}

bool smtp_server_in_message(const struct smtp_server *s)
{
	return s->state == SMTP_DATA || s->state == SMTP_CHUNK ||
	       s->state == SMTP_DROP;
}

const char *smtp_server_doing(const struct smtp_server *s)
{
	switch (s->state) {
	case SMTP_SILENT:
		return "greeting";
	case SMTP_START:
		return "hello";
	case SMTP_READY:
		return "ready";
	case SMTP_MAIL:
		return "envelope";
	case SMTP_DATA:
	case SMTP_CHUNK:
	case SMTP_DROP:
		return "message";
	case SMTP_REPLIES:
		return "replies";
	case SMTP_TLS:
		return "tls";
	case SMTP_OVER:
		break;
	}
	return "end";
}

const struct smtp_server_counters *
smtp_server_counters(const struct smtp_server *s)
{
	return &s->counters;
}

void smtp_server_take_verbs(struct smtp_server *s, uint32_t ret[SMTP_VERBS])
{
	memcpy(ret, s->verbs, sizeof s->verbs);
	memset(s->verbs, 0, sizeof s->verbs);
}

void smtp_server_release(struct smtp_server *s)
{
	line_release(&s->line);
	if (s->state < SMTP_MAIL)
		buf_done(&s->outcomes);
	out_release(&s->out);
}
