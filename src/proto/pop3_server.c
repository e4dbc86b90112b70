/*
 * Lines, the command table, and the life of a session. A line is looked at
 * where the driver has it, and copied only if it comes in parts.
 *
 * Octets in commands (threat 18), one rule each: a line ends at LF, and a CR
 * before that LF belongs to the line end; telnet users and scripts send bare
 * LFs, and nothing is relayed to where it could mean something else. A CR
 * anywhere else gets -ERR. NUL ends the session. 8-bit octets are taken as
 * they are in names and passwords, and are wrong everywhere else.
 */
#include "proto/pop3_server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "proto/pop3_commands.h"
#include "proto/pop3_private.h"

/* ---- states ---- */

static const unsigned may_follow[] = {
	[POP3_AUTH] = 1u << POP3_AUTH | 1u << POP3_SASL | 1u << POP3_TLS |
		      1u << POP3_TRANS | 1u << POP3_OVER,
	[POP3_SASL] = 1u << POP3_AUTH | 1u << POP3_SASL | 1u << POP3_TRANS |
		      1u << POP3_OVER,
	[POP3_TLS] = 1u << POP3_AUTH | 1u << POP3_OVER,
	[POP3_TRANS] = 1u << POP3_UPDATE | 1u << POP3_OVER,
	[POP3_UPDATE] = 1u << POP3_OVER,
	[POP3_OVER] = 1u << POP3_OVER,
};

void pop3_enter(struct pop3_server *s, enum pop3_state next)
{
	assert((may_follow[s->state] & 1u << next) != 0);
	s->state = next;
}

void pop3_end(struct pop3_server *s, const char *reason)
{
	if (s->state == POP3_OVER)
		return;
	pop3_enter(s, POP3_OVER);
	s->end_reason = reason;
	s->cursor.kind = POP3_NO_CURSOR;
	pop3_settle(s);
	buf_wipe(&s->name);
}

struct pop3_event *pop3_raise(struct pop3_server *s, enum pop3_event_kind kind)
{
	assert(s->event_state == POP3_NO_EVENT);
	s->event.kind = kind; /* the rest is empty since the last one */
	s->event_state = POP3_RAISED;
	return &s->event;
}

void pop3_settle(struct pop3_server *s)
{
	s->event_state = POP3_NO_EVENT;
	s->event = (struct pop3_event){ 0 };
	buf_wipe(&s->secret);
}

bool pop3_may_login(const struct pop3_server *s)
{
	return (s->config.flags & (POP3_TLS_ACTIVE | POP3_LOGIN_IN_CLEAR)) != 0;
}

/* ---- replies ---- */

void pop3_put(struct pop3_server *s, struct span text)
{
	/* Half an answer must not be followed by another one. */
	if (s->state != POP3_OVER && out_text(&s->out, text) != YB_OK)
		pop3_end(s, "out of memory");
}

void pop3_put_text(struct pop3_server *s, enum pop3_text text)
{
	pop3_put(s, pop3_text(s->language, text));
}

static void say(struct pop3_server *s, struct span status, enum pop3_text text)
{
	pop3_put(s, status);
	pop3_put_text(s, text);
	pop3_put(s, SPAN_LIT("\r\n"));
}

void pop3_say_ok(struct pop3_server *s, enum pop3_text text)
{
	/* RFC 1957: clients exist that want a space behind the status. */
	say(s, SPAN_LIT("+OK "), text);
}

void pop3_say_err(struct pop3_server *s, enum pop3_text text)
{
	s->counters.errors++;
	say(s, SPAN_LIT("-ERR "), text);
}

void pop3_say_failure(struct pop3_server *s, enum yb_err err)
{
	s->counters.errors++;
	pop3_put(s, err_is_temp(err) ? SPAN_LIT("-ERR [SYS/TEMP] ")
				     : SPAN_LIT("-ERR [SYS/PERM] "));
	pop3_put(s, pop3_err_text(s->language, err));
	pop3_put(s, SPAN_LIT("\r\n"));
}

/* ---- commands without a file of their own ---- */

static enum pop3_outcome pop3_on_noop(struct pop3_server *s,
				      const struct pop3_args *a)
{
	(void)s, (void)a;
	return POP3_OK;
}

static enum pop3_outcome pop3_on_quit(struct pop3_server *s,
				      const struct pop3_args *a)
{
	(void)a;
	if (s->state == POP3_TRANS) {
		/* RFC 1939 section 6: the session "enters the UPDATE state". */
		pop3_enter(s, POP3_UPDATE);
		(void)pop3_raise(s, POP3_EV_QUIT);
		return POP3_ANSWERED;
	}
	pop3_say_ok(s, POP3_SAY_BYE);
	pop3_end(s, "quit");
	return POP3_ANSWERED;
}

