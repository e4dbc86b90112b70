/*
 * What a proxy says before its client's first octet. The header is looked at
 * where it lies in the socket and then taken out of it, to the octet, since
 * TLS may follow.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "net/proxy.h"
#include "server/connection.h"
#include "server/worker.h"

static void log_refusal(const struct connection *c, const char *why)
{
	char peer[SOCKET_TEXT_MAX], sid[CONNECTION_SID_MAX];
	UNSET struct log_line line;

	if (!connection_stranger_may_log(c))
		return;
	connection_sid(c, sid);
	socket_address_print(&c->peer, peer);
	log_begin(&line, &c->worker->process.log, LOG_WARN, "proxy");
	log_field_str(&line, "session", sid);
	log_field_str(&line, "peer", peer);
	log_field_str(&line, "error", why);
	log_end(&line);
}

void connection_refuse_proxy(struct connection *c, const char *why)
{
	log_refusal(c, why);
	connection_abort(c, why);
}

static void take(struct connection *c, size_t n,
		 const struct proxy_header *header)
{
	if (recv(c->fd, c->worker->input, n, MSG_DONTWAIT) != (ssize_t)n) {
		connection_abort(c, "hung up");
		return;
	}
	if (!header->local)
		c->peer = header->source;
	c->can_read = true; /* more may have come with it */
	worker_welcome(c);
}

void connection_read_proxy(struct connection *c)
{
	struct proxy_header header;
	size_t used;
	ssize_t n;

	if (!c->can_read)
		return;
	do
		n = recv(c->fd, c->worker->input, PROXY_V2_MAX,
			 MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		c->can_read = false;
		return;
	}
	if (n <= 0) {
		connection_abort(c, "hung up");
		return;
	}
	switch (proxy_read(span_of(c->worker->input, (size_t)n), &used,
			   &header)) {
	case PROXY_DONE:
		take(c, used, &header);
		return;
	case PROXY_WRONG:
		connection_refuse_proxy(c, "no PROXY header");
		return;
	case PROXY_MORE:
		/* The rest brings an edge of its own, but an end has been. */
		c->can_read = false;
		if (c->end_is_near)
			connection_abort(c, "hung up");
		return;
	}
}
