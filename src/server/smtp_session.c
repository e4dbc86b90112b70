#include "server/smtp_session.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "mime/date.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "os/network.h"
#include "proto/smtp_server.h"
#include "server/body.h"
#include "server/recipients.h"
#include "server/wire.h"
#include "server/worker.h"
#include "store/store.h"

enum {
	/* RFC 5321 section 4.5.3.2.7: "at least 5 minutes". */
	IDLE_MS = 5 * 60 * 1000,
	/* A body up to here travels inside the message to the store. */
	INLINE_MAX = 48 * 1024,
	/* Return-Path and Received with their longest names. */
	PREFIX_MAX = 2048,
};

struct smtp_session {
	struct connection *connection;
	struct smtp_server *engine;
	bool lmtp;
	bool waiting; /* an answer from auth or store has to come */
	bool wants_tls;
	bool refused; /* the body in progress is only swallowed */
	uint64_t request;
	struct body body;
	struct recipients recipients;
	char address[SMTP_PATH_MAX + 1]; /* of the first recipient */
	uint64_t delivered;              /* copies on disk */
};

static void count_results(const struct smtp_session *s, uint32_t cell,
			  const enum yb_err *errs, size_t n)
{
	struct metrics_page *page = s->connection->worker->process.page;

	for (size_t i = 0; i < n; i++)
		metric_add(page,
			   cell + (errs[i] == YB_OK ? METRIC_MAIL_ACCEPTED
				   : err_class(errs[i]) == YB_CLASS_PERM
					   ? METRIC_MAIL_REJECTED
					   : METRIC_MAIL_TEMPFAIL),
			   1);
}

/* ---- recipients ---- */

/* Whoever watches one of them sees the transaction. */
static void show_recipients(struct smtp_session *s)
{
	const struct store_place *places = (const void *)s->recipients.places.p;

	for (size_t i = 0; i < recipients_places_n(&s->recipients); i++)
		wire_recipient(s->connection, &places[i]);
}

static bool on_rcpt_answer(void *ctx, enum yb_err err, struct message *m)
{
	struct smtp_session *s = ctx;
	struct message_reader r;
	bool good = true;

	s->request = 0;
	s->waiting = false;
	if (m != NULL) {
		message_read(&r, m);
		err = message_read_err(&r);
		good = m->type == MESSAGE_RCPT_DONE && !r.bad;
		if (good && err == YB_OK) {
			err = recipients_add(&s->recipients, &r);
			good = err != YB_INVALID;
		}
	}
	err = good ? err : YB_GONE;
	count_results(s, METRIC_RECIPIENTS, &err, 1);
	if (err == YB_OK && s->connection->tap != NULL)
		show_recipients(s);
	smtp_server_rcpt_done(s->engine, err);
	connection_resume(s->connection);
	return good;
}

static void forget_transaction(struct smtp_session *s)
{
	body_reset(&s->body);
	recipients_reset(&s->recipients);
	s->refused = false;
}

static void on_rcpt(struct smtp_session *s, struct span address)
{
	UNSET struct message_writer w;
	struct span body;

	/* RSET, MAIL, EHLO: the engine knows what ended a transaction, and
	 * nothing of an older one may stay (threat 35). */
	if (smtp_server_accepted(s->engine) == 0)
		forget_transaction(s);
	if (recipients_n(&s->recipients) == 0)
		(void)span_to_str(address, s->address, sizeof s->address);
	message_write(&w);
	message_write_octets(&w, address);
	body = message_written(&w);
	s->waiting = true;
	s->request = worker_ask(s->connection->worker, ASKED_AUTH, MESSAGE_RCPT,
				&body, 1, NULL, 0, on_rcpt_answer, s);
}

/* ---- the body ---- */

static void refuse(struct smtp_session *s, enum yb_err err)
{
	s->refused = true;
	body_reset(&s->body);
	smtp_server_refuse(s->engine, err);
}

static bool on_spool(void *ctx, enum yb_err err, struct message *m)
{
	struct smtp_session *s = ctx;
	bool good = requests_outcome(m, MESSAGE_SPOOL, true, &err);

	s->request = 0;
	s->waiting = false;
	if (err == YB_OK)
		err = body_use_file(&s->body, fd_steal(&m->fds[0]));
	if (err != YB_OK)
		refuse(s, err);
	connection_resume(s->connection);
	return good;
}

static void on_body(struct smtp_session *s, struct span piece)
{
	enum yb_err err;

	if (s->refused)
		return;
	err = body_add(&s->body, piece);
	if (err != YB_OK) {
		refuse(s, err);
		return;
	}
	if (!body_wants_file(&s->body))
		return;
	s->waiting = true;
	s->request =
		worker_ask(s->connection->worker, ASKED_STORE,
			   MESSAGE_SPOOL_WANTED, NULL, 0, NULL, 0, on_spool, s);
}

