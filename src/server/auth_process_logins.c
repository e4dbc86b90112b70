/*
 * Logins: a worker asks, the library checks, and what a success may open is
 * granted to that worker at the store.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "os/random.h"
#include "os/socket.h"
#include "sasl/scram.h"
#include "server/auth_process_private.h"

enum {
	/* Logins of one worker that wait for a hash or a client's step; as
	 * many as it may have questions in flight (REQUESTS_MAX). */
	LOGINS_MAX = 8192,
	/* As long as CONNECTION_SID_MAX. */
	SESSION_NAME_MAX = 40,
};

/* A login, or the whole of a SASL exchange. */
struct login {
	struct auth_process *process;
	uint32_t worker;
	uint64_t incarnation;
	uint64_t first_id;      /* its key */
	uint64_t id;            /* of the question to be answered now */
	struct auth_sasl *sasl; /* NULL for USER and PASS */
	enum metric_mechanism mechanism;
	uint8_t address[16];            /* of the client, */
	char session[SESSION_NAME_MAX]; /* and the session's name in the log */
	bool maildrop;                  /* a success is to open it */
	bool in_step; /* `done` was called before start returned */
	bool over;
};

struct login_key {
	uint64_t incarnation;
	uint64_t id;
};

/* ---- counting ---- */

static enum metric_auth_result result_of(enum yb_err err)
{
	switch (err) {
	case YB_OK:
		return METRIC_AUTH_OK_RESULT;
	case YB_DENIED:
	case YB_APP_PASSWORD:
		return METRIC_AUTH_DENIED_RESULT;
	case YB_OVERLOAD:
		return METRIC_AUTH_OVERLOAD_RESULT;
	default:
		return METRIC_AUTH_ERROR_RESULT;
	}
}

static void count_login(const struct login *l, enum metric_auth_result result)
{
	metric_add(l->process->process.page,
		   METRIC_AUTH + l->mechanism * METRIC_AUTH_RESULTS_N + result,
		   1);
}

/* ---- answers ---- */

static void write_failed(struct message_writer *w, enum yb_err err,
			 struct span last_words)
{
	message_write(w);
	message_write_u32(w, err);
	message_write_octets(w, last_words);
}

/* To a question that is no login here. */
static void send_err(struct peer *to, uint64_t id, enum yb_err err)
{
	UNSET struct message_writer w;

	write_failed(&w, err, SPAN_NONE);
	/* If there is no room, the worker's deadline tells. */
	(void)channel_send_fields(&to->channel, MESSAGE_LOGIN_FAILED, id, &w);
}

static void send_paced(void *ctx, const struct paced_answer *answer)
{
	struct auth_process *p = ctx;
	const struct span parts[] = { span_of(answer->octets, answer->n) };
	struct peer *peer =
		auth_process_worker(p, answer->worker, answer->incarnation);

	if (peer != NULL) /* a worker that is gone needs no answer */
		(void)channel_send(&peer->channel,
				   (enum message_type)answer->type, answer->id,
				   parts, 1, NULL, 0);
}

/* Whether no hash hides how long it took to look for the account. */
static bool is_paced(const struct login *l)
{
	switch (l->mechanism) {
	case METRIC_MECHANISM_SCRAM_SHA_256:
	case METRIC_MECHANISM_SCRAM_SHA_256_PLUS:
	case METRIC_MECHANISM_SCRAM_SHA_1:
	case METRIC_MECHANISM_APOP:
	case METRIC_MECHANISM_CRAM_MD5:
		return true;
	default:
		return false;
	}
}

static void answer_login(struct login *l, enum message_type type,
			 const struct span *parts, size_t n)
{
	struct auth_process *p = l->process;
	const struct paced_answer answer = { .worker = l->worker,
					     .incarnation = l->incarnation,
					     .type = (uint16_t)type,
					     .id = l->id };
	struct peer *peer = auth_process_worker(p, l->worker, l->incarnation);

	if (is_paced(l))
		paced_add(&p->paced, &answer, parts, n);
	else if (peer != NULL)
		(void)channel_send(&peer->channel, type, l->id, parts, n, NULL,
				   0);
}

static void send_failed(struct login *l, enum yb_err err,
			struct span last_words)
{
	UNSET struct message_writer w;
	struct span fields;

	write_failed(&w, err, last_words);
	fields = message_written(&w);
	answer_login(l, MESSAGE_LOGIN_FAILED, &fields, 1);
}

static void send_challenge(struct login *l, struct span challenge)
{
	uint32_t n = (uint32_t)challenge.n;
	const struct span parts[] = { span_of(&n, sizeof n), challenge };

	answer_login(l, MESSAGE_SASL_CHALLENGE, parts, 2);
}

/*
 * The second of a login's three messages: what this worker, and no other,
 * may open now. The store answers it.
 */
