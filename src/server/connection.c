/*
 * OPEN -> LINGER [begin_linger] -> DEAD [die], or -> DEAD at any time.
 * PROXY -> OPEN or HANDSHAKE [worker_welcome].
 * HANDSHAKE -> OPEN [connection_handshake]; OPEN -> HANDSHAKE [begin_tls] at
 * STLS.
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

/*
 * Room in the socket is watched for from the first time on that there is
 * none; most sessions never get there.
 */
static void wait_for_room(struct connection *c)
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

static void die(struct connection *c, const char *why)
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

void connection_abort(struct connection *c, const char *why)
{
	die(c, why);
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
			die(c, NULL);
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
			wait_for_room(c);
			return;
		}
		c->notice_sent = true;
	}
	/* In clear, with nothing unread and nothing more to come from a
	 * client that said its last word, there is nothing to wait for. */
	if (c->tls == NULL && !c->can_read && c->unread.n == 0 &&
	    (c->ended || c->class->said_quit(c->session))) {
		die(c, NULL);
		return;
	}
	begin_linger(c);
	linger(c);
}

/* ---- sending ---- */

/* Sends what there is; false if the connection died. */
static bool send_output(struct connection *c)
{
	struct out_queue *q = c->class->output(c->session);

	while (c->can_write && !out_is_empty(q)) {
		size_t n;
		enum yb_err err = connection_send(c, &n);

		/* Who takes a large message slowly is not idle. */
		if (n > 0)
			c->class->tick(c->session,
				       loop_now(c->worker->process.loop),
				       ACTIVITY_WENT);
		if (err == YB_AGAIN) {
			wait_for_room(c);
		} else if (err != YB_OK) {
			die(c, err == YB_IO ? "log unreadable" : "hung up");
			return false;
		}
	}
	return c->stage != CONNECTION_DEAD;
}

/* ---- receiving ---- */

/*
 * Fewer than asked for: the socket is empty until the next edge. But an end
 * that came along with these octets has no edge of its own.
 */
static enum yb_err receive_tls(struct connection *c, size_t *ret_n)
{
	enum yb_err err = tls_connection_read(c->tls, c->worker->input,
					      WORKER_INPUT, ret_n);

	if (err == YB_OK && !c->end_is_near &&
	    tls_connection_is_drained(c->tls))
		c->can_read = false;
	return err;
}

static enum yb_err receive(struct connection *c, size_t *ret_n)
{
	ssize_t n;

