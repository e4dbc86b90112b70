/*
 * Logins: auth is asked, and what the store has opened upon its word becomes
 * the session's maildrop.
 */
#include <stdlib.h>

#include "auth/auth.h"
#include "base/cleanup.h"
#include "server/pop3_session_private.h"
#include "server/wire.h"

enum {
	/* Half of what the engine takes; those of our mechanisms are short. */
	CHALLENGE_MAX = 4096,
};

/* ---- the maildrop ---- */

void pop3_session_tell_closed(struct pop3_session *s)
{
	UNSET struct message_writer w;

	if (!s->open)
		return;
	s->open = false;
	message_write(&w);
	message_write_u64(&w, s->handle);
	worker_tell_lazily(s->connection->worker, ASKED_STORE, MESSAGE_CLOSE, 0,
			   &w);
}

static enum yb_err take_listing(struct pop3_session *s, uint64_t number,
				struct span inline_, struct message *m)
{
	enum yb_err err;

	if (m->fds_n == 1) {
		err = listings_open(&s->connection->worker->listings, number,
				    m->fds[0], &s->mapped);
		if (err != YB_OK)
			return err;
		return listing_view(s->mapped->mapping, &s->listing);
	}
	s->listing_block = malloc(inline_.n > 0 ? inline_.n : 1);
	if (s->listing_block == NULL)
		return YB_NOMEM;
	if (inline_.n > 0)
		memcpy(s->listing_block, inline_.p, inline_.n);
	return listing_view(span_of(s->listing_block, inline_.n), &s->listing);
}

void pop3_session_forget_maildrop(struct pop3_session *s)
{
	listings_close(&s->connection->worker->listings, &s->mapped);
	free(s->listing_block);
	s->listing_block = NULL;
	free(s->address);
	s->address = NULL;
}

static void count_login(struct pop3_session *s)
{
	struct metrics_page *page = s->connection->worker->process.page;

	metric_add(page, METRIC_POP3_SESSIONS, 1);
	metric_add(page, METRIC_POP3_OPEN, 1);
}

/* The store has opened the maildrop that auth granted. */
static bool on_opened(struct pop3_session *s, struct message *m)
{
	struct message_reader r;
	struct span address, block;
	enum yb_err err;
	uint64_t number;
	bool may_delete;

	message_read(&r, m);
	err = message_read_err(&r);
	s->handle = message_read_u64(&r);
	may_delete = message_read_u8(&r) != 0;
	address = message_read_octets(&r);
	number = message_read_u64(&r);
	block = message_read_octets(&r);
	if (!message_read_ended(&r) || m->fds_n > 1)
		return false;
	s->open = err == YB_OK;
	if (err == YB_OK) {
		s->address = strndup((const char *)address.p, address.n);
		err = s->address == NULL ? YB_NOMEM
					 : take_listing(s, number, block, m);
	}
	if (err != YB_OK) {
		pop3_session_tell_closed(s);
		pop3_session_forget_maildrop(s); /* the client may try again */
	}
	if (err == YB_OK)
		count_login(s);
	if (err == YB_OK && !may_delete)
		pop3_server_forbid_delete(s->engine);
	if (err == YB_OK && s->connection->tap != NULL)
		wire_identify(s->connection, s->address);
	pop3_server_login_done(s->engine, err, &s->listing);
	return true;
}

/* ---- answers ---- */

static bool on_challenge(struct pop3_session *s, struct message *m)
{
	struct message_reader r;
	struct span challenge;

	message_read(&r, m);
	challenge = message_read_octets(&r);
	if (!message_read_ended(&r) || !s->asked_sasl ||
	    challenge.n > CHALLENGE_MAX)
		return false;
	if (s->exchange == 0)
		s->exchange = m->id;
	pop3_server_sasl_challenge(s->engine, challenge);
	return true;
}

static bool on_login_failed(struct pop3_session *s, struct message *m)
{
	struct message_reader r;
	struct span last_words;
	enum yb_err err;

	message_read(&r, m);
	err = message_read_err(&r);
	last_words = message_read_octets(&r);
	if (!message_read_ended(&r) || err == YB_OK ||
	    last_words.n > CHALLENGE_MAX ||
	    (last_words.n > 0 && !s->asked_sasl))
		return false;
	pop3_server_sasl_failed(s->engine, err, last_words);
	return true;
}

void pop3_session_forget_login(struct pop3_session *s)
{
	UNSET struct message_writer w;
	uint64_t id = s->exchange != 0 ? s->exchange : s->request;

	if (id == 0)
		return;
	message_write(&w);
	worker_tell_lazily(s->connection->worker, ASKED_AUTH, MESSAGE_CANCEL,
			   id, &w);
	s->exchange = 0;
}

