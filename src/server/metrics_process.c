/*
 * The metrics process: answers /metrics, /livez and /readyz over HTTP on a
 * loopback port. It maps the other processes' counters read-only and can do
 * nothing else. One request a connection: those who scrape come every few
 * seconds, and what keeps no connection open has none to confuse.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "os/socket.h"
#include "proto/http_request.h"
#include "server/cage.h"
#include "server/children.h"
#include "server/metrics.h"
#include "server/process.h"

enum {
	/* Scrapers, probes and a person with curl. */
	CONNECTIONS_MAX = 64,
	/* From the connection to the last octet; a scrape takes 1 ms. */
	CONNECTION_MS = 10 * 1000,
	/* All families with all labels are 60 KiB. */
	ANSWER_MAX = 1024 * 1024,
	/* One page a process, and the supervisor's. */
	PAGES_MAX = CHILDREN_MAX + 1,
};

struct metrics_listener {
	struct metrics_process *process;
	struct loop_io io;
	int fd;
};

struct metrics_process {
	struct process process;
	struct metrics_listener listeners[CONFIG_LISTENERS_MAX];
	int next_listeners[CONFIG_LISTENERS_MAX]; /* handed over; -1: none */
	struct list connections;
	size_t connections_n;
	struct {
		const struct metrics_page *page;
		enum role role;
	} pages[PAGES_MAX];
	size_t pages_n;
};

struct http_connection {
	struct list link;
	struct metrics_process *process;
	int fd;
	struct loop_io io;
	struct loop_timer timer;
	struct buf in, out;
	size_t sent;
	bool answered; /* `out` is the whole answer */
	bool drained;  /* it is sent: waiting for the client's end */
};

/* ---- the documents ---- */

static void sum_all(const struct metrics_process *p,
		    uint64_t sums[METRIC_CELLS])
{
	memset(sums, 0, METRIC_CELLS * sizeof *sums);
	for (size_t i = 0; i < p->pages_n; i++)
		metrics_sum(sums, p->pages[i].page, p->pages[i].role);
}

static enum http_status make_readiness(const uint64_t *sums, struct buf *body,
				       enum yb_err *ret_err)
{
	bool ready = false;

	*ret_err = metrics_readiness(sums, &ready, body);
	if (*ret_err == YB_OK && ready)
		*ret_err = buf_add(body, SPAN_LIT("ready\n"));
	return ready ? HTTP_OK : HTTP_UNAVAILABLE;
}

/* Fills `body` with what stands at the path, or with why not. */
static enum http_status make_body(struct metrics_process *p, struct span path,
				  struct buf *body, const char **ret_type,
				  enum yb_err *ret_err)
{
	uint64_t sums[METRIC_CELLS];

	*ret_type = "text/plain; charset=utf-8";
	sum_all(p, sums);
	if (span_eq(path, SPAN_LIT("/metrics"))) {
		*ret_type = "application/openmetrics-text; version=1.0.0; "
			    "charset=utf-8";
		*ret_err = metrics_print(sums, body);
		return HTTP_OK;
	}
	if (span_eq(path, SPAN_LIT("/readyz")))
		return make_readiness(sums, body, ret_err);
	if (span_eq(path, SPAN_LIT("/livez"))) {
		*ret_err = buf_add(body, SPAN_LIT("alive\n"));
		return HTTP_OK;
	}
	*ret_err = buf_add(body,
			   SPAN_LIT("here are /metrics, /livez and /readyz\n"));
	return HTTP_NOT_FOUND;
}

/* ---- the answer ---- */

