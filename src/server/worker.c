#include "server/worker.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "os/fd.h"
#include "os/random.h"
#include "server/cage.h"
#include "server/control_worker.h"

enum {
	/* Its socket, and the log that it reads or the body that it sends. */
	FDS_OF_SESSION = 2,
	/* Listeners, channels, what one turn receives and closes at its end:
	 * a quarter of what the system grants, within these bounds. */
	FDS_RESERVED_MIN = 64,
	FDS_RESERVED_MAX = 256,
	/* Sessions get this long to take their last line. */
	STOP_MS = 5 * 1000,
};

/* ---- asking ---- */

static struct peer *peer_of(struct worker *w, unsigned asked)
{
	return (asked & ASKED_AUTH) != 0 ? &w->auth : &w->store;
}

uint64_t worker_ask(struct worker *w, unsigned asked, enum message_type type,
		    const struct span *parts, size_t parts_n, const int *fds,
		    size_t fds_n, request_answer_fn *answer, void *ctx)
{
	struct peer *peer = peer_of(w, asked);
	enum yb_err err = YB_GONE;
	uint64_t id = 0;

	if (peer->present) {
		id = requests_begin(&w->requests, asked, answer, ctx);
		err = id == 0 ? YB_OVERLOAD
			      : channel_send(&peer->channel, type, id, parts,
					     parts_n, fds, fds_n);
	}
	if (err == YB_OK)
		return id;
	requests_cancel(&w->requests, id);
	(void)answer(ctx, err, NULL); /* there is no message to judge */
	return 0;
}

void worker_tell(struct worker *w, unsigned asked, enum message_type type,
		 uint64_t id, const struct message_writer *fields)
{
	struct peer *peer = peer_of(w, asked);

	if (peer->present)
		/* If it is gone, what was to be told is gone with it. */
		(void)channel_send_fields(&peer->channel, type, id, fields);
}

void worker_tell_lazily(struct worker *w, unsigned asked,
			enum message_type type, uint64_t id,
			const struct message_writer *fields)
{
	struct peer *peer = peer_of(w, asked);

	if (!peer->present)
		return;
	(void)channel_send_lazily(&peer->channel, type, id, fields);
	if (w->lazy.at_ms == UINT64_MAX)
		loop_timer_set(w->process.loop, &w->lazy,
			       loop_now(w->process.loop) + LAZY_MS);
}

static void flush_lazy(void *ctx, uint64_t now_ms)
{
	struct worker *w = ctx;

	(void)now_ms;
	if (w->auth.present)
		channel_flush(&w->auth.channel);
	if (w->store.present)
		channel_flush(&w->store.channel);
}

/* ---- auth and store ---- */

/* A maildrop that was opened for a login that nobody waits for any more. */
static void close_unwanted(struct worker *w, struct message *m)
{
	struct message_reader r;
	UNSET struct message_writer out;
	enum yb_err err;

	if (m->type != MESSAGE_OPENED)
		return;
	message_read(&r, m);
	err = message_read_err(&r);
	message_write(&out);
	message_write_u64(&out, message_read_u64(&r));
	if (err == YB_OK && !r.bad)
		worker_tell(w, ASKED_STORE, MESSAGE_CLOSE, 0, &out);
}

static bool on_answer(struct worker *w, unsigned from, struct message *m)
{
	bool unwanted;

	if (!requests_answer(&w->requests, from, m, &unwanted))
		return false;
	if (unwanted)
		close_unwanted(w, m);
	return true;
}

/* Of all sessions of this worker, the one with this number at the store. */
static bool on_session_ended(struct worker *w, struct message *m)
{
	struct message_reader r;
	uint64_t handle;

	message_read(&r, m);
	handle = message_read_u64(&r);
	if (!message_read_ended(&r))
		return false;
	list_for_each(link, &w->connections) {
		struct connection *c =
			list_entry(link, struct connection, link);

		if (c->session == NULL || c->class->revoked == NULL ||
		    !c->class->revoked(c->session, handle))
			continue;
		connection_resume(c);
		break;
	}
	return true;
}

static bool on_offers(struct worker *w, struct message *m)
{
	struct message_reader r;

	message_read(&r, m);
	w->imported = message_read_u8(&r) != 0;
	return message_read_ended(&r);
}

static bool on_peer_message(struct peer *peer, struct message *m)
{
	if (peer->role == ROLE_AUTH && m->type == MESSAGE_OFFERS)
		return on_offers(peer->owner, m);
	if (peer->role == ROLE_AUTH && m->type == MESSAGE_STORE_LOST) {
		requests_fail_logins(&((struct worker *)peer->owner)->requests);
		return true;
	}
	if (peer->role == ROLE_STORE && m->type == MESSAGE_SESSION_ENDED)
		return on_session_ended(peer->owner, m);
	return on_answer(peer->owner,
			 peer->role == ROLE_AUTH ? ASKED_AUTH : ASKED_STORE, m);
}

/* I7: its snapshots went with the store, and a session number would mean
 * another maildrop to its successor. */