/* ---- the message ---- */

static int clip(struct span s)
{
	return s.n > SMTP_PATH_MAX ? SMTP_PATH_MAX : (int)s.n;
}

/*
 * RFC 5321 section 4.4: "the SMTP server ... MUST insert trace information at
 * the beginning of the mail data", and final delivery adds the Return-path.
 */
static enum yb_err write_prefix(const struct smtp_session *s, int64_t now_ns,
				struct buf *out)
{
	const struct connection *c = s->connection;
	struct span sender = smtp_server_sender(s->engine);
	struct span helo = smtp_server_helo(s->engine);
	char peer[SOCKET_TEXT_MAX], sid[CONNECTION_SID_MAX];
	char date[DATE_TEXT_MAX];
	bool v6;
	enum yb_err err;

	socket_address_print(&c->peer, peer);
	v6 = strchr(peer, ':') != NULL;
	connection_sid(c, sid);
	date_put(date, now_ns);
	err = buf_addf(out, "Return-Path: <%.*s>\r\nReceived: from %.*s",
		       clip(sender), (const char *)sender.p, clip(helo),
		       (const char *)helo.p);
	if (err == YB_OK && c->peer.any.sa_family != AF_UNIX)
		err = buf_addf(out, " ([%s%s])", v6 ? "IPv6:" : "", peer);
	if (err == YB_OK)
		err = buf_addf(out, "\r\n\tby %s with %s id %s",
			       c->settings->config.hostname,
			       smtp_server_with(s->engine), sid);
	/* RFC 5321 section 7.2: several would tell of blind copies. */
	if (err == YB_OK && recipients_n(&s->recipients) == 1)
		err = buf_addf(out, "\r\n\tfor <%s>", s->address);
	if (err == YB_OK)
		err = buf_addf(out, ";\r\n\t%s\r\n", date);
	return err;
}

static bool read_outcomes(struct smtp_session *s, struct message *m,
			  enum yb_err *of_place)
{
	struct message_reader r;
	size_t n = recipients_places_n(&s->recipients);

	message_read(&r, m);
	if (m->type != MESSAGE_DELIVERED || message_read_u32(&r) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t code = message_read_u8(&r);

		if (code >= YB_ERR_COUNT)
			return false;
		of_place[i] = (enum yb_err)code;
	}
	return message_read_ended(&r);
}

static bool on_delivered(void *ctx, enum yb_err err, struct message *m)
{
	struct smtp_session *s = ctx;
	UNSET enum yb_err of_place[STORE_PLACES_MAX];
	UNSET enum yb_err errs[SMTP_RECIPIENTS_MAX];
	size_t places_n = recipients_places_n(&s->recipients);
	size_t n = recipients_n(&s->recipients);
	bool good = true;

	s->request = 0;
	s->waiting = false;
	for (size_t i = 0; i < places_n; i++)
		of_place[i] = err;
	if (m != NULL)
		good = read_outcomes(s, m, of_place);
	for (size_t i = 0; i < n; i++)
		errs[i] = good ? recipients_outcome(&s->recipients, i, of_place)
			       : YB_GONE;
	for (size_t i = 0; i < places_n && good; i++)
		s->delivered += of_place[i] == YB_OK;
	count_results(s, METRIC_DELIVERIES, errs, n);
	forget_transaction(s);
	smtp_server_message_done(s->engine, errs, n);
	connection_resume(s->connection);
	return good;
}

/*
 * A body in memory that is too large to go inline goes as a sealed memfd. One
 * in a file goes as that file; the store reads it once, and checks what it
 * reads.
 */
