/*
 * The connections of a worker: accepted, given a session or turned away,
 * counted by address, and buried.
 */
#include <stdlib.h>

#include "os/fd.h"
#include "os/network.h"
#include "os/random.h"
#include "sasl/server.h"
#include "server/auth_session.h"
#include "server/pop3_session.h"
#include "server/smtp_session.h"
#include "server/wire.h"
#include "server/worker.h"

enum {
	/* So that no listener starves the sessions. */
	ACCEPTS_AT_ONCE = 8,
	/* Descriptors come back as sessions end. */
	LISTEN_AGAIN_MS = 100,
};

static void bury_dead(void *ctx)
{
	struct worker *w = ctx;
	struct list *link;

	while ((link = list_pop(&w->dead)) != NULL) {
		struct connection *c =
			list_entry(link, struct connection, link);

		tls_connection_free(&c->tls);
		fd_close(&c->fd);
		connection_drop_unread(c);
		settings_release(&c->settings);
		free(c);
	}
	if (w->stopping && w->connections_n == 0)
		process_end(&w->process, 0);
}

/* What counts as one address: an IPv4 one, or the /64 of a host with IPv6. */
static struct span address_key(const struct socket_address *peer,
			       uint8_t octets[16])
{
	socket_address_octets(peer, octets);
	return span_of(octets, peer->any.sa_family == AF_INET6 ? 8 : 16);
}

/* Whether its address may have one more; counts it. */
static bool count(struct worker *w, struct connection *c)
{
	uint8_t octets[16];
	struct span key = address_key(&c->peer, octets);
	uintptr_t n = (uintptr_t)map_get(&w->per_address, key);

	if (c->peer.any.sa_family != AF_UNIX &&
	    n >= w->settings->config.connections_per_address_max)
		return false;
	c->counted = map_put(&w->per_address, key, (void *)(n + 1)) == YB_OK;
	return c->counted;
}

/* The opposite of count(). */
static void discount(struct worker *w, struct connection *c)
{
	uint8_t octets[16];
	struct span key = address_key(&c->peer, octets);
	uintptr_t n = (uintptr_t)map_get(&w->per_address, key);

	if (!c->counted)
		return;
	c->counted = false;
	if (n > 1) /* replacing a value allocates nothing */
		(void)map_put(&w->per_address, key, (void *)(n - 1));
	else
		(void)map_remove(&w->per_address, key);
}

void worker_bury(struct worker *w, struct connection *c)
{
	wire_end(c);
	discount(w, c);
	w->connections_n--;
	metric_add(w->process.page, METRIC_CONNECTIONS + c->service,
		   UINT64_MAX); /* one less */
	list_remove(&c->link);
	/* Its last octets may wait for the end, to go along with it. TLS
	 * still knows the descriptor by number. */
	if (c->tls == NULL)
		fd_close(&c->fd);
	list_push(&w->dead, &c->link);
	loop_defer(w->process.loop, &w->bury);
}

/* ---- sessions ---- */

/* What the listener lets old programs use. */
static unsigned legacy_mechanisms(const struct config_listener *l)
{
	unsigned set = 0;

	if ((l->legacy & CONFIG_LEGACY_CRAM_MD5) != 0)
		set |= 1u << SASL_CRAM_MD5;
	if ((l->legacy & CONFIG_LEGACY_SCRAM_SHA_1) != 0)
		set |= 1u << SASL_SCRAM_SHA_1;
	return set;
}

void worker_mechanisms(const struct worker *w, const struct config *config,
		       const struct config_listener *l,
		       enum worker_security security, char *ret)
{
	bool tls = security != WORKER_CLEAR;
	unsigned set = sasl_mechanism_set(tls);

	/* There, no secret that is good with TLS is to come in clear. */
	if (!tls && (l->legacy & CONFIG_LEGACY_WITHOUT_TLS) != 0)
		set = 1u << SASL_PLAIN | 1u << SASL_LOGIN;
	set |= legacy_mechanisms(l);
	/* Whether the client has TLS, a mail system says of each login. */
	if (l->service == CONFIG_AUTH)
		set |= sasl_mechanism_tokens();
	if (security == WORKER_CERTIFICATE)
		set |= 1u << SASL_EXTERNAL;
	if (!config_takes_tokens(config))
		set &= ~sasl_mechanism_tokens();
	if (config->scram == CONFIG_SCRAM_OFF ||
	    (config->scram == CONFIG_SCRAM_AUTO && w->imported))
		set &= ~(1u << SASL_SCRAM_SHA_256 |
			 1u << SASL_SCRAM_SHA_256_PLUS);
	sasl_mechanism_list(set, ret);
}

