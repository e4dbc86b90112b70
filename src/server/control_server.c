#include "server/control_server.h"

#include <stdlib.h>

#include "os/clock.h"
#include "os/fd.h"
#include "os/socket.h"

struct control_connection {
	struct list link;
	struct control_server *server; /* NULL once the server is done */
	struct control_call call;
	int fd;
	bool busy;    /* the handler works on a request */
	bool sending; /* a reply waits for room in the socket */
	bool pumping; /* requests are being read further down the stack */
	struct loop_io io;
	struct loop_timer timer;
};

static struct control_connection *of_call(struct control_call *call)
{
	return list_entry(call, struct control_connection, call);
}

/* Leaves only what a handler still needs: the call. */
static void disconnect(struct control_connection *c)
{
	if (c->server == NULL)
		return;
	loop_unwatch(c->server->loop, &c->io);
	loop_timer_stop(&c->timer);
	list_remove(&c->link);
	c->server->n--;
	c->server = NULL;
	fd_close(&c->fd);
}

/* Freed by whoever is the last to know of it. */
static void release(struct control_connection *c)
{
	if (c->server != NULL || c->busy || c->pumping)
		return;
	control_writer_done(&c->call.reply);
	free(c);
}

static void wait_for(struct control_connection *c, uint64_t ms)
{
	loop_timer_set(c->server->loop, &c->timer, clock_mono_ms() + ms);
}

static void send_reply(struct control_connection *c)
{
	struct span message = buf_span(&c->call.reply.out);
	enum yb_err err = packet_send(c->fd, &message, 1, &c->call.reply.fd,
				      c->call.reply.fd >= 0);

	c->sending = err == YB_AGAIN;
	if (err == YB_AGAIN) {
		wait_for(c, CONTROL_SEND_MS);
		return;
	}
	control_writer_done(&c->call.reply); /* it may be a password */
	if (err == YB_OK)
		wait_for(c, CONTROL_IDLE_MS);
	else
		disconnect(c);
}

static void pump(struct control_connection *c);

static void on_replied(struct control_call *call, enum yb_err err)
{
	struct control_connection *c = of_call(call);

	c->busy = false;
	if (c->server == NULL) {
		release(c);
		return;
	}
	if (call->reply.failed) {
		control_begin(&call->reply, call->type);
		call->more = false;
		err = YB_NOMEM;
	}
	control_set_head(&call->reply, err, call->more);
	send_reply(c);
	pump(c);
}

/* False if the message is no request: its sender is not one of ours. */
static bool begin_call(struct control_connection *c, size_t n, int fd)
{
	struct control_server *s = c->server;
	struct control_head head;

	if (control_read(span_of(s->buffer, n), &head, &c->call.fields) !=
	    YB_OK) {
		fd_close(&fd);
		return false;
	}
	c->call.type = (enum control_type)head.type;
	c->call.more = false;
	c->call.fd = fd;
	c->call.replied = on_replied;
	control_begin(&c->call.reply, c->call.type);
	c->busy = true;
	loop_timer_stop(&c->timer); /* from here on it is our turn */
	s->handle(s->ctx, &c->call);
	fd_close(&c->call.fd);
	/* A password may have been in it. */
	mem_wipe(s->buffer, n);
	return true;
}

/* One request; whether another one may be read. */
static bool read_one(struct control_connection *c)
{
	int fds[PACKET_FDS_MAX];
	size_t n, fds_n;
	enum yb_err err =
		packet_receive(c->fd, c->server->buffer, &n, fds, &fds_n);

	if (err == YB_AGAIN)
		return false;
	/* One descriptor at most, for what takes one. */
	for (size_t i = fds_n > 1 ? 0 : 1; err == YB_OK && i < fds_n; i++)
		fd_close(&fds[i]);
	if (err != YB_OK || fds_n > 1 ||
	    !begin_call(c, n, fds_n > 0 ? fds[0] : -1)) {
		disconnect(c);
		return false;
	}
	return true;
}

/* A reply within the handler comes back here: the loop goes on by itself. */
static void pump(struct control_connection *c)
{
	if (c->pumping)
		return;
	c->pumping = true;
	while (c->server != NULL && !c->busy && !c->sending && read_one(c))
		;
	c->pumping = false;
	release(c);
}

static void on_ready(void *ctx, uint32_t events)
{
	struct control_connection *c = ctx;

	/* Nobody hears the rest; what is being worked on is finished. */
	if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && c->busy))
		disconnect(c);
	else if (c->sending && (events & EPOLLOUT) != 0)
		send_reply(c);
	pump(c);
}

static void on_time(void *ctx, uint64_t now_ms)
{
	struct control_connection *c = ctx;

	(void)now_ms;
	disconnect(c);
	release(c);
}

enum yb_err control_server_init(struct control_server *s, struct loop *loop,
				control_handle_fn *handle, void *ctx)
{
	*s = (struct control_server){ .loop = loop,
				      .handle = handle,
				      .ctx = ctx };
	list_init(&s->connections);
	s->buffer = malloc(PACKET_MAX);
	return s->buffer != NULL ? YB_OK : YB_NOMEM;
}

void control_server_take(struct control_server *s, int fd)
{
	struct control_connection *c = NULL;

	if (s->n < CONTROL_CONNECTIONS_MAX &&
	    fd_set_nonblocking(fd, true) == YB_OK)
		c = calloc(1, sizeof *c);
	if (c == NULL) {
		fd_close(&fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	c->io = (struct loop_io){ .fd = -1, .ready = on_ready, .ctx = c };
	control_writer_init(&c->call.reply);
	loop_timer_init(&c->timer, on_time, c);
	list_push(&s->connections, &c->link);
	s->n++;
	wait_for(c, CONTROL_IDLE_MS);
	if (loop_watch(s->loop, &c->io, fd, EPOLLIN | EPOLLOUT) != YB_OK) {
		disconnect(c);
		release(c);
		return;
	}
	/* A request may have come with the hello. */
	pump(c);
}

bool control_server_message(struct control_server *s, struct message *m)
{
	if (m->fds_n != 1)
		return false;
	control_server_take(s, fd_steal(&m->fds[0]));
	return true;
}

bool control_call_is_heard(const struct control_call *call)
{
	const struct control_connection *c = list_entry(
		(uintptr_t)call, const struct control_connection, call);

	return c->server != NULL;
}

uint32_t control_call_uid(const struct control_call *call)
{
	const struct control_connection *c = list_entry(
		(uintptr_t)call, const struct control_connection, call);
	unsigned uid, gid;

	return socket_peer(c->fd, &uid, &gid) == YB_OK ? uid : UINT32_MAX;
}

void control_server_done(struct control_server *s)
{
	/* Never set up: nothing to close. */
	if (s->connections.next == NULL)
		return;
	list_for_each_safe(at, &s->connections) {
		struct control_connection *c =
			list_entry(at, struct control_connection, link);

		disconnect(c);
		release(c);
	}
	free(s->buffer);
	s->buffer = NULL;
}