static enum yb_err deliver(struct smtp_session *s, struct span prefix,
			   int64_t now_ns)
{
	struct worker *w = s->connection->worker;
	struct span wire = buf_span(&s->body.memory);
	UNSET struct message_writer head, tail;
	uint32_t wire_n, prefix_n = (uint32_t)prefix.n;
	struct span parts[7];
	AUTO_FD memfd = -1;
	int fd = s->body.file;

	if (fd < 0 && wire.n > INLINE_MAX - s->recipients.places.n -
				       s->recipients.quotas.n) {
		enum yb_err err = memfd_make("yubin-body", wire, &memfd);

		if (err != YB_OK)
			return err;
		fd = memfd;
	}
	if (fd >= 0)
		wire = SPAN_NONE;
	wire_n = (uint32_t)wire.n;
	message_write(&head);
	message_write_u8(&head, s->lmtp ? STORE_EACH : STORE_ALL_OR_NONE);
	message_write_u64(&head, (uint64_t)now_ns);
	message_write_u64(&head, body_size(&s->body));
	message_write_u32(&head, (uint32_t)recipients_places_n(&s->recipients));
	message_write(&tail);
	message_write_u32(&tail, prefix_n);
	parts[0] = message_written(&head);
	parts[1] = buf_span(&s->recipients.places);
	parts[2] = buf_span(&s->recipients.quotas);
	parts[3] = message_written(&tail);
	parts[4] = prefix;
	parts[5] = span_of(&wire_n, sizeof wire_n);
	parts[6] = wire;
	s->waiting = true;
	s->request = worker_ask(w, ASKED_STORE, MESSAGE_DELIVER, parts, 7, &fd,
				fd >= 0, on_delivered, s);
	return YB_OK;
}

static void on_message(struct smtp_session *s)
{
	int64_t now_ns = clock_real_ns();
	struct buf prefix;
	enum yb_err err = body_finish(&s->body);

	buf_init(&prefix, PREFIX_MAX);
	if (err == YB_OK)
		err = write_prefix(s, now_ns, &prefix);
	if (err == YB_OK)
		err = deliver(s, buf_span(&prefix), now_ns);
	buf_done(&prefix);
	if (err != YB_OK)
		(void)on_delivered(s, err, NULL);
}

/* The address told counts from now on, in limits and in what we write. */
static enum yb_err on_xclient(struct smtp_session *s,
			      const struct smtp_event *ev)
{
	struct span v6 = SPAN_LIT("IPV6:");
	bool is_v6 = span_starts_nocase(ev->address, v6);
	struct socket_address peer;
	enum yb_err err;

	if (ev->address.n == 0)
		return YB_OK;
	err = socket_address_from_text(span_skip(ev->address, is_v6 ? v6.n : 0),
				       is_v6, ev->port, &peer);
	if (err != YB_OK)
		return err;
	return worker_readdress(s->connection, &peer) ? YB_OK : YB_OVERLOAD;
}

/* ---- what the connection calls ---- */

static void answer(struct smtp_session *s, const struct smtp_event *ev)
{
	switch (ev->kind) {
	case SMTP_EV_STARTTLS:
		s->wants_tls = true;
		return;
	case SMTP_EV_RCPT:
		on_rcpt(s, ev->address);
		return;
	case SMTP_EV_XCLIENT:
		smtp_server_xclient_done(s->engine, on_xclient(s, ev));
		return;
	case SMTP_EV_DATA:
		s->refused = false;
		smtp_server_data_ready(s->engine, YB_OK);
		return;
	case SMTP_EV_BODY:
		on_body(s, ev->body);
		return;
	case SMTP_EV_MESSAGE:
		on_message(s);
		return;
	case SMTP_EV_ABORT:
		forget_transaction(s);
		return;
	}
}

static size_t feed(void *session, struct span in)
{
	struct smtp_session *s = session;

	return smtp_server_feed(s->engine, in);
}

static bool progress(void *session)
{
	struct smtp_session *s = session;
	struct smtp_event ev;
	bool answered = false;

	while (!s->waiting && !s->wants_tls &&
	       smtp_server_poll(s->engine, &ev)) {
		answer(s, &ev);
		answered = true;
	}
	return answered;
}

static bool is_hungry(const void *session)
{
	const struct smtp_session *s = session;

	return !s->waiting && !s->wants_tls && !smtp_server_is_over(s->engine);
}

static bool is_asking(const void *session)
{
	const struct smtp_session *s = session;

	return s->waiting;
}

static bool is_over(const void *session)
{
	const struct smtp_session *s = session;

	return smtp_server_is_over(s->engine);
}

static bool wants_tls(const void *session)
{
	const struct smtp_session *s = session;

	return s->wants_tls;
}

static void tls_started(void *session)
{
	struct smtp_session *s = session;

	s->wants_tls = false;
	forget_transaction(s);
	smtp_server_tls_started(s->engine);
}

static void tick(void *session, uint64_t now_ms, enum activity what)
{
	struct smtp_session *s = session;

	smtp_server_tick(s->engine, now_ms, what != ACTIVITY_NONE);
}

static bool said_quit(const void *session)
{
	const struct smtp_session *s = session;

	return strcmp(smtp_server_end_reason(s->engine), "quit") == 0;
}

static uint64_t deadline(const void *session)
{
	const struct smtp_session *s = session;

	return smtp_server_deadline(s->engine);
}

static void shut_down(void *session)
{
	struct smtp_session *s = session;

	smtp_server_shutdown(s->engine, "421 4.3.2 server is shutting down");
}