/* ---- the table ---- */

enum {
	IN_AUTH = 1 << POP3_AUTH,
	IN_TRANS = 1 << POP3_TRANS,
	IN_ANY = IN_AUTH | IN_TRANS,
};

struct command {
	uint32_t verb; /* four upper-case letters, or three and NUL */
	uint8_t states;
	uint8_t min, max;
	uint8_t flags;
	enum pop3_outcome (*handle)(struct pop3_server *s,
				    const struct pop3_args *a);
};

#define VERB(text)                                        \
	((uint32_t)(text)[0] | (uint32_t)(text)[1] << 8 | \
	 (uint32_t)(text)[2] << 16 | (uint32_t)(text)[3] << 24)

/* clang-format off */
static const struct command commands[] = {
#define X(verb, in, min, max, flags, handler) \
	{ VERB(#verb), IN_##in, min, max, flags, handler },
	POP3_COMMANDS(X)
#undef X
};
/* clang-format on */

static const struct command *command_find(struct span word)
{
	uint32_t verb = 0;

	if (word.n < 3 || word.n > 4)
		return NULL;
	for (size_t i = 0; i < word.n; i++)
		verb |= (uint32_t)ascii_upper(word.p[i]) << 8 * i;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].verb == verb)
			return &commands[i];
	return NULL;
}

/*
 * Cuts arguments at single spaces, as RFC 1939 section 3 separates them. A
 * line of a verb and nothing but spaces has no arguments. False if there are
 * too many or too few, or one is empty.
 */
static bool cut_args(const struct command *c, struct span rest,
		     struct pop3_args *ret)
{
	ret->n = 0;
	if ((c->flags & POP3_REST) != 0) {
		ret->v[0] = rest;
		ret->n = rest.n > 0;
		return rest.n > 0;
	}
	if (span_trim(rest).n == 0)
		return c->min == 0;
	do {
		size_t at = span_find(rest, ' ');

		if (ret->n == c->max || at == 0)
			return false;
		ret->v[ret->n++] = span_head(rest, at);
		if (at == rest.n)
			return ret->n >= c->min;
		rest = span_skip(rest, at + 1);
	} while (rest.n > 0);
	return false; /* ends with a space */
}

/* Answers a bad command; too many of them before the login end it. */
static void bad_command(struct pop3_server *s, enum pop3_text text)
{
	pop3_say_err(s, text);
	if (++s->bad_commands >= POP3_BAD_COMMANDS_MAX && s->state == POP3_AUTH)
		pop3_end(s, "too many bad commands");
}

static bool is_known(const struct pop3_server *s, const struct command *c)
{
	return c != NULL &&
	       ((c->flags & POP3_NEEDS_STAMP) == 0 || s->config.apop != NULL);
}

/* Whether the table lets the command run now; if not, it is answered. */
static bool may_run(struct pop3_server *s, const struct command *c)
{
	if (!is_known(s, c))
		bad_command(s, POP3_SAY_UNKNOWN);
	else if ((c->states & 1u << s->state) == 0)
		bad_command(s, s->state == POP3_AUTH ? POP3_SAY_LOG_IN_FIRST
						     : POP3_SAY_LOGGED_IN);
	else if ((c->flags & POP3_NEEDS_TLS) != 0 && !pop3_may_login(s))
		/* Threat 14: said before the password has come. */
		bad_command(s, (s->config.flags & POP3_TLS_POSSIBLE) != 0
				       ? POP3_SAY_USE_STLS
				       : POP3_SAY_NO_LOGIN);
	else
		return true;
	return false;
}

static void run_command(struct pop3_server *s, struct span line)
{
	size_t at = span_find(line, ' ');
	const struct command *c = command_find(span_head(line, at));
	struct pop3_args args;

	s->verbs[c != NULL ? c - commands : POP3_VERB_OTHER]++;
	if (!may_run(s, c))
		return;
	if (!cut_args(c, span_skip(line, at + 1), &args)) {
		bad_command(s, POP3_SAY_ARGUMENTS);
		return;
	}
	switch (c->handle(s, &args)) {
	case POP3_OK:
		pop3_put(s, SPAN_LIT("+OK \r\n"));
		break;
	case POP3_SYNTAX:
		bad_command(s, POP3_SAY_ARGUMENTS);
		return;
	case POP3_ANSWERED:
		break;
	}
	s->bad_commands = 0;
}

/* ---- lines ---- */

