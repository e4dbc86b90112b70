#include "server/pop3_session.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/map.h"
#include "mime/wire.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/memfd.h"
#include "proto/pop3_server.h"
#include "sasl/server.h"
#include "server/wire.h"
#include "server/worker.h"
#include "store/store.h"

enum {
	/* RFC 1939 section 3: "MUST be of at least 10 minutes' duration". */
	IDLE_MS = 10 * 60 * 1000,
	/* From the greeting to a login, in total. */
	LOGIN_MS = 3 * 60 * 1000,
	/* Of deleted uids; more of them go in a memfd, so many at a time. */
	RANGES_INLINE = 4096,
	/* Half of what the engine takes; those of our mechanisms are short. */
	CHALLENGE_MAX = 4096,
	/* TOP with a huge count reads this much, then lets others run. */
	TOP_AT_ONCE = 4 * 1024 * 1024,
};

struct pop3_session {
	struct connection *connection;
	struct pop3_server *engine;
	bool waiting; /* an event has to be answered from outside */
	bool wants_tls;
	bool asked_sasl;   /* the login that waits is a SASL exchange */
	bool reading_top;  /* `top` goes on at the next progress */
	uint64_t request;  /* waits for an answer; 0: none */
	uint64_t exchange; /* SASL, at auth; 0: none */
	bool open;         /* `handle` is a session at the store */
	uint64_t handle;
	int log_fd;
	struct pop3_event event; /* RETR or TOP that waits for the log */
	struct wire_top top;
	void *listing_block;           /* inline listing, or NULL */
	struct mapped_listing *mapped; /* one that came as a memfd, or NULL */
	struct listing listing;
	uint64_t deleted;    /* messages that QUIT really deleted */
	uint64_t uidls_left; /* listing_head's sum without them */
	char *address;       /* canonical, once logged in */
	char *apop;          /* the greeting's timestamp, or NULL */
	char sasl[SASL_LIST_MAX], sasl_tls[SASL_LIST_MAX]; /* offered */
};

/* ---- the maildrop ---- */

static void tell_closed(struct pop3_session *s)
{
	struct message_writer w;

	if (!s->open)
		return;
	s->open = false;
	message_write(&w);
	message_write_u64(&w, s->handle);
	worker_tell_lazily(s->connection->worker, ASKED_STORE, MESSAGE_CLOSE, 0,
			   &w);
}

static enum yb_err take_listing(struct pop3_session *s, uint64_t number,
				struct span inline_, struct message *m)
{
	enum yb_err err;

	if (m->fds_n == 1) {
		err = listings_open(&s->connection->worker->listings, number,
				    m->fds[0], &s->mapped);
		if (err != YB_OK)
			return err;
		return listing_view(s->mapped->mapping, &s->listing);
	}
	s->listing_block = malloc(inline_.n > 0 ? inline_.n : 1);
	if (s->listing_block == NULL)
		return YB_NOMEM;
	if (inline_.n > 0)
		memcpy(s->listing_block, inline_.p, inline_.n);
	return listing_view(span_of(s->listing_block, inline_.n), &s->listing);
}

static void forget_listing(struct pop3_session *s)
{
	listings_close(&s->connection->worker->listings, &s->mapped);
	free(s->listing_block);
	s->listing_block = NULL;
	free(s->address);
	s->address = NULL;
}

static void count_login(struct pop3_session *s)
{
	struct metrics_page *page = s->connection->worker->process.page;

	metric_add(page, METRIC_POP3_SESSIONS, 1);
	metric_add(page, METRIC_POP3_OPEN, 1);
}

/* The store has opened the maildrop that auth granted. */
static bool on_opened(struct pop3_session *s, struct message *m)
{
	struct message_reader r;
	struct span address, block;
	enum yb_err err;
	uint64_t number;
	bool may_delete;

	message_read(&r, m);
	err = message_read_err(&r);
	s->handle = message_read_u64(&r);
	may_delete = message_read_u8(&r) != 0;
	address = message_read_octets(&r);
	number = message_read_u64(&r);
	block = message_read_octets(&r);
	if (!message_read_ended(&r) || m->fds_n > 1)
		return false;
	s->open = err == YB_OK;
	if (err == YB_OK) {
		s->address = strndup((const char *)address.p, address.n);
		err = s->address == NULL ? YB_NOMEM
					 : take_listing(s, number, block, m);
	}
	if (err != YB_OK) {
		tell_closed(s);
		forget_listing(s); /* the client may try again */
	}
	if (err == YB_OK)
		count_login(s);
	if (err == YB_OK && !may_delete)
		pop3_server_forbid_delete(s->engine);
	if (err == YB_OK && s->connection->tap != NULL)
		wire_identify(s->connection, s->address);
	pop3_server_login_done(s->engine, err, &s->listing);
	return true;
}

