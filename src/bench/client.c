#include "bench/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "os/clock.h"
#include "os/fd.h"
#include "os/socket.h"
#include "tls/connection.h"

/*
 * Octets one client may read before the others have their turn: while the
 * server fills the socket as fast as we empty it, it would never end.
 */
enum { TURN_MAX = 8 * RUN_READ_MAX };

struct client {
	struct run *run;
	enum client_role role;
	struct dialog *dialog;
	uint64_t number; /* of the crowd */
	bool settled;    /* logged in, to stay */
	bool over;       /* stopped for good */
	/* A slow one's: fires when the next octet may be said. */
	struct loop_timer pace;
	bool may_speak;
	struct loop_io io;
	struct loop_timer timer; /* until the next answer */
	struct loop_task next;   /* connects, or reads on */
	struct tls_connection *tls;
	struct tls_session *session; /* of the connection before, to resume */
	int fd;
	bool handshaking;
	bool watches_room;     /* EPOLLOUT */
	bool hung_up;          /* the end has come and waits to be read */
	uint64_t began_ns;     /* the session */
	uint64_t operation_ns; /* the operation, where they are timed */
};

/* ---- the end of a session ---- */

static void keep_session(struct client *c)
{
	if (!c->run->plan->resume || c->tls == NULL || c->handshaking)
		return;
	tls_session_free(&c->session);
	c->session = tls_connection_session(c->tls);
}

static void hang_up(struct client *c)
{
	keep_session(c);
	tls_connection_free(&c->tls);
	loop_forget(c->run->loop, &c->io);
	fd_close(&c->fd);
	c->handshaking = c->watches_room = c->hung_up = false;
}

static void reset(struct client *c)
{
	struct linger now = { .l_onoff = 1 };

	/* Only for TCP; a Unix socket has nothing that lingers. */
	if (c->fd >= 0)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now,
				 sizeof now);
	hang_up(c);
}

/* The next octet of a slow one, or its next session. */
static void wait_for_pace(struct client *c)
{
	c->may_speak = false;
	loop_timer_set(c->run->loop, &c->pace,
		       loop_now(c->run->loop) +
			       c->run->plan->pace_seconds * 1000ull);
}

static void stop(struct client *c)
{
	loop_timer_stop(&c->timer);
	loop_timer_stop(&c->pace);
	c->over = true;
	run_stopped(c->run, c->role != CLIENT_LOAD);
}

static void give_up(struct client *c, const char *text)
{
	char named[BENCH_ERROR_TEXT_MAX + 64];

	reset(c);
	switch (c->role) {
	case CLIENT_LOAD:
		run_error(c->run, text);
		loop_defer(c->run->loop, &c->next);
		return;
	case CLIENT_IDLE:
		(void)snprintf(named, sizeof named, "idle connection %llu: %s",
			       (unsigned long long)c->number + 1, text);
		run_error(c->run, named);
		stop(c);
		run_lost(c->run);
		return;
	case CLIENT_SLOW:
		/* A server may well be tired of it. */
		c->run->result->crowd.slow_cut_off++;
		wait_for_pace(c);
		return;
	}
}

static void give_up_err(struct client *c, const char *what, enum yb_err err)
{
	char text[BENCH_ERROR_TEXT_MAX];

	(void)snprintf(text, sizeof text, "%s: %s", what, err_text(err));
	give_up(c, text);
}

/* What came in place of the answer that the dialog waits for. */
static void give_up_waiting(struct client *c, const char *what)
{
	char text[BENCH_ERROR_TEXT_MAX], name[DIALOG_NAME_MAX];
	bool awaits = c->dialog->kind->awaits(c->dialog, name);

	if (c->handshaking)
		(void)snprintf(text, sizeof text, "%s in the TLS handshake",
			       what);
	else if (awaits)
		(void)snprintf(text, sizeof text,
			       "%s before the end of the answer to %s", what,
			       name);
	else
		(void)snprintf(text, sizeof text,
			       "%s before the server closed the connection "
			       "after QUIT",
			       what);
	give_up(c, text);
}