static void send_grant(struct login *l, const struct auth_identity *who)
{
	struct auth_process *p = l->process;
	UNSET struct message_writer w;

	message_write(&w);
	message_write_u32(&w, l->worker);
	message_write_u64(&w, l->incarnation);
	message_write_raw(&w, who->account, sizeof who->account);
	message_write_u32(&w, who->mailbox);
	message_write_u32(&w, who->device);
	message_write_u8(&w, who->may_delete);
	message_write_octets(&w, span_str(who->address));
	if (!p->store.present ||
	    channel_send_fields(&p->store.channel, MESSAGE_GRANT, l->id, &w) !=
		    YB_OK)
		send_failed(l, YB_GONE, SPAN_NONE);
}

/* For a mail system that only wants to know who it is. */
static void send_logged_in(struct login *l, const struct auth_identity *who)
{
	struct peer *peer =
		auth_process_worker(l->process, l->worker, l->incarnation);
	UNSET struct message_writer w;

	message_write(&w);
	message_write_octets(&w, span_str(who->address));
	if (peer != NULL)
		(void)channel_send_fields(&peer->channel, MESSAGE_LOGGED_IN,
					  l->id, &w);
}

static void login_free(struct login *l)
{
	struct login_key key = { l->incarnation, l->first_id };

	(void)map_remove(&l->process->logins, span_of(&key, sizeof key));
	l->process->logins_n[l->worker]--;
	auth_sasl_free(&l->sasl);
	free(l);
}

/* The one line that tells of a refused login, for people and for programs
 * that keep attackers out (contrib/fail2ban). */
static void log_failed(const struct login *l)
{
	struct auth_process *p = l->process;
	char address[SOCKET_TEXT_MAX];
	UNSET struct log_line line;

	socket_octets_print(l->address, address);
	log_begin(&line, &p->process.log, LOG_WARN, "login_failed");
	log_field_str(&line, "address", address);
	log_field_str(&line, "user", auth_denied_name(p->auth));
	log_field_str(&line, "mechanism", metric_mechanism_name(l->mechanism));
	log_field_str(&line, "reason",
		      auth_reason_text(auth_denied_reason(p->auth)));
	log_field_str(&line, "session", l->session);
	log_end(&line);
}

/* Whoever reads somebody else's mail leaves a trace. */
static void log_master(const struct login *l, const struct auth_identity *who)
{
	char address[SOCKET_TEXT_MAX];
	UNSET struct log_line line;

	socket_octets_print(l->address, address);
	log_begin(&line, &l->process->process.log, LOG_WARN, "master_login");
	log_field_str(&line, "address", address);
	log_field_str(&line, "master", who->master);
	log_field_str(&line, "user", who->address);
	log_field_str(&line, "mechanism", metric_mechanism_name(l->mechanism));
	log_field_str(&line, "session", l->session);
	log_end(&line);
}

static void on_done(void *ctx, enum yb_err err,
		    const struct auth_identity *identity, struct span challenge)
{
	struct login *l = ctx;

	if (err == YB_AGAIN) {
		send_challenge(l, challenge);
		return;
	}
	count_login(l, result_of(err));
	if (err == YB_DENIED || err == YB_APP_PASSWORD)
		log_failed(l);
	if (err == YB_OK && identity->master != NULL)
		log_master(l, identity);
	if (err == YB_OK && !l->maildrop)
		send_logged_in(l, identity);
	else if (err == YB_OK)
		send_grant(l, identity);
	else
		send_failed(l, err, challenge);
	l->over = true;
	if (!l->in_step)
		login_free(l);
}

/* ---- questions ---- */

/* Who asks, and for what. */
struct origin {
	struct auth_peer peer;
	struct span session; /* its name in the log */
	bool maildrop;
};

/*
 * NULL, and answered, if there are too many, or one with this id: clients that
 * think about a challenge, and logins that were given up and are still hashed,
 * may be more than LOGINS_MAX without any fault of the worker's.
 */
static struct login *login_new(struct auth_process *p, struct peer *from,
			       uint64_t id, const struct origin *o)
{
	struct login_key key = { from->incarnation, id };
	struct span name = span_of(&key, sizeof key);
	struct login *l = NULL;

	if (p->logins_n[from->number] < LOGINS_MAX &&
	    map_get(&p->logins, name) == NULL)
		l = calloc(1, sizeof *l);
	if (l == NULL || map_put(&p->logins, name, l) != YB_OK) {
		free(l);
		send_err(from, id, YB_OVERLOAD);
		return NULL;
	}
	*l = (struct login){ .process = p,
			     .worker = from->number,
			     .incarnation = from->incarnation,
			     .first_id = id,
			     .id = id,
			     .maildrop = o->maildrop };
	memcpy(l->address, o->peer.address, sizeof l->address);
	if (!span_to_str(o->session, l->session, sizeof l->session))
		l->session[0] = 0;
	p->logins_n[from->number]++;
	return l;
}