/* ---- login ---- */

static bool on_challenge(struct pop3_session *s, struct message *m)
{
	struct message_reader r;
	struct span challenge;

	message_read(&r, m);
	challenge = message_read_octets(&r);
	if (!message_read_ended(&r) || !s->asked_sasl ||
	    challenge.n > CHALLENGE_MAX)
		return false;
	if (s->exchange == 0)
		s->exchange = m->id;
	pop3_server_sasl_challenge(s->engine, challenge);
	return true;
}

static bool on_login_failed(struct pop3_session *s, struct message *m)
{
	struct message_reader r;
	struct span last_words;
	enum yb_err err;

	message_read(&r, m);
	err = message_read_err(&r);
	last_words = message_read_octets(&r);
	if (!message_read_ended(&r) || err == YB_OK ||
	    last_words.n > CHALLENGE_MAX ||
	    (last_words.n > 0 && !s->asked_sasl))
		return false;
	pop3_server_sasl_failed(s->engine, err, last_words);
	return true;
}

/* The client or the connection gave up what auth still works on. */
static void forget_login(struct pop3_session *s)
{
	struct message_writer w;
	uint64_t id = s->exchange != 0 ? s->exchange : s->request;

	if (id == 0)
		return;
	message_write(&w);
	worker_tell_lazily(s->connection->worker, ASKED_AUTH, MESSAGE_CANCEL,
			   id, &w);
	s->exchange = 0;
}

static bool on_login_answer(void *ctx, enum yb_err err, struct message *m)
{
	struct pop3_session *s = ctx;
	bool good = true;

	if (m == NULL)
		forget_login(s); /* auth may still work on it */
	s->request = 0;
	s->waiting = false;
	if (m == NULL)
		pop3_server_login_done(s->engine, err, NULL);
	else if (m->type == MESSAGE_OPENED)
		good = on_opened(s, m);
	else if (m->type == MESSAGE_SASL_CHALLENGE)
		good = on_challenge(s, m);
	else if (m->type == MESSAGE_LOGIN_FAILED)
		good = on_login_failed(s, m);
	else
		good = false;
	if (m == NULL || m->type != MESSAGE_SASL_CHALLENGE)
		s->exchange = 0;
	if (!good)
		pop3_server_login_done(s->engine, YB_GONE, NULL);
	connection_resume(s->connection);
	return good;
}

static uint8_t peer_flags(const struct connection *c)
{
	const struct config_listener *l =
		&c->settings->config.listeners[c->listener];

	if (c->tls != NULL)
		return MESSAGE_PEER_TLS;
	/* Whatever else this listener allows: not the secrets of others. */
	return (l->legacy & CONFIG_LEGACY_WITHOUT_TLS) != 0
		       ? MESSAGE_PEER_LEGACY
		       : 0;
}

static void write_peer(struct message_writer *w, const struct connection *c)
{
	uint8_t address[16];
	char sid[CONNECTION_SID_MAX];

	connection_sid(c, sid);
	socket_address_octets(&c->peer, address);
	message_write_raw(w, address, sizeof address);
	message_write_u8(w, peer_flags(c));
	message_write_u8(w, AUTH_POP3);
	message_write_octets(w, span_str(sid));
	message_write_u8(w, true); /* a maildrop is wanted */
}

/* The channel bindings of RFC 9266 and 5929, and the client's certificate:
 * what there is of them. */
static void write_bindings(struct message_writer *w, const struct connection *c)
{
	uint8_t exporter[TLS_EXPORTER_LEN], end_point[TLS_END_POINT_MAX];
	uint8_t certificate[TLS_FINGERPRINT_LEN];
	size_t exporter_n = 0, end_point_n = 0, certificate_n = 0;

	if (c->tls != NULL && tls_connection_exporter(c->tls, exporter))
		exporter_n = sizeof exporter;
	if (c->tls != NULL)
		end_point_n = tls_connection_end_point(c->tls, end_point);
	message_write_octets(w, span_of(exporter, exporter_n));
	message_write_octets(w, span_of(end_point, end_point_n));
	if (c->tls != NULL && tls_connection_certificate(c->tls, certificate))
		certificate_n = sizeof certificate;
	message_write_octets(w, span_of(certificate, certificate_n));
	mem_wipe(exporter, sizeof exporter);
}

static void ask_login(struct pop3_session *s, enum message_type type,
		      const struct message_writer *w, struct span last)
{
	uint32_t n = (uint32_t)last.n;
	const struct span parts[] = { message_written(w), span_of(&n, sizeof n),
				      last };

	s->waiting = true;
	s->request = worker_ask(s->connection->worker, ASKED_LOGIN, type, parts,
				3, NULL, 0, on_login_answer, s);
}

