/*
 * OPEN -> LINGER [begin_linger] -> DEAD [connection_abort], or -> DEAD at any
 * time. PROXY -> OPEN or HANDSHAKE [worker_welcome]. HANDSHAKE -> OPEN
 * [connection_handshake]; OPEN -> HANDSHAKE [begin_tls] at STLS.
 *
 * The watch is edge-triggered: can_read and can_write remember what the
 * kernel said, until a call finds nothing more.
 */
#include "server/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/fd.h"
#include "server/wire.h"
#include "server/worker.h"

enum {
	/* RFC 8446 handshakes take two round trips; links may be slow. */
	HANDSHAKE_MS = 30 * 1000,
	/* Proxies send their header along with the first packet. */
	PROXY_MS = 5 * 1000,
	/* A client that got its last line closes at once. */
	LINGER_MS = 5 * 1000,
	/* Octets that a lingering client may still send. */
	LINGER_OCTETS = 256 * 1024,
	/*
	 * While output waits for it, a reader has to take so much in so long
	 * (threat 29): 136 octets a second. A telephone of 1995 took ten times
	 * that; who takes one at a time would keep a session for a year.
	 */
	SLOW_MS = 120 * 1000,
	SLOW_OCTETS = 16 * 1024,
	/* Turns of reading and sending before other connections get theirs,
	 * and reads in all of them: 2 MiB of a message on its way in. */
	PUMP_ROUNDS = 16,
	PUMP_READS = 32,
	/* Answers that wait for the next one, since one call is cheaper than
	 * two; more of them go while that is on its way. */
	HOLD_OCTETS = 16 * 1024,
};

static const uint32_t WATCHED = EPOLLIN | EPOLLRDHUP;

static void pump(struct connection *c);

/* Most sessions never get there. */
void connection_wait_for_room(struct connection *c)
{
	c->can_write = false;
	if (c->watches_room)
		return;
	c->watches_room = true;
	if (loop_rewatch(c->worker->process.loop, &c->io, WATCHED | EPOLLOUT) !=
	    YB_OK)
		connection_abort(c, "cannot be watched");
}

/* ---- the end ---- */

void connection_abort(struct connection *c, const char *why)
{
	if (c->stage == CONNECTION_DEAD)
		return;
	c->stage = CONNECTION_DEAD;
	if (c->session != NULL) {
		void *session = c->session;

		c->session = NULL;
		c->class->closed(session, why);
	}
	loop_forget(c->worker->process.loop, &c->io);
	loop_timer_stop(&c->timer);
	loop_task_cancel(&c->resume);
	handshakes_remove(&c->worker->handshakes, c);
	worker_bury(c->worker, c);
}

/*
 * All is sent. Closing now would be wrong while the client may still send:
 * data that meets a closed socket is answered by a reset, and a reset throws
 * away what the client has not read yet. So our side is shut down, and what
 * comes is dropped until the client closes too.
 */
static void begin_linger(struct connection *c)
{
	void *session = c->session;

	c->stage = CONNECTION_LINGER;
	c->session = NULL;
	c->class->closed(session, NULL);
	connection_drop_unread(c);
	c->octets_in = 0;
	(void)shutdown(c->fd, SHUT_WR); /* the end is seen by read */
	loop_timer_set(c->worker->process.loop, &c->timer,
		       loop_now(c->worker->process.loop) + LINGER_MS);
}

static void linger(struct connection *c)
{
	while (c->can_read) {
		ssize_t n = read(c->fd, c->worker->input, WORKER_INPUT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			c->can_read = false;
			return;
		}
		if (n > 0)
			c->octets_in += (uint64_t)n;
		if (n <= 0 || c->octets_in > LINGER_OCTETS) {
			connection_abort(c, NULL);
			return;
		}
	}
}

/* What the client's system has taken; the kernel's buffer is not it. */
static uint64_t octets_taken(const struct connection *c)
{
	uint64_t n;

	return socket_octets_acked(c->fd, &n) == YB_OK ? n : c->octets_out;
}