static void view(const void *session, struct session_view *ret)
{
	const struct smtp_session *s = session;

	*ret = (struct session_view){
		.account = recipients_n(&s->recipients) > 0 ? s->address : "",
		.doing = smtp_server_doing(s->engine),
		.secret = smtp_server_in_message(s->engine),
		.commands = smtp_server_counters(s->engine)->commands,
	};
}

static bool count(void *session, uint64_t ns)
{
	struct smtp_session *s = session;
	struct metrics_page *page = s->connection->worker->process.page;
	uint32_t verbs[SMTP_VERBS];

	if (s->waiting)
		return false;
	smtp_server_take_verbs(s->engine, verbs);
	for (uint32_t i = 0; i < SMTP_VERBS; i++)
		if (verbs[i] != 0)
			metric_observe(page,
				       METRIC_SMTP_COMMAND +
					       i * METRIC_CELLS_HISTOGRAM,
				       ns, verbs[i]);
	return true;
}

static void release(void *session)
{
	struct smtp_session *s = session;

	smtp_server_release(s->engine);
}

static void write_summary(struct smtp_session *s, const char *why)
{
	const struct connection *c = s->connection;
	const struct smtp_server_counters *n = smtp_server_counters(s->engine);
	UNSET struct log_line line;

	if (n->accepted == 0 && !connection_stranger_may_log(c))
		return;
	connection_summary_begin(c, &line, s->lmtp ? "lmtp" : "smtp");
	if (smtp_server_helo(s->engine).n > 0)
		log_field(&line, "helo", smtp_server_helo(s->engine));
	log_field_u64(&line, "messages", n->messages);
	log_field_u64(&line, "accepted", n->accepted);
	log_field_u64(&line, "copies", s->delivered);
	log_field_u64(&line, "errors", n->errors);
	connection_summary_end(c, &line,
			       why != NULL ? why
					   : smtp_server_end_reason(s->engine));
}

static void closed(void *session, const char *why)
{
	struct smtp_session *s = session;

	write_summary(s, why);
	requests_cancel(&s->connection->worker->requests, s->request);
	forget_transaction(s);
	smtp_server_free(&s->engine);
	free(s);
}

static const struct session_class smtp_class = {
	.feed = feed,
	.progress = progress,
	.is_hungry = is_hungry,
	.is_asking = is_asking,
	.is_over = is_over,
	.wants_tls = wants_tls,
	.tls_started = tls_started,
	.said_quit = said_quit,
	.tick = tick,
	.deadline = deadline,
	.shutdown = shut_down,
	.count = count,
	.view = view,
	.release = release,
	.closed = closed,
};

/*
 * Threat 37: a client that talks before it was greeted does not listen. One
 * that is fast enough is found without making the others wait.
 */
static bool spoke_early(const struct connection *c)
{
	uint8_t octet;

	return recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

enum yb_err smtp_session_new(struct connection *c)
{
	const struct config *config = &c->settings->config;
	const struct config_listener *l = &config->listeners[c->listener];
	struct smtp_session *s = calloc(1, sizeof *s);
	struct smtp_server_config engine = {
		.hostname = config->hostname,
		.size_max = config->message_size_max,
		.idle_ms = IDLE_MS,
		.greeting_ms = config->smtp_greeting_delay,
	};

	if (s == NULL)
		return YB_NOMEM;
	s->lmtp = l->service == CONFIG_LMTP;
	if (s->lmtp) {
		engine.flags |= SMTP_LMTP;
		engine.greeting_ms = 0;
	} else if (spoke_early(c)) {
		engine.flags |= SMTP_SPOKE_EARLY;
	}
	if (networks_have(span_str(config->xclient_networks), &c->peer))
		engine.flags |= SMTP_XCLIENT_ALLOWED;
	if (l->tls == CONFIG_TLS_IMPLICIT)
		engine.flags |= SMTP_TLS_ACTIVE;
	if (l->tls == CONFIG_TLS_START && c->tls_context != NULL)
		engine.flags |= SMTP_TLS_POSSIBLE;
	s->connection = c;
	body_init(&s->body, &c->worker->body_memory, WORKER_BODY_MEMORY);
	recipients_init(&s->recipients);
	s->engine = smtp_server_new(&engine, c->began_ms);
	if (s->engine == NULL) {
		free(s);
		return YB_NOMEM;
	}
	c->class = &smtp_class;
	c->session = s;
	c->out = smtp_server_output(s->engine);
	metric_add(c->worker->process.page, METRIC_SMTP_SESSIONS, 1);
	return YB_OK;
}