static void on_login(struct pop3_session *s, const struct pop3_event *ev)
{
	struct message_writer w;

	s->asked_sasl = false;
	message_write(&w);
	write_peer(&w, s->connection);
	message_write_octets(&w, ev->user);
	ask_login(s, MESSAGE_LOGIN, &w, ev->secret);
	mem_wipe(&w, sizeof w);
}

static void on_sasl(struct pop3_session *s, const struct pop3_event *ev)
{
	struct message_writer w;

	s->asked_sasl = true;
	message_write(&w);
	if (s->exchange != 0) {
		message_write_u64(&w, s->exchange);
		ask_login(s, MESSAGE_SASL_STEP, &w, ev->response);
		return;
	}
	write_peer(&w, s->connection);
	write_bindings(&w, s->connection);
	message_write_octets(&w, ev->mechanism);
	message_write_u8(&w, ev->has_response);
	ask_login(s, MESSAGE_SASL, &w, ev->response);
	mem_wipe(&w, sizeof w);
}

/* ---- RETR and TOP ---- */

static const struct listing_row *row_of(const struct pop3_session *s)
{
	return &s->listing.rows[s->event.index];
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
		ssize_t n = pread(s->log_fd, c->worker->scratch, want,
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

	if (s->event.kind == POP3_EV_RETR) {
		pop3_server_answer_range(s->engine, row->offset, row->wire_size,
					 false);
		return;
	}
	wire_top_init(&s->top, row->header_size, row->wire_size,
		      s->event.lines);
	answer_top(s);
}

static bool on_log(void *ctx, enum yb_err err, struct message *m)
{
	struct pop3_session *s = ctx;
	struct message_reader r;
	bool good = true;

	s->request = 0;
	s->waiting = false;
	if (m != NULL) {
		message_read(&r, m);
		err = message_read_err(&r);
		good = message_read_ended(&r) && m->type == MESSAGE_LOG_READY &&
		       (err == YB_OK) == (m->fds_n == 1);
	}
	if (good && err == YB_OK) {
		s->log_fd = fd_steal(&m->fds[0]);
		answer_message(s);
	} else {
		pop3_server_answer_error(s->engine, good ? err : YB_GONE);
	}
	connection_resume(s->connection);
	return good;
}

/* Nine sessions of ten never get here: the log comes at the first message. */
static void on_retr(struct pop3_session *s, const struct pop3_event *ev)
{
	struct message_writer w;
	struct span body;

	s->event = *ev;
	if (s->log_fd >= 0) {
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

/* ---- QUIT ---- */

/* An account taken over, or a client gone wrong, should not go unnoticed. */
static void warn_of_many(const struct pop3_session *s)
{
	const struct connection *c = s->connection;
	const struct config *config = &c->settings->config;
	uint64_t count = s->listing.head->count;
	char sid[CONNECTION_SID_MAX];
	struct log_line line;

	if (config->mass_delete_percent == 0 ||
	    s->deleted < config->mass_delete_least ||
	    s->deleted * 100 < count * config->mass_delete_percent)
		return;
	connection_sid(c, sid);
	log_begin(&line, &c->worker->process.log, LOG_WARN, "mass-delete");
	log_field_str(&line, "session", sid);
	log_field_str(&line, "account", s->address);
	log_field_u64(&line, "deleted", s->deleted);
	log_field_u64(&line, "messages", count);
	log_end(&line);
}

static bool on_quit_done(void *ctx, enum yb_err err, struct message *m)
{
	struct pop3_session *s = ctx;
	struct message_reader r;
	bool good = true;

	s->request = 0;
	s->waiting = false;
	if (m != NULL) {
		message_read(&r, m);
		err = message_read_err(&r);
		good = message_read_ended(&r) && m->type == MESSAGE_QUIT_DONE;
	}
	if (good && err == YB_OK) {
		s->deleted = pop3_server_deleted_count(s->engine);
		warn_of_many(s);
	}
	pop3_server_quit_done(s->engine, good ? err : YB_GONE);
	connection_resume(s->connection);
	return good;
}

static void forget_uidl(struct pop3_session *s, uint32_t index)
{
	s->uidls_left -= listing_uidl_hash(listing_uidl(&s->listing, index));
}

/* Ranges of deleted uids on their way to the store, in bounded memory. */
struct ranges {
	int fd; /* memfd of those that had no room, or -1 */
	size_t n;
	struct uid_range v[RANGES_INLINE];
};

static struct span ranges_span(const struct ranges *r)
{
	return span_of(r->v, r->n * sizeof *r->v);
}

static enum yb_err ranges_spill(struct ranges *r)
{
	enum yb_err err = YB_OK;

	if (r->fd < 0)
		err = memfd_open("yubin-ranges", &r->fd);
	if (err == YB_OK)
		err = file_write_all(r->fd, ranges_span(r));
	r->n = 0;
	return err;
}

/*
 * Rows lie in the order of their uids, and what lies between two rows is gone
 * already: neighbours make one range.
 */
static enum yb_err collect_ranges(struct pop3_session *s, struct ranges *out)
{
	uint32_t count = s->listing.head->count;
	enum yb_err err = YB_OK;

	for (uint32_t i = 0; i < count && err == YB_OK; i++) {
		struct uid_range range;

		if (!pop3_server_is_deleted(s->engine, i))
			continue;
		range.first = s->listing.rows[i].uid;
		forget_uidl(s, i);
		while (i + 1 < count &&
		       pop3_server_is_deleted(s->engine, i + 1))
			forget_uidl(s, ++i);
		range.last = s->listing.rows[i].uid;
		if (out->n == RANGES_INLINE)
			err = ranges_spill(out);
		out->v[out->n++] = range;
	}
	/* All of them travel in one way. */
	if (err == YB_OK && out->fd >= 0)
		err = ranges_spill(out);
	if (err == YB_OK && out->fd >= 0)
		err = memfd_seal(out->fd);
	return err;
}

static void send_ranges(struct pop3_session *s, const struct ranges *ranges)
{
	struct message_writer w;
	struct span parts[2];

	message_write(&w);
	message_write_u64(&w, s->handle);
	message_write_u32(&w, (uint32_t)s->connection->worker->start_id);
	message_write_u32(&w, (uint32_t)s->connection->id);
	parts[1] = ranges_span(ranges);
	message_write_u32(&w, (uint32_t)parts[1].n);
	parts[0] = message_written(&w);
	s->waiting = true;
	s->request = worker_ask(s->connection->worker, ASKED_STORE,
				MESSAGE_QUIT, parts, 2, &ranges->fd,
				ranges->fd >= 0, on_quit_done, s);
	/* QUIT closes it, whatever the outcome; if it has left. */
	s->open = s->open && s->request == 0;
}

static void on_quit(struct pop3_session *s)
{
	struct ranges ranges = { .fd = -1, .n = 0 };
	enum yb_err err;

	if (pop3_server_deleted_count(s->engine) == 0) {
		tell_closed(s);
		pop3_server_quit_done(s->engine, YB_OK);
		return;
	}
	if (!s->open) {
		pop3_server_quit_done(s->engine, YB_SNAPSHOT_GONE);
		return;
	}
	s->uidls_left = s->listing.head->uidls;
	err = collect_ranges(s, &ranges);
	if (err == YB_OK)
		send_ranges(s, &ranges);
	else
		pop3_server_quit_done(s->engine, err);
	fd_close(&ranges.fd);
}

/* ---- what the connection calls ---- */

static void answer(struct pop3_session *s, const struct pop3_event *ev)
{
	switch (ev->kind) {
	case POP3_EV_LOGIN:
		on_login(s, ev);
		return;
	case POP3_EV_SASL:
		on_sasl(s, ev);
		return;
	case POP3_EV_SASL_CANCEL:
		forget_login(s);
		return;
	case POP3_EV_STARTTLS:
		s->wants_tls = true;
		return;
	case POP3_EV_RETR:
	case POP3_EV_TOP:
		on_retr(s, ev);
		return;
	case POP3_EV_QUIT:
		on_quit(s);
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
	struct pop3_event ev;
	bool answered = false;

	if (s->reading_top)
		answer_top(s);
	while (!s->waiting && !s->reading_top && !s->wants_tls &&
	       pop3_server_poll(s->engine, &ev)) {
		answer(s, &ev);
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

static struct out_queue *output(void *session)
{
	struct pop3_session *s = session;

	return pop3_server_output(s->engine);
}

static int log_fd(const void *session)
{
	const struct pop3_session *s = session;

	return s->log_fd;
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
	if (out_is_empty(pop3_server_output(s->engine)))
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
	struct log_line line;

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
	forget_login(s);
	requests_cancel(&s->connection->worker->requests, s->request);
	tell_closed(s);
	pop3_server_free(&s->engine);
	fd_close(&s->log_fd);
	forget_listing(s);
	free(s->apop);
	free(s);
}

static const struct session_class pop3_class = {
	.feed = feed,
	.progress = progress,
	.is_secret = is_secret,
	.is_hungry = is_hungry,
	.is_asking = is_asking,
	.output = output,
	.log_fd = log_fd,
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
	s->log_fd = -1;
	s->engine = pop3_server_new(&engine, c->began_ms);
	if (s->engine == NULL) {
		free(s->apop);
		free(s);
		return YB_NOMEM;
	}
	c->class = &pop3_class;
	c->session = s;
	return YB_OK;
}