/* When output began to wait for room: its reader's time runs from there. */
static uint64_t waits_since(struct connection *c)
{
	if (c->sending_since_ms == 0) {
		c->sending_since_ms = loop_now(c->worker->process.loop);
		c->taken_then = octets_taken(c);
	}
	return c->sending_since_ms;
}

/* At the end of that time: whether it was too slow. If not, a new one runs. */
static bool is_too_slow(struct connection *c, uint64_t now_ms)
{
	uint64_t taken;

	if (c->sending_since_ms == 0 || now_ms < c->sending_since_ms + SLOW_MS)
		return false;
	taken = octets_taken(c);
	if (taken - c->taken_then < SLOW_OCTETS)
		return true;
	c->sending_since_ms = now_ms;
	c->taken_then = taken;
	return false;
}

static void finish(struct connection *c)
{
	if (c->tls != NULL && !c->notice_sent) {
		enum yb_err err = tls_connection_close(c->tls);

		if (err == YB_AGAIN) {
			loop_timer_set(c->worker->process.loop, &c->timer,
				       waits_since(c) + SLOW_MS);
			connection_wait_for_room(c);
			return;
		}
		c->notice_sent = true;
	}
	/* In clear, with nothing unread and nothing more to come from a
	 * client that said its last word, there is nothing to wait for. */
	if (c->tls == NULL && !c->can_read && c->unread.n == 0 &&
	    (c->ended || c->class->said_quit(c->session))) {
		connection_abort(c, NULL);
		return;
	}
	begin_linger(c);
	linger(c);
}

/* ---- sending ---- */

/* Sends what there is; false if the connection died. */
static bool send_output(struct connection *c)
{
	while (c->can_write && !out_is_empty(c->out)) {
		size_t n;
		enum yb_err err = connection_send(c, &n);

		/* Who takes a large message slowly is not idle. */
		if (n > 0)
			c->class->tick(c->session,
				       loop_now(c->worker->process.loop),
				       ACTIVITY_WENT);
		if (err == YB_AGAIN) {
			connection_wait_for_room(c);
		} else if (err != YB_OK) {
			connection_abort(c, err == YB_IO ? "log unreadable"
							 : "hung up");
			return false;
		}
	}
	return c->stage != CONNECTION_DEAD;
}

/* ---- TLS ---- */

static void begin_tls(struct connection *c)
{
	struct connection *oldest;

	/* Octets that came in clear behind the command are not believed
	 * (threat 1); the engine ends such a session by itself, and here
	 * nothing may be left that TLS has not protected. */
	if (c->tls_context == NULL || c->unread.n > 0 ||
	    tls_connection_accept(c->tls_context, c->fd, &c->tls) != YB_OK ||
	    (c->settings->config.listeners[c->listener].client_certificates !=
		     0 &&
	     tls_connection_ask_certificate(c->tls) != YB_OK)) {
		connection_abort(c, "TLS cannot begin");
		return;
	}
	c->stage = CONNECTION_HANDSHAKE;
	c->can_read = true;
	oldest = handshakes_add(&c->worker->handshakes, c);
	if (oldest != NULL)
		connection_abort(oldest, "too many TLS handshakes");
	loop_timer_set(c->worker->process.loop, &c->timer,
		       loop_now(c->worker->process.loop) + HANDSHAKE_MS);
}

void connection_handshake(struct connection *c)
{
	/* A session that has TLS from the first octet has its greeting queued.
	 */
	bool greets = !out_is_empty(c->out);
	enum yb_err err;

	tls_connection_follow(c->tls, greets);
	err = tls_connection_handshake(c->tls);
	if (err == YB_AGAIN && tls_connection_wants_room(c->tls))
		connection_wait_for_room(c);
	if (err == YB_AGAIN)
		return;
	metric_add(c->worker->process.page,
		   METRIC_HANDSHAKES +
			   (err == YB_OK ? METRIC_TLS_OK : METRIC_TLS_FAILED),
		   1);
	if (err != YB_OK) {
		connection_abort(c, "TLS handshake failed");
		return;
	}
	handshakes_remove(&c->worker->handshakes, c);
	c->stage = CONNECTION_OPEN;
	c->can_read = c->can_write = true;
	if (c->class->secured != NULL)
		c->class->secured(c->session);
	if (c->class->wants_tls(c->session))
		c->class->tls_started(c->session);
	pump(c);
}