/* Runs a line without its line end. */
static void run_line(struct pop3_server *s, struct span line)
{
	bool first = s->counters.commands++ == 0;

	s->active_ms = s->now_ms;
	if (span_find(line, 0) != line.n) {
		pop3_say_err(s, POP3_SAY_NUL);
		pop3_end(s, "NUL in a command");
	} else if (first && line_is_http(line)) {
		pop3_say_err(s, POP3_SAY_IS_POP3);
		pop3_end(s, "spoke HTTP");
	} else if (span_find(line, '\r') != line.n) {
		if (s->state == POP3_SASL)
			pop3_sasl_cancel(s, POP3_SAY_CR);
		else
			bad_command(s, POP3_SAY_CR);
	} else if (s->state == POP3_SASL) {
		pop3_sasl_line(s, line);
	} else {
		run_command(s, line);
	}
}

/*
 * RFC 5034 section 4 holds AUTH with an initial response to 255 octets too;
 * clients that log in with tokens do not, so it gets the larger limit.
 */
static size_t line_max(const struct pop3_server *s, struct span in)
{
	if (s->state == POP3_SASL ||
	    (s->state == POP3_AUTH && pop3_may_login(s) &&
	     line_starts(&s->line, in, SPAN_LIT("AUTH "))))
		return POP3_SASL_LINE_MAX;
	return POP3_LINE_MAX;
}

