/*
 * Logins for Postfix and Exim: the engine of Dovecot's protocol, answered by
 * auth. A success opens no maildrop.
 */
#include "server/auth_session.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/cleanup.h"
#include "os/random.h"
#include "proto/dovecot_server.h"
#include "sasl/server.h"
#include "server/worker.h"

enum { CHALLENGE_MAX = 4096 };

struct auth_session {
	struct connection *connection;
	struct dovecot_server *engine;
	bool waiting;
	uint64_t request;    /* waits for an answer; 0: none */
	uint64_t exchange;   /* at auth; 0: none */
	bool by_token;       /* what it carries, or carried last */
	enum yb_err verdict; /* told once the client has heard why; or YB_OK */
	uint64_t logins, failures;
	char sasl[SASL_LIST_MAX];
};

/* The client or the connection gave up what auth still works on. */
static void forget_login(struct auth_session *s)
{
	UNSET struct message_writer w;
	uint64_t id = s->exchange != 0 ? s->exchange : s->request;

	s->exchange = 0;
	if (id == 0)
		return;
	message_write(&w);
	worker_tell_lazily(s->connection->worker, ASKED_AUTH, MESSAGE_CANCEL,
			   id, &w);
}

static void done(struct auth_session *s, enum yb_err err, struct span user)
{
	s->exchange = 0;
	s->verdict = YB_OK;
	s->logins += err == YB_OK;
	s->failures += err != YB_OK;
	dovecot_server_done(s->engine, err, user);
}

static bool take_answer(struct auth_session *s, struct message *m)
{
	struct message_reader r;
	enum yb_err err = YB_OK;
	struct span octets;

	message_read(&r, m);
	if (m->type == MESSAGE_LOGIN_FAILED)
		err = message_read_err(&r);
	octets = message_read_octets(&r);
	if (!message_read_ended(&r))
		return false;
	switch (m->type) {
	case MESSAGE_SASL_CHALLENGE:
		if (octets.n > CHALLENGE_MAX)
			return false;
		if (s->exchange == 0)
			s->exchange = m->id;
		dovecot_server_challenge(s->engine, octets);
		return true;
	case MESSAGE_LOGIN_FAILED:
		/* RFC 7628 section 3.2.3: the error is sent "in a normal
		 * message", and the client answers it. */
		if (s->by_token && octets.n > 0 && octets.n <= CHALLENGE_MAX &&
		    err != YB_OK) {
			s->exchange = 0;
			s->verdict = err;
			dovecot_server_challenge(s->engine, octets);
			return true;
		}
		done(s, err == YB_OK ? YB_GONE : err, SPAN_NONE);
		return err != YB_OK;
	case MESSAGE_LOGGED_IN:
		done(s, YB_OK, octets);
		return true;
	default:
		return false;
	}
}

static bool on_answer(void *ctx, enum yb_err err, struct message *m)
{
	struct auth_session *s = ctx;
	bool good = true;

	s->waiting = false;
	if (m == NULL) {
		forget_login(s);
		s->request = 0;
		done(s, err, SPAN_NONE);
	} else {
		s->request = 0;
		good = take_answer(s, m);
		if (!good && s->exchange == 0)
			done(s, YB_GONE, SPAN_NONE);
	}
	connection_resume(s->connection);
	return good;
}

static void ask(struct auth_session *s, enum message_type type,
		const struct message_writer *w, struct span last)
{
	uint32_t n = (uint32_t)last.n;
	const struct span parts[] = { message_written(w), span_of(&n, sizeof n),
				      last };

	s->waiting = true;
	s->request = worker_ask(s->connection->worker, ASKED_AUTH, type, parts,
				3, NULL, 0, on_answer, s);
}

/* IPv4 mapped into IPv6; zeros for what is no address. */
static void read_address(struct span text, uint8_t ret[16])
{
	char copy[INET6_ADDRSTRLEN];

	memset(ret, 0, 16);
	if (!span_to_str(text, copy, sizeof copy))
		return;
	if (inet_pton(AF_INET, copy, ret + 12) == 1)
		ret[10] = ret[11] = 0xff;
	else if (inet_pton(AF_INET6, copy, ret) != 1)
		memset(ret, 0, 16);
}

static bool is_loopback(const uint8_t address[16])
{
	static const uint8_t mapped[13] = { [10] = 0xff, [11] = 0xff, 127 };
	static const uint8_t one[16] = { [15] = 1 };

	return memcmp(address, mapped, sizeof mapped) == 0 ||
	       memcmp(address, one, sizeof one) == 0;
}

/* As for our own listeners: no login in clear, unless it is allowed here. */
static bool may_login(const struct auth_session *s,
		      const struct dovecot_event *ev, const uint8_t address[16])
{
	return ev->secured || (s->connection->settings->config.plain_login ==
				       CONFIG_PLAIN_LOOPBACK &&
			       is_loopback(address));
}