static bool on_login_answer(void *ctx, enum yb_err err, struct message *m)
{
	struct pop3_session *s = ctx;
	bool good = true;

	if (m == NULL)
		pop3_session_forget_login(s); /* auth may still work on it */
	s->request = 0;
	s->waiting = false;
	if (m == NULL)
		pop3_server_login_done(s->engine, err, NULL);
	else if (m->type == MESSAGE_OPENED)
		good = on_opened(s, m);
	else if (m->type == MESSAGE_SASL_CHALLENGE)
		good = on_challenge(s, m);
	else if (m->type == MESSAGE_LOGIN_FAILED)
		good = on_login_failed(s, m);
	else
		good = false;
	if (m == NULL || m->type != MESSAGE_SASL_CHALLENGE)
		s->exchange = 0;
	if (!good)
		pop3_server_login_done(s->engine, YB_GONE, NULL);
	connection_resume(s->connection);
	return good;
}

/* ---- questions ---- */

static uint8_t peer_flags(const struct connection *c)
{
	const struct config_listener *l =
		&c->settings->config.listeners[c->listener];

	if (c->tls != NULL)
		return MESSAGE_PEER_TLS;
	/* Whatever else this listener allows: not the secrets of others. */
	return (l->legacy & CONFIG_LEGACY_WITHOUT_TLS) != 0
		       ? MESSAGE_PEER_LEGACY
		       : 0;
}

static void write_peer(struct message_writer *w, const struct connection *c)
{
	uint8_t address[16];
	char sid[CONNECTION_SID_MAX];

	connection_sid(c, sid);
	socket_address_octets(&c->peer, address);
	message_write_raw(w, address, sizeof address);
	message_write_u8(w, peer_flags(c));
	message_write_u8(w, AUTH_POP3);
	message_write_octets(w, span_str(sid));
	message_write_u8(w, true); /* a maildrop is wanted */
}

/* The channel bindings of RFC 9266 and 5929, and the client's certificate:
 * what there is of them. */
static void write_bindings(struct message_writer *w, const struct connection *c)
{
	uint8_t exporter[TLS_EXPORTER_LEN], end_point[TLS_END_POINT_MAX];
	uint8_t certificate[TLS_FINGERPRINT_LEN];
	size_t exporter_n = 0, end_point_n = 0, certificate_n = 0;

	if (c->tls != NULL && tls_connection_exporter(c->tls, exporter))
		exporter_n = sizeof exporter;
	if (c->tls != NULL)
		end_point_n = tls_connection_end_point(c->tls, end_point);
	message_write_octets(w, span_of(exporter, exporter_n));
	message_write_octets(w, span_of(end_point, end_point_n));
	if (c->tls != NULL && tls_connection_certificate(c->tls, certificate))
		certificate_n = sizeof certificate;
	message_write_octets(w, span_of(certificate, certificate_n));
	mem_wipe(exporter, sizeof exporter);
}

static void ask_login(struct pop3_session *s, enum message_type type,
		      const struct message_writer *w, struct span last)
{
	uint32_t n = (uint32_t)last.n;
	const struct span parts[] = { message_written(w), span_of(&n, sizeof n),
				      last };

	s->waiting = true;
	s->request = worker_ask(s->connection->worker, ASKED_LOGIN, type, parts,
				3, NULL, 0, on_login_answer, s);
}

void pop3_session_login(struct pop3_session *s, const struct pop3_event *ev)
{
	UNSET struct message_writer w;

	s->asked_sasl = false;
	message_write(&w);
	write_peer(&w, s->connection);
	message_write_octets(&w, ev->user);
	ask_login(s, MESSAGE_LOGIN, &w, ev->secret);
	mem_wipe(&w, sizeof w);
}

void pop3_session_sasl(struct pop3_session *s, const struct pop3_event *ev)
{
	UNSET struct message_writer w;

	s->asked_sasl = true;
	message_write(&w);
	if (s->exchange != 0) {
		message_write_u64(&w, s->exchange);
		ask_login(s, MESSAGE_SASL_STEP, &w, ev->response);
		return;
	}
	write_peer(&w, s->connection);
	write_bindings(&w, s->connection);
	message_write_octets(&w, ev->mechanism);
	message_write_u8(&w, ev->has_response);
	ask_login(s, MESSAGE_SASL, &w, ev->response);
	mem_wipe(&w, sizeof w);
}