	if (c->tls != NULL)
		return receive_tls(c, ret_n);
	do
		n = recv(c->fd, c->worker->input, WORKER_INPUT, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_from_errno(errno);
	if (n > 0 && n < WORKER_INPUT && !c->end_is_near)
		c->can_read = false;
	*ret_n = (size_t)n;
	return n == 0 ? YB_GONE : YB_OK;
}

/* Whether it is a command or a body is known before the engine has run. */
static size_t feed_watched(struct connection *c, struct span in)
{
	struct session_view view = { .secret = true };
	size_t n;

	c->class->view(c->session, &view);
	n = c->class->feed(c->session, in);
	if (c->tap != NULL)
		wire_input(c, span_head(in, n), view.secret);
	return n;
}

/*
 * As much as the engine eats, its events answered in between. An engine may
 * eat nothing and yet move on, by raising an event. Whether anything moved.
 */
static bool feed(struct connection *c, struct span in, size_t *ret_eaten)
{
	size_t eaten = 0, n;
	bool answered, moved = false;

	do {
		n = c->tap == NULL
			    ? c->class->feed(c->session, span_skip(in, eaten))
			    : feed_watched(c, span_skip(in, eaten));
		eaten += n;
		answered = c->class->progress(c->session);
		moved = moved || n > 0 || answered;
	} while ((n > 0 || answered) && eaten < in.n &&
		 c->class->is_hungry(c->session));
	*ret_eaten = eaten;
	return moved;
}

static bool is_secret(const struct connection *c)
{
	return c->class->is_secret != NULL && c->class->is_secret(c->session);
}

void connection_drop_unread(struct connection *c)
{
	c->worker->unread_memory -= c->unread_held;
	c->unread_held = 0;
	buf_done(&c->unread);
}

/* Keeps what the engine did not eat; its session ends if there is no room. */
static void keep_unread(struct connection *c, struct span rest)
{
	struct worker *w = c->worker;

	if (rest.n == 0)
		return;
	if (w->unread_memory + rest.n > WORKER_UNREAD_MEMORY) {
		die(c, "too much unread input in all");
		return;
	}
	c->unread_held = rest.n;
	w->unread_memory += rest.n;
	if (buf_add(&c->unread, rest) != YB_OK)
		die(c, "out of memory");
}

static bool feed_unread(struct connection *c)
{
	bool secret = is_secret(c);
	size_t eaten, n = c->unread.n;
	bool moved = feed(c, buf_span(&c->unread), &eaten);

	buf_drop(&c->unread, eaten);
	if (secret && n > c->unread.n)
		mem_wipe(c->unread.p + c->unread.n, n - c->unread.n);
	if (c->unread.n == 0)
		connection_drop_unread(c);
	return moved;
}

/* Feeds what was kept or has come; false if nothing moved. */
static bool feed_some(struct connection *c)
{
	size_t n = 0, eaten;
	bool secret = is_secret(c);
	enum yb_err err;

	if (!c->class->is_hungry(c->session))
		return false;
	if (c->unread.n > 0)
		return feed_unread(c);
	if (!c->can_read || c->ended)
		return false;
	err = receive(c, &n);
	if (err == YB_AGAIN && c->tls != NULL &&
	    tls_connection_wants_room(c->tls)) {
		/* TLS has to answer its peer before it reads on. */
		wait_for_room(c);
		return false;
	}
	if (err != YB_OK) {
		c->can_read = false;
		/* What it asked before it ended is still answered. */
		c->ended = err == YB_GONE;
		if (err != YB_AGAIN && err != YB_GONE)
			die(c, "hung up");
		return false;
	}
	c->octets_in += n;
	c->moved_ms = loop_now(c->worker->process.loop);
	metric_add(c->worker->process.page, METRIC_RECEIVED + c->service, n);
	if (c->asked_ns == 0)
		c->asked_ns = clock_mono_ns();
	c->class->tick(c->session, c->moved_ms, ACTIVITY_CAME);
	(void)feed(c, span_of(c->worker->input, n), &eaten);
	keep_unread(c, span_of(c->worker->input + eaten, n - eaten));
	/* All sessions share the buffer: a password does not stay in it. */
	if (secret)
		mem_wipe(c->worker->input, n);
	return true;
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
		die(c, "TLS cannot begin");
		return;
	}
	c->stage = CONNECTION_HANDSHAKE;
	c->can_read = true;
	oldest = handshakes_add(&c->worker->handshakes, c);
	if (oldest != NULL)
		die(oldest, "too many TLS handshakes");
	loop_timer_set(c->worker->process.loop, &c->timer,
		       loop_now(c->worker->process.loop) + HANDSHAKE_MS);
}

void connection_handshake(struct connection *c)
{
	/* A session that has TLS from the first octet has its greeting queued.
	 */
	bool greets = !out_is_empty(c->class->output(c->session));
	enum yb_err err;

	tls_connection_follow(c->tls, greets);
	err = tls_connection_handshake(c->tls);
	if (err == YB_AGAIN && tls_connection_wants_room(c->tls))
		wait_for_room(c);
	if (err == YB_AGAIN)
		return;
	metric_add(c->worker->process.page,
		   METRIC_HANDSHAKES +
			   (err == YB_OK ? METRIC_TLS_OK : METRIC_TLS_FAILED),
		   1);
	if (err != YB_OK) {
		die(c, "TLS handshake failed");
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
	       out_pending(c->class->output(c->session)) <= HOLD_OCTETS;
}

static void set_timer(struct connection *c)
{
	struct loop *loop = c->worker->process.loop;
	uint64_t deadline = c->class->deadline(c->session);

	if (out_is_empty(c->class->output(c->session)) || is_held(c))
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
		die(c, "hung up");
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
		       reads < PUMP_READS &&
		       out_has_room(c->class->output(c->session))) {
			moved = feed_some(c);
			reads++;
		}
		if (c->stage != CONNECTION_OPEN)
			return;
		if (is_held(c))
			break;
		spoke = !out_is_empty(c->class->output(c->session));
		if (!send_output(c))
			return;
		count_commands(c);
		if (!c->can_write ||
		    !out_is_empty(c->class->output(c->session)))
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
		die(c, NULL);
	} else if (c->stage == CONNECTION_PROXY) {
		connection_refuse_proxy(c, "no PROXY header in time");
	} else if (c->stage == CONNECTION_HANDSHAKE) {
		metric_add(c->worker->process.page,
			   METRIC_HANDSHAKES + METRIC_TLS_TIMEOUT, 1);
		die(c, "TLS handshake timeout");
	} else if (is_too_slow(c, now_ms)) {
		die(c, "client reads too slowly");
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