/* ---- the pump ---- */

/*
 * The client sent commands ahead of their answers, and one of them has to be
 * asked inside: the answers before it are kept back until its own is there. Not
 * where the socket is full: there the time of a slow reader runs (threat 29).
 */
static bool is_held(const struct connection *c)
{
	return c->can_write && c->class->is_asking != NULL &&
	       c->class->is_asking(c->session) &&
	       !c->class->is_over(c->session) &&
	       out_pending(c->out) <= HOLD_OCTETS;
}

static void set_timer(struct connection *c)
{
	struct loop *loop = c->worker->process.loop;
	uint64_t deadline = c->class->deadline(c->session);

	if (out_is_empty(c->out) || is_held(c))
		c->sending_since_ms = 0;
	else if (waits_since(c) + SLOW_MS < deadline)
		deadline = waits_since(c) + SLOW_MS;
	loop_timer_set(loop, &c->timer, deadline);
}

/* Nothing moves any more for now; false if that is the end. */
static bool come_to_rest(struct connection *c)
{
	/* Where the session is not hungry, an answer is on its way. */
	if (c->ended && c->class->is_hungry(c->session)) {
		connection_abort(c, "hung up");
		return false;
	}
	if (c->unread.n == 0 && !c->can_read)
		c->class->release(c->session);
	return true;
}

/* The clock is read twice for all that was pipelined. */
static void count_commands(struct connection *c)
{
	if (c->asked_ns != 0 &&
	    c->class->count(c->session, clock_mono_ns() - c->asked_ns))
		c->asked_ns = 0;
}

static void pump_open(struct connection *c)
{
	int reads = 0;

	for (int round = 0; round < PUMP_ROUNDS; round++) {
		bool moved = true, spoke;

		/* All that has come is answered, then sent in few calls. */
		(void)c->class->progress(c->session);
		while (moved && c->stage == CONNECTION_OPEN &&
		       reads < PUMP_READS && out_has_room(c->out)) {
			moved = connection_receive(c);
			reads++;
		}
		if (c->stage != CONNECTION_OPEN)
			return;
		if (is_held(c))
			break;
		spoke = !out_is_empty(c->out);
		if (!send_output(c))
			return;
		count_commands(c);
		if (!c->can_write || !out_is_empty(c->out))
			break;
		if (c->class->is_over(c->session)) {
			finish(c);
			return;
		}
		if (c->class->wants_tls(c->session)) {
			begin_tls(c);
			return;
		}
		if (!moved && !spoke) {
			if (!come_to_rest(c))
				return;
			break;
		}
		if (round == PUMP_ROUNDS - 1 || reads == PUMP_READS) {
			connection_resume(c);
			break;
		}
	}
	set_timer(c);
}

static void pump(struct connection *c)
{
	enum connection_stage before;

	/* A stage that ends may leave something for the next: TLS may have
	 * read the first command along with the last of the handshake, and
	 * after STLS the client's hello may be here already. */
	do {
		before = c->stage;
		if (before == CONNECTION_PROXY)
			connection_read_proxy(c);
		else if (before == CONNECTION_HANDSHAKE)
			handshakes_want(&c->worker->handshakes, c);
		else if (before == CONNECTION_OPEN)
			pump_open(c);
		else if (before == CONNECTION_LINGER)
			linger(c);
	} while (c->stage != before);
}

static void ready(void *ctx, uint32_t events)
{
	struct connection *c = ctx;

	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		c->can_read = true;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		c->end_is_near = true;
	if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
		c->can_write = true;
	pump(c);
}

static void resume(void *ctx)
{
	pump(ctx);
}

