#include "server/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "os/clock.h"
#include "server/control_server.h"
#include "server/worker.h"

enum {
	/* Administrators who look for a fault at the same time. */
	WATCHES_MAX = 8,
	/* What waits for the command; half a packet. */
	WATCH_TEXT_MAX = 32 * 1024,
	/* Of a session whose account is not known yet. */
	HELD_MAX = 4 * 1024,
	/* A command line; replies are shorter. */
	LINE_SHOWN_MAX = 300,
	/* A listing shows its first lines, and how many there were. */
	LINES_IN_A_ROW = 40,
	/* An answer without news comes after this, ... */
	PARK_MS = 1000,
	/* ... and a command that does not ask again within this is gone. */
	PATIENCE_MS = 2 * 1000,
	ADDRESS_MAX = 256,
};

struct wire_watch {
	struct list link;
	struct worker *worker;
	char address[ADDRESS_MAX];
	struct account_id account;
	uint64_t token;
	struct buf text;
	uint64_t lost; /* lines that found no room */
	struct control_call *call;
	struct loop_timer timer;
	struct loop_task wake;
	uint32_t uid;
};

struct wire_tap {
	struct wire_watch *watch; /* NULL: not known to be watched */
	bool mail;                /* a transaction has begun */
	struct buf held;
	struct buf in, out;  /* lines that have begun */
	uint64_t hidden_in;  /* octets not shown */
	uint64_t hidden_out; /* of a message, sent */
	uint32_t row;        /* lines sent since the client's last one */
};

/* ---- text ---- */

static void add_text(struct wire_tap *t, struct span line)
{
	struct buf *to = t->watch != NULL ? &t->watch->text : &t->held;

	if (buf_add(to, line) != YB_OK && t->watch != NULL)
		t->watch->lost++;
	if (t->watch != NULL)
		loop_defer(t->watch->worker->process.loop, &t->watch->wake);
}

/* "13:50:19.123 w0.1f.3 C: RETR 1", with what is not text escaped. */
static void put_line(struct connection *c, char who, struct span text)
{
	int64_t now = clock_real_ns();
	time_t second = (time_t)(now / 1000000000);
	char line[64 + CONNECTION_SID_MAX + 4 * LINE_SHOWN_MAX];
	char sid[CONNECTION_SID_MAX], clock[16] = "";
	struct tm tm;
	size_t n;
	int head;

	(void)gmtime_r(&second, &tm);
	(void)strftime(clock, sizeof clock, "%H:%M:%S", &tm);
	connection_sid(c, sid);
	head = snprintf(line, sizeof line, "%s.%03uZ %s %c: ", clock,
			(unsigned)(now / 1000000 % 1000), sid, who);
	n = (size_t)head;
	for (size_t i = 0; i < text.n && i < LINE_SHOWN_MAX; i++) {
		if (text.p[i] >= ' ' && text.p[i] < 0x7f)
			line[n++] = (char)text.p[i];
		else
			n += (size_t)snprintf(line + n, 5, "\\x%02x",
					      text.p[i]);
	}
	line[n++] = '\n';
	add_text(c->tap, span_of(line, n));
}

static void put_count(struct connection *c, char who, uint64_t n,
		      const char *what)
{
	char text[64];

	(void)snprintf(text, sizeof text, "(%llu %s)", (unsigned long long)n,
		       what);
	put_line(c, who, span_str(text));
}

/* ---- what is hidden ---- */

/* clang-format off */
static const char *const commands[] = {
#define X(verb, ...) #verb,
	POP3_COMMANDS(X)
	SMTP_COMMANDS(X)
#undef X
};
/* clang-format on */

static bool is_command(struct span verb)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (span_eq_nocase(verb, span_str(commands[i])))
			return true;
	return false;
}

static void show_auth(struct connection *c, struct span rest)
{
	struct span name = span_head(rest, span_find(rest, ' '));
	char text[64];

	(void)snprintf(text, sizeof text, "AUTH %.*s%s",
		       metric_mechanism(name) != METRIC_MECHANISM_OTHER
			       ? (int)name.n
			       : 0,
		       (const char *)name.p, name.n < rest.n ? " ***" : "");
	put_line(c, 'C', span_str(text));
}

static void flush_hidden(struct connection *c)
{
	struct wire_tap *t = c->tap;

	if (t->hidden_in > 0)
		put_count(c, 'C', t->hidden_in, "octets not shown");
	if (t->hidden_out > 0)
		put_count(c, 'S', t->hidden_out, "octets of a message");
	if (t->row > LINES_IN_A_ROW)
		put_count(c, 'S', t->row - LINES_IN_A_ROW, "more lines");
	t->hidden_in = t->hidden_out = 0;
	t->row = 0;
}

/* Each transaction is of its own recipients; what was held before the first
 * one, from the greeting on, belongs to it. */
static void begin_transaction(struct wire_tap *t)
{
	if (t->mail) {
		t->watch = NULL;
		buf_clear(&t->held);
	}
	t->mail = true;
}