static void begin(struct auth_session *s, const struct dovecot_event *ev)
{
	bool pop3 = span_eq(ev->service, SPAN_LIT("pop3"));
	enum sasl_mechanism m;
	UNSET struct message_writer w;
	char sid[CONNECTION_SID_MAX];
	uint8_t address[16];

	read_address(ev->address, address);
	if (!may_login(s, ev, address)) {
		done(s, YB_DENIED, SPAN_NONE);
		return;
	}
	s->by_token = sasl_mechanism_find(ev->mechanism, &m) &&
		      (sasl_mechanism_flags(m) & SASL_CARRIES_TOKEN) != 0;
	connection_sid(s->connection, sid);
	message_write(&w);
	message_write_raw(&w, address, sizeof address);
	message_write_u8(&w, ev->secured ? MESSAGE_PEER_TLS : 0);
	message_write_u8(&w, pop3 ? AUTH_POP3 : AUTH_SUBMISSION);
	message_write_octets(&w, span_str(sid));
	message_write_u8(&w, false);         /* no maildrop is wanted */
	message_write_octets(&w, SPAN_NONE); /* two bindings, */
	message_write_octets(&w, SPAN_NONE);
	message_write_octets(&w, SPAN_NONE); /* and a certificate */
	message_write_octets(&w, ev->mechanism);
	message_write_u8(&w, ev->has_response);
	ask(s, MESSAGE_SASL, &w, ev->response);
}

static void step(struct auth_session *s, const struct dovecot_event *ev)
{
	UNSET struct message_writer w;

	if (s->verdict != YB_OK) {
		done(s, s->verdict, SPAN_NONE);
		return;
	}
	message_write(&w);
	message_write_u64(&w, s->exchange);
	ask(s, MESSAGE_SASL_STEP, &w, ev->response);
}

/* ---- what the connection calls ---- */

static size_t feed(void *session, struct span in)
{
	struct auth_session *s = session;

	return dovecot_server_feed(s->engine, in);
}

static bool is_secret(const void *session)
{
	(void)session;
	return true;
}

static bool progress(void *session)
{
	struct auth_session *s = session;
	struct dovecot_event ev;
	bool answered = false;

	while (!s->waiting && dovecot_server_poll(s->engine, &ev)) {
		if (ev.kind == DOVECOT_EV_CANCEL) {
			s->verdict = YB_OK;
			forget_login(s);
			answered = true;
			continue;
		}
		if (ev.mechanism.n > 0)
			begin(s, &ev);
		else
			step(s, &ev);
		answered = true;
	}
	return answered;
}

static bool is_hungry(const void *session)
{
	const struct auth_session *s = session;

	return !s->waiting && dovecot_server_is_hungry(s->engine);
}

static bool is_over(const void *session)
{
	const struct auth_session *s = session;

	return dovecot_server_end_reason(s->engine) != NULL;
}

static bool no(const void *session)
{
	(void)session;
	return false;
}

static void tls_started(void *session)
{
	(void)session;
}

static void tick(void *session, uint64_t now_ms, enum activity what)
{
	(void)session, (void)now_ms, (void)what;
}

/* Mail systems keep the connection for as long as they live. */
static uint64_t deadline(const void *session)
{
	(void)session;
	return UINT64_MAX;
}

static void shut_down(void *session)
{
	struct auth_session *s = session;

	connection_abort(s->connection, "shutdown");
}

static bool count(void *session, uint64_t ns)
{
	const struct auth_session *s = session;

	(void)ns;
	return !s->waiting;
}

static void view(const void *session, struct session_view *ret)
{
	const struct auth_session *s = session;

	*ret = (struct session_view){ .account = "",
				      .doing = s->waiting ? "login" : "idle",
				      .commands = s->logins + s->failures };
}

static void release(void *session)
{
	struct auth_session *s = session;

	out_release(s->connection->out);
}

static void closed(void *session, const char *why)
{
	struct auth_session *s = session;
	const char *reason = dovecot_server_end_reason(s->engine);
	UNSET struct log_line line;

	connection_summary_begin(s->connection, &line, "auth");
	log_field_u64(&line, "logins", s->logins);
	log_field_u64(&line, "failures", s->failures);
	connection_summary_end(s->connection, &line,
			       why != NULL      ? why
			       : reason != NULL ? reason
						: "");
	forget_login(s);
	requests_cancel(&s->connection->worker->requests, s->request);
	dovecot_server_free(&s->engine);
	free(s);
}

static const struct session_class auth_class = {
	.feed = feed,
	.is_secret = is_secret,
	.progress = progress,
	.is_hungry = is_hungry,
	.is_over = is_over,
	.wants_tls = no,
	.tls_started = tls_started,
	.said_quit = no,
	.tick = tick,
	.deadline = deadline,
	.shutdown = shut_down,
	.count = count,
	.view = view,
	.release = release,
	.closed = closed,
};

enum yb_err auth_session_new(struct connection *c)
{
	struct auth_session *s = calloc(1, sizeof *s);
	struct dovecot_server_config engine = { .number = (uint32_t)c->id,
						.pid = (uint32_t)getpid() };

	if (s == NULL)
		return YB_NOMEM;
	s->connection = c;
	worker_mechanisms(c->worker, &c->settings->config,
			  &c->settings->config.listeners[c->listener],
			  WORKER_CLEAR, s->sasl);
	engine.sasl = s->sasl;
	os_random(engine.cookie, sizeof engine.cookie);
	s->engine = dovecot_server_new(&engine);
	if (s->engine == NULL) {
		free(s);
		return YB_NOMEM;
	}
	c->class = &auth_class;
	c->session = s;
	c->out = dovecot_server_output(s->engine);
	return YB_OK;
}