/* The server has closed, as it should after QUIT. */
static void on_closed(struct client *c)
{
	const struct dialog_kind *kind = c->dialog->kind;
	bool timed = c->run->plan->pipelined && kind->ticket_a_session;

	if (c->role != CLIENT_LOAD) {
		hang_up(c);
		c->run->result->crowd.slow_sessions += c->role == CLIENT_SLOW;
		if (c->role == CLIENT_SLOW)
			wait_for_pace(c);
		else
			stop(c);
		return;
	}
	if (kind->counts_sessions)
		run_counted(c->run);
	if (kind->counts_sessions || timed)
		run_timed(c->run, clock_mono_ns() - c->began_ns);
	run_session(c->run);
	hang_up(c);
	loop_defer(c->run->loop, &c->next);
}

static void on_timeout(void *ctx, uint64_t now_ms)
{
	struct client *c = ctx;

	(void)now_ms;
	if (c->fd >= 0)
		give_up_waiting(c, "the time was up");
}

static void restart_timer(struct client *c)
{
	loop_timer_set(c->run->loop, &c->timer,
		       loop_now(c->run->loop) +
			       c->run->plan->timeout_seconds * 1000ull);
}

/* ---- writing ---- */

/* What may be said now of the dialog's output. */
static struct span sayable(const struct client *c)
{
	return span_head(buf_span(&c->dialog->out),
			 c->role == CLIENT_SLOW ? 1 : SIZE_MAX);
}

static enum yb_err send_plain(struct client *c, size_t *ret_n)
{
	struct dialog *d = c->dialog;
	struct span head = sayable(c);
	struct iovec parts[2] = {
		{ (void *)(uintptr_t)head.p, head.n },
		{ (void *)(uintptr_t)d->tail.p, d->tail.n },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	do
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	/* Until it is connected, a Unix or TCP socket says one of these. */
	if (n < 0)
		return errno == EAGAIN || errno == ENOTCONN
			       ? YB_AGAIN
			       : err_from_errno(errno);
	*ret_n = (size_t)n;
	return YB_OK;
}

static enum yb_err send_some(struct client *c, size_t *ret_n)
{
	struct dialog *d = c->dialog;

	if (c->tls == NULL)
		return send_plain(c, ret_n);
	return tls_connection_write(c->tls, d->out.n > 0 ? sayable(c) : d->tail,
				    ret_n);
}

static enum yb_err watch_room(struct client *c)
{
	if (c->watches_room)
		return YB_OK;
	c->watches_room = true;
	return loop_rewatch(c->run->loop, &c->io,
			    EPOLLIN | EPOLLRDHUP | EPOLLOUT);
}

/* Sends what the dialog has to say; false if the connection is given up. */
static bool flush(struct client *c)
{
	struct dialog *d = c->dialog;

	while (d->out.n + d->tail.n > 0) {
		size_t n = 0, head;
		enum yb_err err;

		if (c->role == CLIENT_SLOW && !c->may_speak)
			return true;
		err = send_some(c, &n);
		if (err == YB_AGAIN)
			err = watch_room(c);
		else if (err == YB_OK) {
			if (c->role == CLIENT_LOAD)
				run_octets(c->run, 0, n);
			else if (c->role == CLIENT_SLOW)
				wait_for_pace(c);
			head = n < d->out.n ? n : d->out.n;
			buf_drop(&d->out, head);
			d->tail = span_skip(d->tail, n - head);
			continue;
		}
		if (err == YB_OK)
			return true;
		/* What the server said last tells more, and is read first. */
		if (err == YB_GONE)
			return true;
		give_up_err(c, "sending", err);
		return false;
	}
	return true;
}

/* ---- TLS ---- */

/* False if the connection is given up. */
static bool shake_hands(struct client *c)
{
	enum yb_err err = tls_connection_handshake(c->tls);

	if (err == YB_AGAIN)
		err = watch_room(c);
	else if (err == YB_OK) {
		struct bench_result *r = c->run->result;

		r->tls_version = tls_connection_version(c->tls);
		r->tls_cipher = tls_connection_cipher(c->tls);
		if (c->role == CLIENT_LOAD)
			run_handshake(c->run, tls_connection_resumed(c->tls));
		c->handshaking = false;
		c->dialog->secure = true;
		c->dialog->kind->secured(c->dialog);
		return flush(c);
	}
	if (err == YB_OK)
		return true;
	give_up(c, "the TLS handshake failed: not TLS, or not the certificate "
		   "that is trusted");
	return false;
}

static bool begin_tls(struct client *c)
{
	enum yb_err err = tls_connection_connect(
		c->run->tls, c->fd, c->run->plan->server_name, &c->tls);

	if (err != YB_OK) {
		give_up_err(c, "TLS", err);
		return false;
	}
	if (c->session != NULL)
		tls_connection_resume(c->tls, c->session);
	c->handshaking = true;
	return shake_hands(c);
}

/* ---- reading ---- */

/* Gives octets to the dialog; false if the connection is given up. */
static bool feed(struct client *c, struct span in)
{
	struct dialog *d = c->dialog;

	while (in.n > 0) {
		enum dialog_step step = d->kind->feed(d, &in);
		uint64_t now;

		switch (step) {
		case DIALOG_MORE:
			break;
		case DIALOG_BEGAN:
			c->operation_ns = clock_mono_ns();
			break;
		case DIALOG_TIMED:
			now = clock_mono_ns();
			run_counted(c->run);
			run_timed(c->run, now - c->operation_ns);
			c->operation_ns = now;
			break;
		case DIALOG_COUNT:
			run_counted(c->run);
			break;
		case DIALOG_SETTLED:
			c->settled = true;
			loop_timer_stop(&c->timer);
			run_settled(c->run, clock_mono_ns() - c->began_ns);
			break;
		case DIALOG_SECURE:
			/* Octets in clear behind the answer could have been
			 * put there by anybody (threat 1). */
			if (in.n == 0)
				return begin_tls(c);
			(void)dialog_wrong(d, "octets in clear behind the "
					      "answer that begins TLS");
			give_up(c, d->wrong);
			return false;
		case DIALOG_WRONG:
			give_up(c, d->wrong);
			return false;
		}
	}
	return flush(c);
}

static enum yb_err receive(struct client *c, size_t *ret_n)
{
	ssize_t n;