static struct span without_line_end(struct span line)
{
	line.n--;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static void overlong(struct pop3_server *s)
{
	s->counters.commands++;
	if (s->state == POP3_SASL)
		pop3_sasl_cancel(s, POP3_SAY_LONG);
	else
		bad_command(s, POP3_SAY_LONG);
}

/* Takes one line, or part of one; how many octets. */
static size_t eat_line(struct pop3_server *s, struct span in)
{
	enum line_got got;
	struct span line;
	size_t n = line_take(&s->line, in, line_max(s, in), &got, &line);

	s->behind = in.n - n;
	switch (got) {
	case LINE_PART:
		break;
	case LINE_WHOLE:
		run_line(s, without_line_end(line));
		line_done(&s->line);
		break;
	case LINE_TOO_LONG:
		overlong(s);
		break;
	case LINE_ENDLESS:
		pop3_end(s, "endless line");
		break;
	case LINE_NOMEM:
		pop3_end(s, "out of memory");
		break;
	}
	return n;
}

static bool may_eat(const struct pop3_server *s)
{
	return s->event_state == POP3_NO_EVENT &&
	       s->cursor.kind == POP3_NO_CURSOR && s->state <= POP3_TRANS &&
	       s->state != POP3_TLS && out_has_room(&s->out);
}

size_t pop3_server_feed(struct pop3_server *s, struct span in)
{
	size_t eaten = 0;

	/* Threat 1: whoever could write into the clear text before the
	 * handshake gets nothing of it run behind it. */
	if (s->state == POP3_TLS && in.n > 0)
		pop3_end(s, "octets behind STLS");
	pop3_cursor_run(s);
	while (eaten < in.n && may_eat(s))
		eaten += eat_line(s, span_skip(in, eaten));
	return eaten;
}

/* ---- life ---- */

static void greet(struct pop3_server *s)
{
	pop3_put(s, SPAN_LIT("+OK "));
	pop3_put(s, span_str(s->config.hostname));
	pop3_put(s, SPAN_LIT(" POP3 ready"));
	/* No other <...> in it: clients take any for an APOP challenge. */
	if (s->config.apop != NULL) {
		pop3_put(s, SPAN_LIT(" "));
		pop3_put(s, span_str(s->config.apop));
	}
	pop3_put(s, SPAN_LIT("\r\n"));
}

struct pop3_server *pop3_server_new(const struct pop3_server_config *config,
				    uint64_t now_ms)
{
	struct pop3_server *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->config = *config;
	s->now_ms = s->active_ms = s->start_ms = now_ms;
	out_init(&s->out);
	line_init(&s->line);
	buf_init(&s->secret, POP3_SASL_LINE_MAX);
	buf_init(&s->name, POP3_LINE_MAX);
	greet(s);
	if (s->state == POP3_OVER)
		pop3_server_free(&s);
	return s;
}

void pop3_server_free(struct pop3_server **s)
{
	if (*s == NULL)
		return;
	buf_wipe(&(*s)->secret);
	buf_wipe(&(*s)->name);
	line_free(&(*s)->line);
	buf_done(&(*s)->secret);
	buf_done(&(*s)->name);
	out_done(&(*s)->out);
	free((*s)->deleted);
	free(*s);
	*s = NULL;
}

bool pop3_server_poll(struct pop3_server *s, const struct pop3_event **ret)
{
	static const struct pop3_event cancel = { .kind = POP3_EV_SASL_CANCEL };

	pop3_cursor_run(s);
	if (s->event_state != POP3_RAISED)
		return false;
	s->event_state = POP3_ASKED;
	*ret = &s->event;
	if (s->event.kind == POP3_EV_SASL_CANCEL) {
		pop3_settle(s);
		*ret = &cancel;
	}
	return true;
}

uint64_t pop3_server_deadline(const struct pop3_server *s)
{
	uint64_t idle = s->active_ms + s->config.idle_ms;
	uint64_t login = s->start_ms + s->config.login_ms;

	/* While we keep the client waiting, its time does not run. */
	if (s->state == POP3_OVER || s->event_state == POP3_ASKED)
		return UINT64_MAX;
	if (s->state == POP3_TRANS || s->state == POP3_UPDATE)
		return idle;
	return idle < login ? idle : login;
}

void pop3_server_tick(struct pop3_server *s, uint64_t now_ms, bool active)
{
	bool before_login = s->state < POP3_TRANS;

	s->now_ms = now_ms;
	if (active)
		s->active_ms = now_ms;
	if (now_ms < pop3_server_deadline(s))
		return;
	/* RFC 1939 section 3: close "without removing any messages or sending
	 * any response to the client". */
	pop3_end(s, before_login && now_ms - s->start_ms >= s->config.login_ms
			    ? "login timeout"
			    : "idle");
}

void pop3_server_quit_done(struct pop3_server *s, enum yb_err err)
{
	if (s->state == POP3_OVER)
		return;
	assert(s->event_state == POP3_ASKED && s->event.kind == POP3_EV_QUIT);
	pop3_settle(s);
	if (err == YB_OK)
		pop3_say_ok(s, POP3_SAY_BYE);
	else
		/* RFC 1939 section 6: "-ERR some deleted messages not
		 * removed"; of ours, none was (I3). */
		pop3_say_failure(s, err);
	pop3_end(s, err == YB_OK ? "quit" : "quit failed");
}

/* With a last line that says so, behind what is queued. */
static void end_from_outside(struct pop3_server *s, struct span code,
			     enum pop3_text text, const char *reason)
{
	/* A QUIT on its way to the disk gets its answer. */
	if (s->state == POP3_OVER ||
	    (s->state == POP3_UPDATE && s->event_state == POP3_ASKED))
		return;
	/* Within a multi-line answer the text would pass for part of it. */
	if (s->cursor.kind == POP3_NO_CURSOR && s->state != POP3_TLS) {
		pop3_put(s, code);
		pop3_put_text(s, text);
		pop3_put(s, SPAN_LIT("\r\n"));
	}
	pop3_end(s, reason);
}

void pop3_server_shutdown(struct pop3_server *s)
{
	end_from_outside(s, SPAN_LIT("-ERR [SYS/TEMP] "), POP3_SAY_SHUTDOWN,
			 "shutdown");
}

void pop3_server_revoke(struct pop3_server *s)
{
	end_from_outside(s, SPAN_LIT("-ERR [AUTH] "), POP3_SAY_REVOKED,
			 "revoked");
}

struct out_queue *pop3_server_output(struct pop3_server *s)
{
	return &s->out;
}

bool pop3_server_is_over(const struct pop3_server *s)
{
	return s->state == POP3_OVER;
}

const char *pop3_server_end_reason(const struct pop3_server *s)
{
	return s->end_reason == NULL ? "" : s->end_reason;
}

bool pop3_server_in_sasl(const struct pop3_server *s)
{
	return s->state == POP3_SASL;
}

const char *pop3_server_doing(const struct pop3_server *s)
{
	static const char *const words[] = {
		[POP3_AUTH] = "login",  [POP3_SASL] = "sasl",
		[POP3_TLS] = "tls",     [POP3_TRANS] = "mail",
		[POP3_UPDATE] = "quit", [POP3_OVER] = "end",
	};

	return words[s->state];
}

const struct pop3_server_counters *
pop3_server_counters(const struct pop3_server *s)
{
	return &s->counters;
}

void pop3_server_take_verbs(struct pop3_server *s, uint32_t ret[POP3_VERBS])
{
	memcpy(ret, s->verbs, sizeof s->verbs);
	memset(s->verbs, 0, sizeof s->verbs);
}

void pop3_server_release(struct pop3_server *s)
{
	line_release(&s->line);
	if (s->event_state == POP3_NO_EVENT)
		buf_done(&s->secret);
	if (s->name.n == 0)
		buf_done(&s->name);
	out_release(&s->out);
}
