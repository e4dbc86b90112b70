#include "server/pop3_session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "os/fd.h"

enum {
	/* RFC 1939 section 3: "MUST be of at least 10 minutes' duration". */
	IDLE_MS = 10 * 60 * 1000,
	/* From the greeting to a login, in total. */
	LOGIN_MS = 3 * 60 * 1000,
	/* TOP with a huge count reads this much, then lets others run. */
	TOP_AT_ONCE = 4 * 1024 * 1024,
};

/* ---- RETR and TOP ---- */

static const struct listing_row *row_of(const struct pop3_session *s)
{
	return &s->listing.rows[s->event->index];
}

static void answer_top(struct pop3_session *s)
{
	const struct listing_row *row = row_of(s);
	struct connection *c = s->connection;
	size_t read_now = 0;
	bool done = s->top.lines == 0 || s->top.at >= s->top.limit;

	while (!done && read_now < TOP_AT_ONCE) {
		uint64_t left = s->top.limit - s->top.at;
		size_t want =
			left < WORKER_SCRATCH ? (size_t)left : WORKER_SCRATCH;
		ssize_t n = pread(c->log_fd, c->worker->scratch, want,
				  (off_t)(row->offset + s->top.at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			s->reading_top = false;
			pop3_server_answer_error(s->engine, YB_IO);
			return;
		}
		done = wire_top_feed(&s->top,
				     span_of(c->worker->scratch, (size_t)n)) ||
		       s->top.at >= s->top.limit;
		read_now += (size_t)n;
	}
	s->reading_top = !done;
	if (done)
		pop3_server_answer_range(s->engine, row->offset, s->top.at,
					 true);
	else
		connection_resume(c);
}

static void answer_message(struct pop3_session *s)
{
	const struct listing_row *row = row_of(s);

	if (s->event->kind == POP3_EV_RETR) {
		pop3_server_answer_range(s->engine, row->offset, row->wire_size,
					 false);
		return;
	}
	wire_top_init(&s->top, row->header_size, row->wire_size,
		      s->event->lines);
	answer_top(s);
}

static bool on_log(void *ctx, enum yb_err err, struct message *m)
{
	struct pop3_session *s = ctx;
	bool good = requests_outcome(m, MESSAGE_LOG_READY, true, &err);

	s->request = 0;
	s->waiting = false;
	if (err == YB_OK) {
		s->connection->log_fd = fd_steal(&m->fds[0]);
		answer_message(s);
	} else {
		pop3_server_answer_error(s->engine, err);
	}
	connection_resume(s->connection);
	return good;
}

/* Nine sessions of ten never get here: the log comes at the first message. */
static void on_retr(struct pop3_session *s, const struct pop3_event *ev)
{
	UNSET struct message_writer w;
	struct span body;

	s->event = ev;
	if (s->connection->log_fd >= 0) {
		answer_message(s);
		return;
	}
	if (!s->open) {
		pop3_server_answer_error(s->engine, YB_SNAPSHOT_GONE);
		return;
	}
	message_write(&w);
	message_write_u64(&w, s->handle);
	body = message_written(&w);
	s->waiting = true;
	s->request =
		worker_ask(s->connection->worker, ASKED_STORE,
			   MESSAGE_LOG_WANTED, &body, 1, NULL, 0, on_log, s);
}

/* ---- what the connection calls ---- */

static void answer(struct pop3_session *s, const struct pop3_event *ev)
{
	switch (ev->kind) {
	case POP3_EV_LOGIN:
		pop3_session_login(s, ev);
		return;
	case POP3_EV_SASL:
		pop3_session_sasl(s, ev);
		return;
	case POP3_EV_SASL_CANCEL:
		pop3_session_forget_login(s);
		return;
	case POP3_EV_STARTTLS:
		s->wants_tls = true;
		return;
	case POP3_EV_RETR:
	case POP3_EV_TOP:
		on_retr(s, ev);
		return;
	case POP3_EV_QUIT:
		pop3_session_quit(s);
		return;
	}
}

static size_t feed(void *session, struct span in)
{
	struct pop3_session *s = session;

	return pop3_server_feed(s->engine, in);
}

static bool progress(void *session)
{
	struct pop3_session *s = session;
	const struct pop3_event *ev;
	bool answered = false;

	if (s->reading_top)
		answer_top(s);
	while (!s->waiting && !s->reading_top && !s->wants_tls &&
	       pop3_server_poll(s->engine, &ev)) {
		answer(s, ev);
		answered = true;
	}
	return answered;
}

/* Until the login: names and passwords. */
static bool is_secret(const void *session)
{
	const struct pop3_session *s = session;

	return s->address == NULL;
}

static bool is_hungry(const void *session)
{
	const struct pop3_session *s = session;

	return !s->waiting && !s->reading_top && !s->wants_tls &&
	       !pop3_server_is_over(s->engine);
}

static bool is_asking(const void *session)
{
	const struct pop3_session *s = session;

	return s->waiting;
}

static bool is_over(const void *session)
{
	const struct pop3_session *s = session;

	return pop3_server_is_over(s->engine);
}

static bool wants_tls(const void *session)
{
	const struct pop3_session *s = session;

	return s->wants_tls;
}

/* What a client may log in with is known once TLS has looked at it. */
static void secured(void *session)
{
	struct pop3_session *s = session;
	const struct connection *c = s->connection;
	const struct config *config = &c->settings->config;
	uint8_t fingerprint[TLS_FINGERPRINT_LEN];

	if (tls_connection_certificate(c->tls, fingerprint))
		worker_mechanisms(c->worker, config,
				  &config->listeners[c->listener],
				  WORKER_CERTIFICATE, s->sasl_tls);
}

static void tls_started(void *session)
{
	struct pop3_session *s = session;

	s->wants_tls = false;
	pop3_server_tls_started(s->engine);
}

static void tick(void *session, uint64_t now_ms, enum activity what)
{
	struct pop3_session *s = session;

	/* What comes counts once it is a command: the engine sees to that. */
	pop3_server_tick(s->engine, now_ms, what == ACTIVITY_WENT);
}

static bool said_quit(const void *session)
{
	const struct pop3_session *s = session;

	return strcmp(pop3_server_end_reason(s->engine), "quit") == 0;
}

static uint64_t deadline(const void *session)
{
	const struct pop3_session *s = session;

	return pop3_server_deadline(s->engine);
}

/* A log that was handed out already can still be read. */
static void store_gone(void *session)
{
	struct pop3_session *s = session;

	s->open = false;
}

static bool revoked(void *session, uint64_t handle)
{
	struct pop3_session *s = session;

	if (!s->open || s->handle != handle)
		return false;
	s->open = false;
	/* A message on its way would still go out to the end. */
	if (out_is_empty(s->connection->out))
		pop3_server_revoke(s->engine);
	else
		connection_abort(s->connection, "revoked");
	return true;
}

static void shut_down(void *session)
{
	struct pop3_session *s = session;

	pop3_server_shutdown(s->engine);
}

static void view(const void *session, struct session_view *ret)
{
	const struct pop3_session *s = session;

	*ret = (struct session_view){
		.account = s->address != NULL ? s->address : "",
		.doing = pop3_server_doing(s->engine),
		.secret = pop3_server_in_sasl(s->engine),
		.commands = pop3_server_counters(s->engine)->commands,
	};
}

static bool count(void *session, uint64_t ns)
{
	struct pop3_session *s = session;
	struct metrics_page *page = s->connection->worker->process.page;
	uint32_t verbs[POP3_VERBS];

	if (s->waiting)
		return false;
	pop3_server_take_verbs(s->engine, verbs);
	for (uint32_t i = 0; i < POP3_VERBS; i++)
		if (verbs[i] != 0)
			metric_observe(page,
				       METRIC_POP3_COMMAND +
					       i * METRIC_CELLS_HISTOGRAM,
				       ns, verbs[i]);
	return true;
}

static void release(void *session)
{
	struct pop3_session *s = session;

	pop3_server_release(s->engine);
}

static void write_summary(struct pop3_session *s, const char *why)
{
	const struct connection *c = s->connection;
	const struct pop3_server_counters *n = pop3_server_counters(s->engine);
	UNSET struct log_line line;

	if (s->address == NULL && !connection_stranger_may_log(c))
		return;
	connection_summary_begin(c, &line, "pop3");
	if (s->address != NULL) {
		log_field_str(&line, "account", s->address);
		log_field_u64(&line, "messages", s->listing.head->count);
		log_field_hex(&line, "uidls", s->listing.head->uidls);
		log_field_hex(&line, "uidls_left",
			      s->deleted > 0 ? s->uidls_left
					     : s->listing.head->uidls);
	}
	log_field_u64(&line, "retr", n->retr);
	log_field_u64(&line, "top", n->top);
	log_field_u64(&line, "dele", s->deleted);
	log_field_u64(&line, "errors", n->errors);
	connection_summary_end(c, &line,
			       why != NULL ? why
					   : pop3_server_end_reason(s->engine));
}

static void count_end(struct pop3_session *s)
{
	struct metrics_page *page = s->connection->worker->process.page;

	if (s->address != NULL)
		metric_add(page, METRIC_POP3_OPEN, UINT64_MAX); /* one less */
	metric_add(page, METRIC_RETRIEVED,
		   pop3_server_counters(s->engine)->retr);
	metric_add(page, METRIC_DELETED, s->deleted);
}

static void closed(void *session, const char *why)
{
	struct pop3_session *s = session;

	write_summary(s, why);
	count_end(s);
	pop3_session_forget_login(s);
	requests_cancel(&s->connection->worker->requests, s->request);
	pop3_session_tell_closed(s);
	pop3_server_free(&s->engine);
	fd_close(&s->connection->log_fd);
	pop3_session_forget_maildrop(s);
	free(s->apop);
	free(s);
}

static const struct session_class pop3_class = {
	.feed = feed,
	.progress = progress,
	.is_secret = is_secret,
	.is_hungry = is_hungry,
	.is_asking = is_asking,
	.is_over = is_over,
	.wants_tls = wants_tls,
	.secured = secured,
	.tls_started = tls_started,
	.said_quit = said_quit,
	.tick = tick,
	.deadline = deadline,
	.store_gone = store_gone,
	.revoked = revoked,
	.shutdown = shut_down,
	.count = count,
	.view = view,
	.release = release,
	.closed = closed,
};

/* ---- birth ---- */

/* Only who may need it pays for it. */
static bool make_stamp(struct pop3_session *s, const char *hostname)
{
	s->apop = malloc(SASL_STAMP_MAX + 1);
	if (s->apop != NULL && sasl_stamp_make(hostname, s->apop) == YB_OK)
		return true;
	free(s->apop);
	s->apop = NULL;
	return false;
}

enum yb_err pop3_session_new(struct connection *c)
{
	const struct config *config = &c->settings->config;
	const struct config_listener *l = &config->listeners[c->listener];
	struct pop3_session *s = calloc(1, sizeof *s);
	struct pop3_server_config engine = {
		.hostname = config->hostname,
		.help_url = config->help_url,
		.sasl = s == NULL ? NULL : s->sasl,
		.sasl_tls = s == NULL ? NULL : s->sasl_tls,
		.language = config->language == CONFIG_LANGUAGE_JA ? POP3_JA
								   : POP3_EN,
		.idle_ms = IDLE_MS,
		.login_ms = LOGIN_MS,
	};

	if (s == NULL)
		return YB_NOMEM;
	worker_mechanisms(c->worker, config, l, WORKER_CLEAR, s->sasl);
	worker_mechanisms(c->worker, config, l, WORKER_TLS, s->sasl_tls);
	if ((l->legacy & CONFIG_LEGACY_APOP) != 0 &&
	    !make_stamp(s, config->hostname)) {
		free(s);
		return YB_NOMEM;
	}
	engine.apop = s->apop;
	if (l->tls == CONFIG_TLS_IMPLICIT)
		engine.flags |= POP3_TLS_ACTIVE;
	if (l->tls == CONFIG_TLS_START && c->tls_context != NULL)
		engine.flags |= POP3_TLS_POSSIBLE;
	if ((config->plain_login == CONFIG_PLAIN_LOOPBACK &&
	     socket_address_is_loopback(&c->peer)) ||
	    (l->legacy & CONFIG_LEGACY_WITHOUT_TLS) != 0)
		engine.flags |= POP3_LOGIN_IN_CLEAR;
	if (config->utf8_mail == CONFIG_UTF8_REFUSE)
		engine.flags |= POP3_UTF8_REFUSED;
	s->connection = c;
	s->engine = pop3_server_new(&engine, c->began_ms);
	if (s->engine == NULL) {
		free(s->apop);
		free(s);
		return YB_NOMEM;
	}
	c->class = &pop3_class;
	c->session = s;
	c->out = pop3_server_output(s->engine);
	return YB_OK;
}