static void read_origin(struct message_reader *r, struct origin *ret)
{
	uint8_t flags;

	message_read_into(r, ret->peer.address, sizeof ret->peer.address);
	ret->peer.mechanism = NULL;
	flags = message_read_u8(r);
	ret->peer.tls = (flags & MESSAGE_PEER_TLS) != 0;
	ret->peer.legacy = !ret->peer.tls && (flags & MESSAGE_PEER_LEGACY) != 0;
	ret->peer.protocol = (enum auth_protocol)message_read_u8(r);
	ret->session = message_read_octets(r);
	ret->maildrop = message_read_u8(r) != 0;
}

/* What a worker has computed of its TLS connection; malformed if too long. */
static void read_binding(struct message_reader *r, uint8_t *dst, size_t cap,
			 size_t *ret_n)
{
	struct span s = message_read_octets(r);

	if (s.n > cap) {
		r->bad = true;
		return;
	}
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	*ret_n = s.n;
}

static void read_channel(struct message_reader *r, struct sasl_channel *ret)
{
	size_t certificate_n = 0;

	*ret = (struct sasl_channel){ 0 };
	read_binding(r, ret->exporter, sizeof ret->exporter, &ret->exporter_n);
	read_binding(r, ret->end_point, sizeof ret->end_point,
		     &ret->end_point_n);
	read_binding(r, ret->certificate, sizeof ret->certificate,
		     &certificate_n);
	r->bad = r->bad || (certificate_n != 0 &&
			    certificate_n != sizeof ret->certificate);
	ret->has_certificate = certificate_n != 0;
}

/* Runs a step whose outcome may come before it returns. */
static void end_step(struct auth_process *p, struct login *l)
{
	l->in_step = false;
	auth_process_count(p);
	if (l->over)
		login_free(l);
	loop_defer(p->process.loop, &p->retime);
}

bool auth_process_login(struct auth_process *p, struct peer *from,
			struct message *m)
{
	struct message_reader r;
	struct origin origin;
	struct span user, password;
	struct login *l;

	message_read(&r, m);
	read_origin(&r, &origin);
	user = message_read_octets(&r);
	password = message_read_octets(&r);
	if (!message_read_ended(&r) || m->fds_n != 0)
		return false;
	l = login_new(p, from, m->id, &origin);
	if (l == NULL)
		return true;
	l->in_step = true;
	auth_login(p->auth, &origin.peer, user, password,
		   loop_now(p->process.loop), on_done, l);
	end_step(p, l);
	return true;
}

bool auth_process_sasl(struct auth_process *p, struct peer *from,
		       struct message *m)
{
	struct message_reader r;
	struct origin origin;
	struct sasl_channel channel;
	struct span mechanism, response;
	struct login *l;
	bool has_response;

	message_read(&r, m);
	read_origin(&r, &origin);
	read_channel(&r, &channel);
	channel.host = p->process.config.hostname;
	mechanism = message_read_octets(&r);
	has_response = message_read_u8(&r) != 0;
	response = message_read_octets(&r);
	if (!message_read_ended(&r) || m->fds_n != 0)
		return false;
	l = login_new(p, from, m->id, &origin);
	if (l == NULL)
		return true;
	l->in_step = true;
	l->mechanism = metric_mechanism(mechanism);
	l->sasl = auth_sasl_start(p->auth, &origin.peer, &channel, mechanism,
				  response, has_response,
				  loop_now(p->process.loop), on_done, l);
	end_step(p, l);
	return true;
}

static struct login *find_login(struct auth_process *p, struct peer *from,
				uint64_t id)
{
	struct login_key key = { from->incarnation, id };

	return map_get(&p->logins, span_of(&key, sizeof key));
}

bool auth_process_sasl_step(struct auth_process *p, struct peer *from,
			    struct message *m)
{
	struct message_reader r;
	struct span response;
	struct login *l;

	message_read(&r, m);
	l = find_login(p, from, message_read_u64(&r));
	response = message_read_octets(&r);
	if (!message_read_ended(&r) || m->fds_n != 0)
		return false;
	if (l == NULL) {
		/* It began with a process that this one took the place of. */
		send_err(from, m->id, YB_GONE);
		return true;
	}
	if (l->sasl == NULL)
		return false;
	l->id = m->id;
	l->in_step = true;
	auth_sasl_step(l->sasl, response, loop_now(p->process.loop));
	end_step(p, l);
	return true;
}

/* A plain login goes on to its end; its session is closed as unwanted. */
bool auth_process_cancel(struct auth_process *p, struct peer *from,
			 struct message *m)
{
	struct login *l = find_login(p, from, m->id);

	if (l != NULL && l->sasl != NULL) {
		count_login(l, METRIC_AUTH_CANCELLED_RESULT);
		login_free(l);
	}
	return true;
}

void auth_process_forget(struct auth_process *p, uint32_t worker)
{
	struct login *l;
	size_t at = 0;

	while ((l = map_next(&p->logins, &at)) != NULL)
		if (l->worker == worker && l->sasl != NULL)
			login_free(l);
}

void auth_process_logins_init(struct auth_process *p)
{
	map_init(&p->logins, os_random_u64());
	paced_init(&p->paced, p->process.loop, send_paced, p);
}