static void on_store_gone(struct worker *w)
{
	listings_forget(&w->listings);
	list_for_each(link, &w->connections) {
		struct connection *c =
			list_entry(link, struct connection, link);

		if (c->session != NULL && c->class->store_gone != NULL)
			c->class->store_gone(c->session);
	}
}

static void on_peer_end(struct peer *peer, enum yb_err why)
{
	struct worker *w = peer->owner;

	if (why == YB_GONE)
		log_message(&w->process.log, LOG_WARN, "channel", "%s is gone",
			    role_name(peer->role));
	if (peer->role == ROLE_STORE)
		on_store_gone(w);
	requests_fail(&w->requests,
		      peer->role == ROLE_AUTH ? ASKED_AUTH : ASKED_STORE);
}

static struct peer *find_peer(void *owner, enum role role, uint32_t number)
{
	struct worker *w = owner;

	(void)number; /* there is one of each */
	if (role == ROLE_AUTH)
		return &w->auth;
	return role == ROLE_STORE ? &w->store : NULL;
}

/* ---- settings ---- */

static bool take_listener(struct worker *w, struct message *m)
{
	int *next;

	if (m->fds_n != 1 || m->id >= w->process.config.listeners_n)
		return false;
	next = &w->next_listeners[m->id];
	fd_close(next);
	*next = fd_steal(&m->fds[0]);
	return true;
}

/* Settings that are being handed over, begun with the first part of them. */
static struct settings *next_settings(struct worker *w)
{
	if (w->next == NULL)
		w->next = settings_new(&w->process.config);
	return w->next;
}

/* A worker goes on with what it has, if it has begun. */
static void fail_next(struct worker *w)
{
	w->next_failed = true;
	if (w->settings == NULL)
		process_end(&w->process, 1);
}

static bool take_keys(struct worker *w, struct message *m)
{
	const struct config *config = &w->process.config;
	const char *reason = "out of memory";
	enum yb_err err = YB_NOMEM;

	if (m->fds_n != 2 || m->id >= config_pairs(config))
		return false;
	if (next_settings(w) != NULL)
		err = settings_add_pair(w->next, m->id, m->fds[0], m->fds[1],
					&reason);
	if (err == YB_OK)
		return true;
	log_message(&w->process.log, LOG_ERROR, "tls",
		    "certificate %s with key %s: %s",
		    config_pair_certificate(config, m->id),
		    config_pair_key(config, m->id), reason);
	fail_next(w);
	return true;
}

static bool take_client_ca(struct worker *w, struct message *m)
{
	const char *reason = "out of memory";
	enum yb_err err = YB_NOMEM;

	if (m->fds_n != 1)
		return false;
	if (next_settings(w) != NULL)
		err = settings_trust_clients(w->next, m->fds[0], &reason);
	if (err == YB_OK)
		return true;
	log_message(&w->process.log, LOG_ERROR, "tls", "tls.client_ca %s: %s",
		    w->process.config.client_ca, reason);
	fail_next(w);
	return true;
}

/* Those that were begun before resume no more. */
static void renew_tickets(struct worker *w)
{
	struct span secret =
		span_of(w->tickets.secret, sizeof w->tickets.secret);
	enum yb_err err =
		tickets_advance(&w->tickets, loop_now(w->process.loop));

	if (err == YB_OK && w->settings->pop3_tls != NULL)
		err = tls_context_tickets(w->settings->pop3_tls, secret);
	if (err == YB_OK && w->settings->smtp_tls != NULL)
		err = tls_context_tickets(w->settings->smtp_tls, secret);
	if (err != YB_OK)
		log_message(&w->process.log, LOG_WARN, "tls",
			    "session tickets keep their keys: %s",
			    err_text(err));
	loop_timer_set(w->process.loop, &w->tickets_end,
		       tickets_end_ms(&w->tickets));
}

static void on_tickets_end(void *ctx, uint64_t now_ms)
{
	(void)now_ms;
	renew_tickets(ctx);
}

static void drop_next(struct worker *w)
{
	settings_release(&w->next);
	for (uint32_t i = 0; i < CONFIG_LISTENERS_MAX; i++)
		fd_close(&w->next_listeners[i]);
	w->next_failed = false;
}

/* What was handed over counts from now on, for those who come. */
static bool begin_settings(struct worker *w)
{
	if (w->next_failed || next_settings(w) == NULL) {
		drop_next(w);
		return false;
	}
	worker_listen(w, false);
	settings_release(&w->settings);
	w->settings = w->next;
	w->next = NULL;
	renew_tickets(w);
	metric_set(w->process.page, METRIC_CERTIFICATE,
		   w->settings->pop3_tls == NULL
			   ? 0
			   : (uint64_t)tls_context_not_after(
				     w->settings->pop3_tls));
	for (uint32_t i = 0; i < CONFIG_LISTENERS_MAX; i++) {
		struct worker_listener *l = &w->listeners[i];

		fd_close(&l->fd);
		l->fd = fd_steal(&w->next_listeners[i]);
	}
	return true;
}

/* ---- setting up ---- */

/*
 * A descriptor from the store that finds no room ends the channel, and every
 * session with it: so no more are let in than have room for all they need.
 */