/* A reason in the language of the service; TLS has no words yet. */
static void turn_away(struct worker *w, const struct config_listener *l, int fd)
{
	static const char pop3[] =
		"-ERR [SYS/TEMP] too many connections, try again later\r\n";
	static const char smtp[] =
		"421 4.7.0 too many connections, try again later\r\n";
	bool is_pop3 = l->service == CONFIG_POP3 || l->service == CONFIG_POP3S;

	metric_add(w->process.page, METRIC_TURNED_AWAY + l->service, 1);
	/* Whoever floods need not get every word. */
	if (l->tls != CONFIG_TLS_IMPLICIT && l->service != CONFIG_AUTH)
		(void)send(fd, is_pop3 ? pop3 : smtp,
			   is_pop3 ? sizeof pop3 - 1 : sizeof smtp - 1,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
}

static enum yb_err new_session(struct connection *c,
			       const struct config_listener *l)
{
	switch ((enum config_service)l->service) {
	case CONFIG_POP3:
	case CONFIG_POP3S:
		c->tls_context = c->settings->pop3_tls;
		return pop3_session_new(c);
	case CONFIG_SMTP:
	case CONFIG_LMTP:
		c->tls_context = c->settings->smtp_tls;
		return smtp_session_new(c);
	case CONFIG_AUTH:
		return auth_session_new(c);
	case CONFIG_METRICS:
	case CONFIG_SERVICES:
		break;
	}
	return YB_UNSUPPORTED;
}

void worker_welcome(struct connection *c)
{
	struct worker *w = c->worker;
	const struct config_listener *l =
		&c->settings->config.listeners[c->listener];

	if (!count(w, c)) {
		turn_away(w, l, c->fd);
		connection_abort(c, "too many connections of one address");
	} else if (new_session(c, l) != YB_OK) {
		connection_abort(c, "out of memory");
	} else {
		metric_add(w->process.page, METRIC_ACCEPTED + c->service, 1);
		if (!list_empty(&w->watches))
			wire_begin(c);
		connection_begin(c, l->tls == CONFIG_TLS_IMPLICIT);
	}
}

bool worker_readdress(struct connection *c, const struct socket_address *peer)
{
	discount(c->worker, c);
	c->peer = *peer;
	return count(c->worker, c);
}

/* ---- listeners ---- */

static void accepted(struct worker_listener *l, int fd,
		     const struct socket_address *peer)
{
	struct worker *w = l->worker;
	const struct config *config = &w->settings->config;
	struct connection *c = NULL;

	if (w->connections_n >= w->connections_max ||
	    connection_new(w, fd, peer, &c) != YB_OK) {
		turn_away(w, &config->listeners[l->index], fd);
		fd_close(&fd);
		return;
	}
	w->connections_n++;
	c->listener = l->index;
	c->service = config->listeners[l->index].service;
	metric_add(w->process.page, METRIC_CONNECTIONS + c->service, 1);
	connection_start(c,
			 networks_have(span_str(config->proxy_networks), peer));
}

void worker_listen(struct worker *w, bool on)
{
	for (uint32_t i = 0; i < CONFIG_LISTENERS_MAX; i++) {
		struct worker_listener *l = &w->listeners[i];
		int fd = l->fd;

		if (!on)
			loop_unwatch(w->process.loop, &l->io);
		else if (l->io.fd < 0 && fd >= 0 &&
			 loop_watch(w->process.loop, &l->io, fd,
				    EPOLLIN | LOOP_LEVEL | LOOP_EXCLUSIVE) !=
				 YB_OK)
			log_message(&w->process.log, LOG_ERROR, "listen",
				    "cannot watch %s",
				    w->settings->config.listeners[i].address);
	}
}

/* Out of descriptors: those who are here go on, others wait in the queue. */
static void pause_listening(struct worker *w)
{
	log_message(&w->process.log, LOG_WARN, "accept",
		    "out of descriptors: no new connections for %d ms",
		    LISTEN_AGAIN_MS);
	worker_listen(w, false);
	loop_timer_set(w->process.loop, &w->listen_again,
		       loop_now(w->process.loop) + LISTEN_AGAIN_MS);
}

static void listen_again(void *ctx, uint64_t now_ms)
{
	struct worker *w = ctx;

	(void)now_ms;
	if (!w->stopping)
		worker_listen(w, true);
}

static void on_listener(void *ctx, uint32_t events)
{
	struct worker_listener *l = ctx;

	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		struct socket_address peer;
		int fd;
		enum yb_err err = socket_accept(l->fd, &fd, &peer);

		if (err == YB_OVERLOAD || err == YB_NOMEM) {
			pause_listening(l->worker);
			return;
		}
		if (err == YB_AGAIN)
			return;
		if (err == YB_OK)
			accepted(l, fd, &peer);
	}
}

void worker_stop_listening(struct worker *w)
{
	w->stopping = true;
	worker_listen(w, false);
	/* Connections wait in the queue for whoever comes next. */
	for (uint32_t i = 0; i < CONFIG_LISTENERS_MAX; i++)
		fd_close(&w->listeners[i].fd);
	loop_defer(w->process.loop, &w->bury);
}

void worker_connections_init(struct worker *w)
{
	for (uint32_t i = 0; i < CONFIG_LISTENERS_MAX; i++) {
		struct worker_listener *l = &w->listeners[i];

		*l = (struct worker_listener){ .worker = w,
					       .fd = -1,
					       .index = i };
		l->io = (struct loop_io){ .fd = -1,
					  .ready = on_listener,
					  .ctx = l };
		w->next_listeners[i] = -1;
	}
	map_init(&w->per_address, os_random_u64());
	list_init(&w->connections);
	list_init(&w->dead);
	loop_task_init(&w->bury, bury_dead, w);
	loop_timer_init(&w->listen_again, listen_again, w);
}