	if (c->tls != NULL)
		return tls_connection_read(c->tls, c->run->in, RUN_READ_MAX,
					   ret_n);
	do
		n = recv(c->fd, c->run->in, RUN_READ_MAX, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNREFUSED ? YB_NOT_FOUND
					     : err_from_errno(errno);
	*ret_n = (size_t)n;
	return n == 0 ? YB_GONE : YB_OK;
}

static void on_read_error(struct client *c, enum yb_err err)
{
	char name[DIALOG_NAME_MAX];

	/*
	 * Peers often end TLS without a notice, and a reset can overtake the
	 * end. Behind the answer to QUIT neither takes anything away.
	 */
	if (!c->dialog->kind->awaits(c->dialog, name))
		on_closed(c);
	else if (err == YB_NOT_FOUND)
		give_up(c, "the connection was refused: nothing listens there");
	else if (err == YB_GONE)
		give_up_waiting(c, "the server closed the connection");
	else
		give_up_waiting(c, "the connection broke");
}

/*
 * Reads until the socket is empty: it is watched by edges. A short read
 * empties a plain one, unless the end stands behind it.
 */
static void read_all(struct client *c)
{
	size_t total = 0;

	restart_timer(c);
	while (c->fd >= 0 && !c->handshaking) {
		size_t n = 0;
		enum yb_err err = receive(c, &n);

		if (err == YB_AGAIN)
			return;
		if (err != YB_OK) {
			on_read_error(c, err);
			return;
		}
		if (c->role == CLIENT_LOAD)
			run_octets(c->run, n, 0);
		if (!feed(c, span_of(c->run->in, n)))
			return;
		total += n;
		if (c->tls == NULL && n < RUN_READ_MAX && !c->hung_up)
			return;
		if (total >= TURN_MAX) {
			loop_defer(c->run->loop, &c->next);
			return;
		}
	}
}

/* ---- connecting ---- */

static void on_ready(void *ctx, uint32_t events)
{
	struct client *c = ctx;

	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		c->hung_up = true;
	if (c->handshaking && !shake_hands(c))
		return;
	if ((events & EPOLLOUT) != 0 && !c->handshaking && !flush(c))
		return;
	if ((events & ~(uint32_t)EPOLLOUT) != 0 || c->tls != NULL)
		read_all(c);
}

static void begin_dialog(struct client *c, uint64_t serial)
{
	struct dialog *d = c->dialog;

	buf_clear(&d->out);
	d->tail = SPAN_NONE;
	d->secure = false;
	d->wrong[0] = 0;
	d->kind->begin(d, serial);
}

static void connect_next(struct client *c)
{
	const struct bench_plan *plan = c->run->plan;
	uint32_t events = EPOLLIN | EPOLLRDHUP;
	uint64_t serial = 0;
	enum yb_err err;

	if (c->role != CLIENT_LOAD)
		serial = c->number;
	else if (!run_may_connect(c->run, &serial)) {
		stop(c);
		return;
	}
	c->may_speak = true;
	begin_dialog(c, serial);
	restart_timer(c);
	c->began_ns = c->operation_ns = clock_mono_ns();
	err = socket_connect(&plan->address, false, &c->fd);
	if (err == YB_OK || err == YB_AGAIN) {
		/* A short session never writes again before an answer. */
		if (!c->dialog->kind->counts_sessions)
			socket_no_delay(c->fd);
		/* Servers of POP3 and SMTP speak first: only TLS waits for
		 * the connection itself. */
		c->watches_room = plan->tls == BENCH_TLS;
		if (c->watches_room)
			events |= EPOLLOUT;
		err = loop_watch(c->run->loop, &c->io, c->fd, events);
	}
	if (err != YB_OK)
		give_up_err(c, "connecting", err);
	else if (plan->tls == BENCH_TLS)
		(void)begin_tls(c);
}

static void on_next(void *ctx)
{
	struct client *c = ctx;

	if (c->fd >= 0)
		read_all(c);
	else
		connect_next(c);
}

static void on_pace(void *ctx, uint64_t now_ms)
{
	struct client *c = ctx;

	(void)now_ms;
	if (c->fd < 0) {
		connect_next(c);
		return;
	}
	c->may_speak = true;
	/* It is the server that may be waited for, not its client. */
	restart_timer(c);
	if (!c->handshaking)
		(void)flush(c);
}

/* ---- life ---- */

static const struct dialog_kind *kind_of(const struct run *run,
					 enum client_role role)
{
	switch (role) {
	case CLIENT_LOAD:
		break;
	case CLIENT_IDLE:
		return &dialog_pop3_idle;
	case CLIENT_SLOW:
		return &dialog_pop3_empty;
	}
	return run->plan->what->kind;
}

enum yb_err client_new(struct run *run, enum client_role role, uint64_t number,
		       struct client **ret)
{
	struct client *c = calloc(1, sizeof *c);
	enum yb_err err;