static enum yb_err put_head(struct buf *out, enum http_status status,
			    const char *type, size_t n)
{
	time_t now = (time_t)(clock_real_ns() / 1000000000);
	char date[64];
	struct tm tm;

	(void)gmtime_r(&now, &tm);
	/* RFC 9110 section 5.6.7; the process's locale is C. */
	(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return buf_addf(
		out,
		"HTTP/1.1 %u %s\r\n"
		"Date: %s\r\n"
		"Content-Type: %s\r\n"
		"Content-Length: %zu\r\n"
		"Cache-Control: no-store\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"%s"
		"Connection: close\r\n\r\n",
		(unsigned)status, http_status_text(status), date, type, n,
		status == HTTP_BAD_METHOD ? "Allow: GET, HEAD\r\n" : "");
}

static enum yb_err answer(struct http_connection *c, enum http_status status,
			  const struct http_request *request)
{
	const char *type = "text/plain; charset=utf-8";
	enum yb_err err = YB_OK;
	struct buf body;

	buf_init(&body, ANSWER_MAX);
	if (status == HTTP_OK)
		status = make_body(c->process, request->path, &body, &type,
				   &err);
	else
		err = buf_addf(&body, "%s\n", http_status_text(status));
	if (err == YB_OK)
		err = put_head(&c->out, status, type, body.n);
	if (err == YB_OK && !request->head)
		err = buf_add(&c->out, buf_span(&body));
	buf_done(&body);
	c->answered = true;
	return err;
}

/* ---- a connection ---- */

static void end(struct http_connection *c)
{
	struct loop *loop = c->process->process.loop;

	loop_unwatch(loop, &c->io);
	loop_timer_stop(&c->timer);
	list_remove(&c->link);
	c->process->connections_n--;
	fd_close(&c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
}

/* False if the connection is over. */
static bool receive(struct http_connection *c)
{
	uint8_t octets[HTTP_HEAD_MAX];
	struct http_request request = { .head = false };
	enum http_status status;
	ssize_t n;

	do
		n = recv(c->fd, octets, sizeof octets, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN;
	if (n == 0)
		return false;
	if (c->answered)
		return true; /* nobody asked for it: dropped */
	if (buf_add(&c->in, span_head(span_of(octets, (size_t)n),
				      buf_space(&c->in))) != YB_OK)
		return false;
	status = http_request_read(buf_span(&c->in), &request);
	return status == HTTP_MORE || answer(c, status, &request) == YB_OK;
}

static bool transmit(struct http_connection *c)
{
	while (c->sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->sent += (size_t)n;
	}
	/* Closing with octets unread would be a reset, which could overtake
	 * the answer: the client closes first, or its time runs out. */
	if (c->answered && !c->drained)
		c->drained = shutdown(c->fd, SHUT_WR) == 0;
	return true;
}

/* Level-triggered: as long as there is something, it comes again. */
static void on_ready(void *ctx, uint32_t events)
{
	struct http_connection *c = ctx;
	uint32_t wanted = EPOLLIN | LOOP_LEVEL;

	if (((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !receive(c)) ||
	    !transmit(c)) {
		end(c);
		return;
	}
	if (c->sent < c->out.n)
		wanted |= EPOLLOUT;
	if (loop_rewatch(c->process->process.loop, &c->io, wanted) != YB_OK)
		end(c);
}

static void on_time(void *ctx, uint64_t now_ms)
{
	(void)now_ms;
	end(ctx);
}

static void welcome(struct metrics_process *p, int fd)
{
	struct http_connection *c;

	/* The oldest has had more time than a scrape needs: slow clients must
	 * not make a server look dead to those that watch it. */
	if (p->connections_n == CONNECTIONS_MAX)
		end(list_entry(p->connections.next, struct http_connection,
			       link));
	c = calloc(1, sizeof *c);
	if (c == NULL) {
		fd_close(&fd);
		return;
	}
	c->process = p;
	c->fd = fd;
	c->io = (struct loop_io){ .fd = -1, .ready = on_ready, .ctx = c };
	buf_init(&c->in, HTTP_HEAD_MAX);
	buf_init(&c->out, ANSWER_MAX + HTTP_HEAD_MAX);
	loop_timer_init(&c->timer, on_time, c);
	list_push(&p->connections, &c->link);
	p->connections_n++;
	loop_timer_set(p->process.loop, &c->timer,
		       loop_now(p->process.loop) + CONNECTION_MS);
	if (loop_watch(p->process.loop, &c->io, fd, EPOLLIN | LOOP_LEVEL) !=
	    YB_OK)
		end(c);
}

static void on_listener(void *ctx, uint32_t events)
{
	struct metrics_listener *l = ctx;
	struct socket_address peer;
	int fd;

	(void)events;
	/* One a turn: the rest comes again. */
	if (socket_accept(l->fd, &fd, &peer) == YB_OK)
		welcome(l->process, fd);
}

/* ---- setting up ---- */

static bool take_page(struct metrics_process *p, struct message *m)
{
	struct message_reader r;
	uint32_t role;
	void *page;

	message_read(&r, m);
	role = message_read_u32(&r);
	if (!message_read_ended(&r) || role >= ROLE_COUNT || m->fds_n != 1 ||
	    p->pages_n == PAGES_MAX ||
	    memfd_map_shared(m->fds[0], sizeof(struct metrics_page), false,
			     &page) != YB_OK)
		return false;
	p->pages[p->pages_n].page = page;
	p->pages[p->pages_n++].role = (enum role)role;
	return true;
}

static bool take_listener(struct metrics_process *p, struct message *m)
{
	int *next;

	if (m->fds_n != 1 || m->id >= CONFIG_LISTENERS_MAX)
		return false;
	next = &p->next_listeners[m->id];
	fd_close(next);
	*next = fd_steal(&m->fds[0]);
	return true;
}

/* Those that were handed over, in place of those before them. */
static enum yb_err listen_all(struct metrics_process *p)
{
	enum yb_err err = YB_OK;

	for (size_t i = 0; i < CONFIG_LISTENERS_MAX && err == YB_OK; i++) {
		struct metrics_listener *l = &p->listeners[i];

		loop_unwatch(p->process.loop, &l->io);
		fd_close(&l->fd);
		l->fd = fd_steal(&p->next_listeners[i]);
		if (l->fd >= 0)
			err = loop_watch(p->process.loop, &l->io, l->fd,
					 EPOLLIN | LOOP_LEVEL);
	}
	return err;
}

static enum yb_err on_reload(void *ctx)
{
	return listen_all(ctx);
}

static bool start(struct metrics_process *p)
{
	enum yb_err err = cage_close(&p->process, NULL, 0);

	if (err == YB_OK)
		err = listen_all(p);
	if (err == YB_OK) {
		process_ready(&p->process);
		return true;
	}
	log_message(&p->process.log, LOG_ERROR, "start",
		    "cannot show metrics: %s", err_text(err));
	process_end(&p->process, 1);
	return true;
}

static bool on_message(void *ctx, struct message *m)
{
	struct metrics_process *p = ctx;

	switch (m->type) {
	case MESSAGE_PAGE_OF:
		return take_page(p, m);
	case MESSAGE_LISTENER:
		return take_listener(p, m);
	case MESSAGE_START:
		return start(p);
	default:
		return false;
	}
}

static void on_stop(void *ctx)
{
	struct metrics_process *p = ctx;

	process_end(&p->process, 0);
}

int metrics_process_main(void)
{
	struct metrics_process *p = calloc(1, sizeof *p);

	if (p == NULL || process_init(&p->process, ROLE_METRICS, 0) != YB_OK)
		return 1;
	p->process.on_message = on_message;
	p->process.on_stop = on_stop;
	p->process.on_reload = on_reload;
	p->process.ctx = p;
	list_init(&p->connections);
	for (size_t i = 0; i < CONFIG_LISTENERS_MAX; i++) {
		struct metrics_listener *l = &p->listeners[i];

		*l = (struct metrics_listener){ .process = p, .fd = -1 };
		l->io = (struct loop_io){ .fd = -1,
					  .ready = on_listener,
					  .ctx = l };
		p->next_listeners[i] = -1;
	}
	return process_run(&p->process);
}