/* A line of the client's, without its end. */
static void show_command(struct connection *c, struct span line)
{
	size_t at = span_find(line, ' ');
	struct span verb = span_head(line, at);

	if (!is_command(verb)) {
		/* A password, a response, or nonsense: who can tell. */
		c->tap->hidden_in += line.n;
		return;
	}
	flush_hidden(c);
	if (span_eq_nocase(verb, SPAN_LIT("MAIL")))
		begin_transaction(c->tap);
	if (span_eq_nocase(verb, SPAN_LIT("PASS")))
		put_line(c, 'C', SPAN_LIT("PASS ***"));
	else if (span_eq_nocase(verb, SPAN_LIT("APOP")))
		put_line(c, 'C', SPAN_LIT("APOP ***"));
	else if (span_eq_nocase(verb, SPAN_LIT("AUTH")))
		show_auth(c, span_skip(line, at + 1));
	else
		put_line(c, 'C', line);
}

static bool is_pop3(const struct connection *c)
{
	return c->service == CONFIG_POP3 || c->service == CONFIG_POP3S;
}

/* A line of ours. Challenges hold salts and proofs. */
static void show_reply(struct connection *c, struct span line)
{
	bool pop3 = is_pop3(c);

	if (c->tap->row++ >= LINES_IN_A_ROW)
		return;
	if (pop3 && span_starts(line, SPAN_LIT("+ ")) && line.n > 2)
		put_line(c, 'S', SPAN_LIT("+ ***"));
	else if (!pop3 && span_starts(line, SPAN_LIT("334 ")))
		put_line(c, 'S', SPAN_LIT("334 ***"));
	else
		put_line(c, 'S', line);
}

/* Lines out of octets cut anywhere; an overlong one is cut. */
static void take_lines(struct connection *c, struct buf *part, struct span in,
		       void (*show)(struct connection *c, struct span line))
{
	while (in.n > 0) {
		size_t at = span_find(in, '\n');
		struct span line;

		(void)buf_add(part,
			      span_head(span_head(in, at), buf_space(part)));
		if (at == in.n)
			return;
		line = buf_span(part);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		show(c, line);
		mem_wipe(part->p, part->n);
		buf_clear(part);
		in = span_skip(in, at + 1);
	}
}

/* ---- taps ---- */

static void tap_new(struct connection *c, struct wire_watch *watch)
{
	struct wire_tap *t = calloc(1, sizeof *t);

	if (t == NULL)
		return; /* it is not seen */
	buf_init(&t->held, HELD_MAX);
	buf_init(&t->in, LINE_SHOWN_MAX);
	buf_init(&t->out, LINE_SHOWN_MAX);
	t->watch = watch;
	c->tap = t;
}

static void tap_free(struct connection *c)
{
	struct wire_tap *t = c->tap;

	c->tap = NULL;
	if (t == NULL)
		return;
	buf_wipe(&t->in);
	buf_done(&t->held);
	buf_done(&t->in);
	buf_done(&t->out);
	free(t);
}

void wire_begin(struct connection *c)
{
	tap_new(c, NULL);
}

static struct wire_watch *find_watch(const struct worker *w,
				     const char *account)
{
	list_for_each(link, &w->watches) {
		struct wire_watch *watch =
			list_entry(link, struct wire_watch, link);

		if (span_eq_nocase(span_str(watch->address), span_str(account)))
			return watch;
	}
	return NULL;
}

static void join(struct wire_tap *t, struct wire_watch *watch)
{
	if (t->watch == watch)
		return;
	t->watch = watch;
	/* What was held is of this account, or of nobody's interest. */
	if (watch != NULL && t->held.n > 0)
		add_text(t, buf_span(&t->held));
	buf_clear(&t->held);
}

void wire_identify(struct connection *c, const char *account)
{
	join(c->tap, find_watch(c->worker, account));
}

void wire_recipient(struct connection *c, const struct store_place *place)
{
	list_for_each(link, &c->worker->watches) {
		struct wire_watch *watch =
			list_entry(link, struct wire_watch, link);

		if (c->tap->watch == NULL &&
		    memcmp(&watch->account, &place->account,
			   sizeof place->account) == 0)
			join(c->tap, watch);
	}
}

void wire_input(struct connection *c, struct span eaten, bool secret)
{
	struct wire_tap *t = c->tap;

	if (!secret) {
		take_lines(c, &t->in, eaten, show_command);
		return;
	}
	t->hidden_in += eaten.n;
	buf_wipe(&t->in);
}

void wire_output(struct connection *c, uint64_t n)
{
	struct out_piece pieces[16];
	size_t count = out_peek(c->out, pieces, ARRAY_LEN(pieces));

	if (c->tap->hidden_in > 0)
		flush_hidden(c);
	for (size_t i = 0; i < count && n > 0; i++) {
		uint64_t part = pieces[i].n < n ? pieces[i].n : n;

		n -= part;
		if (pieces[i].kind == OUT_RANGE) {
			c->tap->hidden_out += part;
			continue;
		}
		if (c->tap->hidden_out > 0)
			flush_hidden(c);
		take_lines(c, &c->tap->out, span_of(pieces[i].p, (size_t)part),
			   show_reply);
	}
	/* Of a long pipeline the rest is not shown, but counted. */
	c->tap->hidden_out += n;
}