	if (c == NULL)
		return YB_NOMEM;
	err = dialog_new(kind_of(run, role), run->plan, &run->world,
			 &c->dialog);
	if (err != YB_OK) {
		free(c);
		return err;
	}
	c->run = run;
	c->role = role;
	c->number = number;
	c->fd = -1;
	c->io = (struct loop_io){ .fd = -1, .ready = on_ready, .ctx = c };
	loop_timer_init(&c->timer, on_timeout, c);
	loop_timer_init(&c->pace, on_pace, c);
	loop_task_init(&c->next, on_next, c);
	*ret = c;
	return YB_OK;
}

void client_free(struct client **c)
{
	if (*c == NULL)
		return;
	reset(*c);
	tls_session_free(&(*c)->session);
	loop_timer_stop(&(*c)->timer);
	loop_timer_stop(&(*c)->pace);
	loop_task_cancel(&(*c)->next);
	dialog_free(&(*c)->dialog);
	free(*c);
	*c = NULL;
}

void client_start(struct client *c)
{
	loop_defer(c->run->loop, &c->next);
}

void client_leave(struct client *c)
{
	if (c->over)
		return;
	if (c->role == CLIENT_IDLE && c->settled && c->fd >= 0) {
		restart_timer(c);
		c->dialog->kind->leave(c->dialog);
		(void)flush(c);
		return;
	}
	loop_task_cancel(&c->next);
	reset(c);
	stop(c);
}
