/*
 * Receiving: octets go from the socket, or TLS, to the engine; what it does
 * not eat is kept, within what all of a worker's connections may keep.
 */
#include "server/connection.h"

#include <errno.h>

#include "os/clock.h"
#include "server/wire.h"
#include "server/worker.h"

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
		connection_abort(c, "too much unread input in all");
		return;
	}
	c->unread_held = rest.n;
	w->unread_memory += rest.n;
	if (buf_add(&c->unread, rest) != YB_OK)
		connection_abort(c, "out of memory");
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

bool connection_receive(struct connection *c)
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
		connection_wait_for_room(c);
		return false;
	}
	if (err != YB_OK) {
		c->can_read = false;
		/* What it asked before it ended is still answered. */
		c->ended = err == YB_GONE;
		if (err != YB_AGAIN && err != YB_GONE)
			connection_abort(c, "hung up");
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