void wire_end(struct connection *c)
{
	if (c->tap == NULL)
		return;
	flush_hidden(c);
	put_line(c, '-', SPAN_LIT("closed"));
	tap_free(c);
}

/* ---- watches ---- */

static void log_watch(const struct wire_watch *watch, const char *event)
{
	UNSET struct log_line line;

	log_begin(&line, &watch->worker->process.log, LOG_WARN, event);
	log_field_str(&line, "watched", watch->address);
	log_field_u64(&line, "uid", watch->uid);
	log_end(&line);
}

static void watch_end(struct wire_watch *watch)
{
	struct worker *w = watch->worker;

	log_watch(watch, "watch-end");
	list_remove(&watch->link);
	list_for_each(link, &w->connections) {
		struct connection *c =
			list_entry(link, struct connection, link);

		if (c->tap != NULL &&
		    (c->tap->watch == watch || list_empty(&w->watches)))
			tap_free(c);
	}
	w->watches_n--;
	loop_timer_stop(&watch->timer);
	loop_task_cancel(&watch->wake);
	buf_done(&watch->text);
	free(watch);
}

/* Answers the command that waits: with news, or with none. */
static void watch_tell(struct wire_watch *watch)
{
	struct control_call *call = watch->call;

	if (call == NULL)
		return;
	watch->call = NULL;
	control_put(&call->reply, buf_span(&watch->text));
	control_put_u64(&call->reply, watch->lost);
	buf_clear(&watch->text);
	watch->lost = 0;
	loop_timer_set(watch->worker->process.loop, &watch->timer,
		       loop_now(watch->worker->process.loop) + PATIENCE_MS);
	control_reply(call, YB_OK);
}

static void on_wake(void *ctx)
{
	watch_tell(ctx);
}

static void on_time(void *ctx, uint64_t now_ms)
{
	struct wire_watch *watch = ctx;

	bool heard = watch->call != NULL && control_call_is_heard(watch->call);

	(void)now_ms;
	watch_tell(watch);
	if (!heard)
		watch_end(watch);
}

/* Those that are here already: its own, and whoever may become one. */
static void tap_present(struct wire_watch *watch)
{
	list_for_each(link, &watch->worker->connections) {
		struct connection *c =
			list_entry(link, struct connection, link);
		struct session_view view = { .account = "" };

		if (c->session == NULL)
			continue;
		c->class->view(c->session, &view);
		if (c->tap == NULL)
			tap_new(c, NULL);
		if (c->tap == NULL || view.account[0] == 0)
			continue;
		if (span_eq_nocase(span_str(view.account),
				   span_str(watch->address)))
			wire_identify(c, watch->address);
		else if (c->tap->watch == NULL && is_pop3(c))
			tap_free(c); /* it stays with its account */
	}
}

static struct wire_watch *watch_new(struct worker *w, const char *address,
				    const struct account_id *account,
				    uint64_t token,
				    const struct control_call *call)
{
	struct wire_watch *watch =
		w->watches_n < WATCHES_MAX ? calloc(1, sizeof *watch) : NULL;

	if (watch == NULL)
		return NULL;
	watch->worker = w;
	watch->account = *account;
	watch->token = token;
	watch->uid = control_call_uid(call);
	memcpy(watch->address, address, strlen(address) + 1);
	buf_init(&watch->text, WATCH_TEXT_MAX);
	loop_timer_init(&watch->timer, on_time, watch);
	loop_task_init(&watch->wake, on_wake, watch);
	list_push(&w->watches, &watch->link);
	w->watches_n++;
	log_watch(watch, "watch");
	tap_present(watch);
	return watch;
}

void wire_handle(struct worker *w, struct control_call *call)
{
	char address[ADDRESS_MAX];
	struct account_id account;
	struct wire_watch *watch;
	uint64_t token;

	control_get_str(&call->fields, address, sizeof address);
	control_get_into(&call->fields, account.octets, sizeof account.octets);
	token = control_get_u64(&call->fields);
	if (!control_ended(&call->fields) || address[0] == 0) {
		control_reply(call, YB_SYNTAX);
		return;
	}
	watch = find_watch(w, address);
	/* One whose command is gone makes room. */
	if (watch != NULL && watch->token != token &&
	    (watch->call == NULL || !control_call_is_heard(watch->call))) {
		watch_tell(watch);
		watch_end(watch);
		watch = NULL;
	}
	if (watch == NULL)
		watch = watch_new(w, address, &account, token, call);
	if (watch == NULL || watch->call != NULL) {
		control_reply(call, YB_OVERLOAD);
		return;
	}
	watch->call = call;
	loop_timer_set(w->process.loop, &watch->timer,
		       loop_now(w->process.loop) + PARK_MS);
	if (watch->text.n > 0 || watch->lost > 0)
		watch_tell(watch);
}