static void out_of_time(void *ctx, uint64_t now_ms)
{
	struct connection *c = ctx;

	if (c->stage == CONNECTION_LINGER) {
		connection_abort(c, NULL);
	} else if (c->stage == CONNECTION_PROXY) {
		connection_refuse_proxy(c, "no PROXY header in time");
	} else if (c->stage == CONNECTION_HANDSHAKE) {
		metric_add(c->worker->process.page,
			   METRIC_HANDSHAKES + METRIC_TLS_TIMEOUT, 1);
		connection_abort(c, "TLS handshake timeout");
	} else if (is_too_slow(c, now_ms)) {
		connection_abort(c, "client reads too slowly");
	} else {
		c->class->tick(c->session, now_ms, ACTIVITY_NONE);
		pump(c);
	}
}

void connection_resume(struct connection *c)
{
	if (c->stage != CONNECTION_DEAD)
		loop_defer(c->worker->process.loop, &c->resume);
}

/* ---- birth ---- */

enum yb_err connection_new(struct worker *worker, int fd,
			   const struct socket_address *peer,
			   struct connection **ret)
{
	struct connection *c = calloc(1, sizeof *c);

	if (c == NULL)
		return YB_NOMEM;
	c->worker = worker;
	c->fd = fd;
	c->log_fd = -1;
	c->peer = *peer;
	c->burst = WORKER_SCRATCH;
	c->began_ms = c->moved_ms = loop_now(worker->process.loop);
	c->io = (struct loop_io){ .fd = -1, .ready = ready, .ctx = c };
	buf_init(&c->unread, WORKER_INPUT);
	loop_timer_init(&c->timer, out_of_time, c);
	loop_task_init(&c->resume, resume, c);
	handshake_init(&c->handshake);
	if (loop_watch(worker->process.loop, &c->io, fd, WATCHED) != YB_OK) {
		free(c);
		return YB_NOMEM;
	}
	c->settings = settings_hold(worker->settings);
	c->id = ++worker->next_id;
	list_push(&worker->connections, &c->link);
	*ret = c;
	return YB_OK;
}

void connection_begin(struct connection *c, bool implicit_tls)
{
	c->stage = CONNECTION_OPEN;
	c->can_write = true; /* what can be read is told by the first edge */
	if (implicit_tls)
		begin_tls(c);
}

void connection_start(struct connection *c, bool proxied)
{
	if (proxied) {
		c->stage = CONNECTION_PROXY;
		loop_timer_set(c->worker->process.loop, &c->timer,
			       c->began_ms + PROXY_MS);
	} else {
		worker_welcome(c);
	}
	pump(c);
}

/* ---- the log ---- */

void connection_sid(const struct connection *c, char ret[CONNECTION_SID_MAX])
{
	(void)snprintf(ret, CONNECTION_SID_MAX, "w%u.%llx.%llx",
		       c->worker->process.number,
		       (unsigned long long)c->worker->start_id,
		       (unsigned long long)c->id);
}

bool connection_stranger_may_log(const struct connection *c)
{
	if (log_allows_stranger(&c->worker->process.log))
		return true;
	metric_add(c->worker->process.page, METRIC_SUPPRESSED, 1);
	return false;
}

void connection_summary_begin(const struct connection *c, struct log_line *line,
			      const char *service)
{
	char sid[CONNECTION_SID_MAX], peer[SOCKET_TEXT_MAX];

	connection_sid(c, sid);
	socket_address_print(&c->peer, peer);
	log_begin(line, &c->worker->process.log, LOG_INFO, "session");
	log_field_str(line, "service", service);
	log_field_str(line, "session", sid);
	log_field_str(line, "peer", peer);
	/* RFC 8314 section 4: "SHOULD log TLS cipher information". */
	if (c->tls != NULL) {
		log_field_str(line, "tls", tls_connection_version(c->tls));
		log_field_str(line, "cipher", tls_connection_cipher(c->tls));
	}
}

void connection_summary_end(const struct connection *c, struct log_line *line,
			    const char *why)
{
	log_field_u64(line, "in", c->octets_in);
	log_field_u64(line, "out", c->octets_out);
	log_field_u64(line, "ms",
		      loop_now(c->worker->process.loop) - c->began_ms);
	log_field_str(line, "end", why);
	log_end(line);
}