static void find_room(struct worker *w)
{
	struct rlimit files;
	size_t reserved;

	w->room = SIZE_MAX;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	reserved = files.rlim_cur / 4;
	if (reserved < FDS_RESERVED_MIN)
		reserved = FDS_RESERVED_MIN;
	if (reserved > FDS_RESERVED_MAX)
		reserved = FDS_RESERVED_MAX;
	/* The supervisor does not start where nobody would find room. */
	w->room = files.rlim_cur <= reserved
			  ? 0
			  : (files.rlim_cur - reserved) / FDS_OF_SESSION;
}

static void limit_connections(struct worker *w)
{
	size_t wanted = w->settings->config.connections_max;

	w->connections_max = wanted < w->room ? wanted : w->room;
	if (w->room < wanted)
		log_message(&w->process.log, LOG_WARN, "limit",
			    "room for %zu connections, not for connections_max "
			    "= %zu: a process may have too few descriptors "
			    "(ulimit -n)",
			    w->room, wanted);
}

static bool start(struct worker *w)
{
	if (!begin_settings(w)) {
		process_end(&w->process, 1);
		return true;
	}
	if (control_server_init(&w->control, w->process.loop, control_worker,
				w) != YB_OK) {
		process_end(&w->process, 1);
		return true;
	}
	find_room(w);
	limit_connections(w);
	/* A reload may bring TLS to a server that began without. */
	if (w->settings->pop3_tls != NULL &&
	    tls_context_warm_up(w->settings->pop3_tls) != YB_OK)
		log_message(&w->process.log, LOG_WARN, "tls",
			    "this OpenSSL cannot speak TLS with itself");
	tls_prepare();
	/* The allocator and the resolver have opened what they want by now;
	 * from here on nothing is opened. */
	if (cage_close(&w->process, NULL, 0) != YB_OK) {
		log_message(&w->process.log, LOG_ERROR, "cage",
			    "the cage cannot be closed");
		process_end(&w->process, 1);
		return true;
	}
	worker_listen(w, true);
	process_ready(&w->process);
	return true;
}

/* Sessions go on with the settings that they began with. */
static enum yb_err on_reload(void *ctx)
{
	struct worker *w = ctx;

	if (w->stopping || !begin_settings(w)) {
		drop_next(w);
		return YB_INVALID;
	}
	limit_connections(w);
	worker_listen(w, true);
	return YB_OK;
}

static bool on_message(void *ctx, struct message *m)
{
	struct worker *w = ctx;

	switch (m->type) {
	case MESSAGE_PEER:
		return peer_take(&w->process, m, find_peer, w);
	case MESSAGE_LISTENER:
		return take_listener(w, m);
	case MESSAGE_CLIENT_CA:
		return take_client_ca(w, m);
	case MESSAGE_KEYS:
		return take_keys(w, m);
	case MESSAGE_TICKETS:
		return tickets_read(&w->tickets, m);
	case MESSAGE_START:
		return start(w);
	case MESSAGE_CONTROL:
		return control_server_message(&w->control, m);
	case MESSAGE_DRAIN:
		drain_begin(w);
		return true;
	default:
		return false;
	}
}

/* ---- ending ---- */

static void stop_now(void *ctx, uint64_t now_ms)
{
	struct worker *w = ctx;

	(void)now_ms;
	process_end(&w->process, 0);
}

/* Every session says its last line; what is being answered is answered. */
static void on_stop(void *ctx)
{
	struct worker *w = ctx;

	worker_stop_listening(w);
	list_for_each_safe(link, &w->connections) {
		struct connection *c =
			list_entry(link, struct connection, link);

		if (c->stage == CONNECTION_OPEN) {
			c->class->shutdown(c->session);
			connection_resume(c);
		} else if (connection_is_young(c)) {
			connection_abort(c, "server is shutting down");
		}
	}
	loop_timer_stop(&w->listen_again); /* it may be running already */
	loop_timer_init(&w->listen_again, stop_now, w);
	loop_timer_set(w->process.loop, &w->listen_again,
		       loop_now(w->process.loop) + STOP_MS);
}

int worker_main(uint32_t number)
{
	struct worker *w = calloc(1, sizeof *w);

	if (w == NULL ||
	    process_init(&w->process, ROLE_WORKER, number) != YB_OK ||
	    requests_init(&w->requests, w->process.loop) != YB_OK)
		return 1;
	w->process.on_message = on_message;
	w->process.on_stop = on_stop;
	w->process.on_reload = on_reload;
	w->process.ctx = w;
	w->auth.owner = w->store.owner = w;
	w->auth.on_message = w->store.on_message = on_peer_message;
	w->auth.on_end = w->store.on_end = on_peer_end;
	w->start_id = os_random_u64() >> 32;
	worker_connections_init(w);
	list_init(&w->watches);
	handshakes_init(&w->handshakes, w->process.loop, connection_handshake);
	loop_timer_init(&w->lazy, flush_lazy, w);
	loop_timer_init(&w->tickets_end, on_tickets_end, w);
	listings_init(&w->listings);
	drain_init(w);
	return process_run(&w->process);
}
