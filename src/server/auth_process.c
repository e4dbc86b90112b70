/*
 * The auth process: the directory database and whoever wants to log in. It
 * answers workers, and tells the store what a successful login may open.
 */
#include <stdio.h>
#include <stdlib.h>

#include "auth/auth.h"
#include "base/map.h"
#include "directory/directory.h"
#include "os/fd.h"
#include "os/random.h"
#include "os/socket.h"
#include "sasl/scram.h"
#include "server/cage.h"
#include "server/control_directory.h"
#include "server/control_server.h"
#include "server/outside_client.h"
#include "server/paced.h"
#include "server/policy_client.h"
#include "server/token_client.h"
#include "server/process.h"

enum {
	/* Logins of one worker that wait for a hash or a client's step; as
	 * many as it may have questions in flight (REQUESTS_MAX). */
	LOGINS_MAX = 8192,
	/* As long as CONNECTION_SID_MAX. */
	SESSION_NAME_MAX = 40,
	/* Recipients that wait for somebody outside: as many as one worker may
	 * ask about. */
	RCPTS_MAX = 8192,
	/* Names that one of them leads over, aliases and all. */
	RCPT_TURNS_MAX = 64,
	/* Two cores hash; more threads would only queue inside the kernel. */
	HASHING_THREADS = 2,
};

struct auth_process {
	struct process process;
	struct directory *directory;
	struct auth *auth;
	struct peer store;
	struct peer workers[WORKERS_MAX];
	struct map logins; /* by worker, incarnation and id */
	size_t logins_n[WORKERS_MAX];
	struct lookup_client lookup; /* asks outside, where configured */
	struct policy_client policy;
	struct outside_client outside;
	size_t rcpts_n; /* recipients that wait for it */
	struct token_client tokens;
	struct loop_io pool;     /* results of hashing */
	struct loop_timer timer; /* delayed answers */
	struct paced paced;      /* answers without a hash */
	struct loop_task retime;
	bool told_hide; /* what tell_offers() said last */
	struct control_server control;
	struct auth_counters counted; /* what of it the page has */
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

/* What the library has counted since the last time. */
static void count_work(struct auth_process *p)
{
	struct auth_counters now = auth_counters(p->auth);

	metric_add(p->process.page, METRIC_AUTH_CACHE,
		   now.cache_hits - p->counted.cache_hits);
	metric_add(p->process.page, METRIC_AUTH_HASHES,
		   now.hashes - p->counted.hashes);
	p->counted = now;
}

/*
 * SCRAM needs a verifier. While some accounts have none yet, workers are told
 * so, and need not offer what would fail for them.
 */
static void tell_offers(struct auth_process *p, bool anew)
{
	uint64_t imported = auth_imported(p->auth);
	/* What comes from outside has verifiers only if the site says so. */
	bool hide = imported > 0 || p->process.config.accounts_directory ==
					    CONFIG_DIRECTORY_COMMAND;
	struct message_writer w;

	metric_set(p->process.page, METRIC_IMPORTED, imported);
	if (hide == p->told_hide && !anew)
		return;
	p->told_hide = hide;
	message_write(&w);
	message_write_u8(&w, hide);
	for (uint32_t i = 0; i < WORKERS_MAX; i++)
		if (p->workers[i].present)
			(void)channel_send_fields(&p->workers[i].channel,
						  MESSAGE_OFFERS, 0, &w);
}

/* ---- answers ---- */

static struct peer *worker_of(struct auth_process *p, uint32_t number,
			      uint64_t incarnation)
{
	struct peer *peer = &p->workers[number];

	return peer->present && peer->incarnation == incarnation ? peer : NULL;
}

static void send_err(struct peer *to, uint64_t id, enum yb_err err,
		     struct span last_words)
{
	struct message_writer w;

	message_write(&w);
	message_write_u32(&w, err);
	message_write_octets(&w, last_words);
	/* If there is no room, the worker's deadline tells. */
	(void)channel_send_fields(&to->channel, MESSAGE_LOGIN_FAILED, id, &w);
}

static void send_paced(void *ctx, const struct paced_answer *answer)
{
	struct auth_process *p = ctx;
	const struct span parts[] = { span_of(answer->octets, answer->n) };
	struct peer *peer = worker_of(p, answer->worker, answer->incarnation);

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
	struct peer *peer = worker_of(p, l->worker, l->incarnation);

	if (is_paced(l))
		paced_add(&p->paced, &answer, parts, n);
	else if (peer != NULL)
		(void)channel_send(&peer->channel, type, l->id, parts, n, NULL,
				   0);
}

static void send_failed(struct login *l, enum yb_err err,
			struct span last_words)
{
	struct message_writer w;
	struct span fields;

	message_write(&w);
	message_write_u32(&w, err);
	message_write_octets(&w, last_words);
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
	struct message_writer w;

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
	struct peer *peer = worker_of(l->process, l->worker, l->incarnation);
	struct message_writer w;

	message_write(&w);
	message_write_octets(&w, span_str(who->address));
	if (peer != NULL)
		(void)channel_send_fields(&peer->channel, MESSAGE_LOGGED_IN,
					  l->id, &w);
}

/* Whatever was granted on these credentials is to end. */
static void on_ended(void *ctx, const uint8_t account[16], uint64_t devices)
{
	struct auth_process *p = ctx;
	struct message_writer w;

	message_write(&w);
	message_write_raw(&w, account, 16);
	message_write_u64(&w, devices);
	/* A store that is gone has ended all of them. */
	if (p->store.present)
		(void)channel_send_fields(&p->store.channel, MESSAGE_REVOKED, 0,
					  &w);
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
	struct log_line line;

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
	struct log_line line;

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

/* NULL if there are too many, or one with this id. */
static struct login *login_make(struct auth_process *p, struct peer *from,
				uint64_t id)
{
	struct login_key key = { from->incarnation, id };
	struct login *l;

	if (p->logins_n[from->number] >= LOGINS_MAX ||
	    map_get(&p->logins, span_of(&key, sizeof key)) != NULL)
		return NULL;
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return NULL;
	*l = (struct login){ .process = p,
			     .worker = from->number,
			     .incarnation = from->incarnation,
			     .first_id = id,
			     .id = id };
	if (map_put(&p->logins, span_of(&key, sizeof key), l) != YB_OK) {
		free(l);
		return NULL;
	}
	p->logins_n[from->number]++;
	return l;
}

/*
 * NULL, and answered: clients that think about a challenge, and logins that
 * were given up and are still hashed, may be more than LOGINS_MAX without any
 * fault of the worker's.
 */
static struct login *login_new(struct auth_process *p, struct peer *from,
			       uint64_t id)
{
	struct login *l = login_make(p, from, id);

	if (l == NULL)
		send_err(from, id, YB_OVERLOAD, SPAN_NONE);
	return l;
}

static void read_peer(struct message_reader *r, struct auth_peer *ret)
{
	uint8_t flags;

	message_read_into(r, ret->address, sizeof ret->address);
	ret->mechanism = NULL;
	flags = message_read_u8(r);
	ret->tls = (flags & MESSAGE_PEER_TLS) != 0;
	ret->legacy = !ret->tls && (flags & MESSAGE_PEER_LEGACY) != 0;
	ret->protocol = (enum auth_protocol)message_read_u8(r);
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

/* From whom it came, for the log. */
static void login_from(struct login *l, const struct auth_peer *peer,
		       struct span session)
{
	memcpy(l->address, peer->address, sizeof l->address);
	if (!span_to_str(session, l->session, sizeof l->session))
		l->session[0] = 0;
}

/* Runs a step whose outcome may come before it returns. */
static void end_step(struct auth_process *p, struct login *l)
{
	l->in_step = false;
	count_work(p);
	if (l->over)
		login_free(l);
	loop_defer(p->process.loop, &p->retime);
}

static bool on_login(struct auth_process *p, struct peer *from,
		     struct message *m)
{
	struct message_reader r;
	struct auth_peer peer;
	struct span session, user, password;
	struct login *l;
	bool maildrop;

	message_read(&r, m);
	read_peer(&r, &peer);
	session = message_read_octets(&r);
	maildrop = message_read_u8(&r) != 0;
	user = message_read_octets(&r);
	password = message_read_octets(&r);
	if (!message_read_ended(&r) || m->fds_n != 0)
		return false;
	l = login_new(p, from, m->id);
	if (l == NULL)
		return true;
	login_from(l, &peer, session);
	l->maildrop = maildrop;
	l->in_step = true;
	auth_login(p->auth, &peer, user, password, loop_now(p->process.loop),
		   on_done, l);
	end_step(p, l);
	return true;
}

static bool on_sasl(struct auth_process *p, struct peer *from,
		    struct message *m)
{
	struct message_reader r;
	struct auth_peer peer;
	struct sasl_channel channel;
	struct span session, mechanism, response;
	struct login *l;
	bool has_response, maildrop;

	message_read(&r, m);
	read_peer(&r, &peer);
	session = message_read_octets(&r);
	maildrop = message_read_u8(&r) != 0;
	read_channel(&r, &channel);
	channel.host = p->process.config.hostname;
	mechanism = message_read_octets(&r);
	has_response = message_read_u8(&r) != 0;
	response = message_read_octets(&r);
	if (!message_read_ended(&r) || m->fds_n != 0)
		return false;
	l = login_new(p, from, m->id);
	if (l == NULL)
		return true;
	login_from(l, &peer, session);
	l->maildrop = maildrop;
	l->in_step = true;
	l->mechanism = metric_mechanism(mechanism);
	l->sasl = auth_sasl_start(p->auth, &peer, &channel, mechanism, response,
				  has_response, loop_now(p->process.loop),
				  on_done, l);
	end_step(p, l);
	return true;
}

static struct login *find_login(struct auth_process *p, struct peer *from,
				uint64_t id)
{
	struct login_key key = { from->incarnation, id };

	return map_get(&p->logins, span_of(&key, sizeof key));
}

static bool on_sasl_step(struct auth_process *p, struct peer *from,
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
		send_err(from, m->id, YB_GONE, SPAN_NONE);
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
static bool on_cancel(struct auth_process *p, struct peer *from,
		      struct message *m)
{
	struct login *l = find_login(p, from, m->id);

	if (l != NULL && l->sasl != NULL) {
		count_login(l, METRIC_AUTH_CANCELLED_RESULT);
		login_free(l);
	}
	return true;
}

/* A recipient, while somebody outside is asked about it. */
struct rcpt {
	struct outside_wait wait;
	struct auth_process *process;
	uint32_t worker;
	uint64_t incarnation, id;
	unsigned turns; /* that it has taken */
	size_t n;
	uint8_t address[];
};

/* False: the channel is full. */
static bool send_places(struct peer *to, uint64_t id, enum yb_err err,
			struct auth_places *places)
{
	struct message_writer w;
	struct span parts[2];

	if (err != YB_OK)
		places->n = 0;
	message_write(&w);
	message_write_u32(&w, err);
	message_write_u32(&w, (uint32_t)places->n);
	parts[0] = message_written(&w);
	parts[1] = span_of(places->at, places->n * sizeof places->at[0]);
	return channel_send(&to->channel, MESSAGE_RCPT_DONE, id, parts, 2, NULL,
			    0) == YB_OK;
}

/* AGAIN: it waits for another name; else `places`, or why there are none. */
static enum yb_err look_up(struct rcpt *r, struct auth_places *places)
{
	struct auth *auth = r->process->auth;
	enum yb_err err;

	do {
		err = auth_recipient(auth, span_of(r->address, r->n), places);
		if (err == YB_AGAIN && ++r->turns > RCPT_TURNS_MAX)
			return YB_TOO_MANY;
		if (err == YB_AGAIN) {
			err = auth_recipient_wait(auth, &r->wait);
			if (err != YB_OK)
				return err;
			err = YB_AGAIN; /* it is known by now */
		}
	} while (err == YB_AGAIN);
	return err;
}

static void rcpt_free(struct rcpt *r)
{
	r->process->rcpts_n--;
	free(r);
}

static void on_known(struct outside_wait *w, struct auth *a, enum yb_err err)
{
	struct rcpt *r = list_entry(w, struct rcpt, wait);
	struct auth_places places;
	struct peer *peer;

	(void)a;
	if (err == YB_OK)
		err = look_up(r, &places);
	if (err == YB_AGAIN)
		return;
	peer = worker_of(r->process, r->worker, r->incarnation);
	if (peer != NULL) /* else its deadline tells */
		(void)send_places(peer, r->id, err, &places);
	rcpt_free(r);
}

static struct rcpt *rcpt_new(struct auth_process *p, struct peer *from,
			     uint64_t id, struct span address)
{
	struct rcpt *r;

	if (p->rcpts_n >= RCPTS_MAX)
		return NULL;
	r = calloc(1, sizeof *r + address.n);
	if (r == NULL)
		return NULL;
	*r = (struct rcpt){ .process = p,
			    .worker = from->number,
			    .incarnation = from->incarnation,
			    .id = id,
			    .n = address.n };
	r->wait.done = on_known;
	memcpy(r->address, address.p, address.n);
	p->rcpts_n++;
	return r;
}

static bool on_rcpt(struct auth_process *p, struct peer *from,
		    struct message *m)
{
	struct message_reader r;
	struct auth_places places;
	struct span address;
	struct rcpt *rcpt;
	enum yb_err err;

	message_read(&r, m);
	address = message_read_octets(&r);
	if (!message_read_ended(&r))
		return false;
	auth_set_now(p->auth, loop_now(p->process.loop));
	err = auth_recipient(p->auth, address, &places);
	if (err == YB_AGAIN) {
		rcpt = rcpt_new(p, from, m->id, address);
		err = rcpt == NULL ? YB_OVERLOAD : look_up(rcpt, &places);
		if (err == YB_AGAIN)
			return true;
		if (rcpt != NULL)
			rcpt_free(rcpt);
	}
	return send_places(from, m->id, err, &places);
}

static bool on_worker_message(struct peer *from, struct message *m)
{
	struct auth_process *p = from->owner;

	switch (m->type) {
	case MESSAGE_LOGIN:
		return on_login(p, from, m);
	case MESSAGE_SASL:
		return on_sasl(p, from, m);
	case MESSAGE_SASL_STEP:
		return on_sasl_step(p, from, m);
	case MESSAGE_CANCEL:
		return on_cancel(p, from, m);
	case MESSAGE_RCPT:
		return on_rcpt(p, from, m);
	default:
		return false;
	}
}

/* Exchanges wait for clients that this worker had; hashes run to their end
 * and find nobody to tell. */
static void on_worker_end(struct peer *peer, enum yb_err why)
{
	struct auth_process *p = peer->owner;
	struct login *l;
	size_t at = 0;

	peer_accuse(&p->process, peer, why);
	while ((l = map_next(&p->logins, &at)) != NULL)
		if (l->worker == peer->number && l->sasl != NULL)
			login_free(l);
}

/* The store has nothing to say here. */
static bool on_store_message(struct peer *from, struct message *m)
{
	(void)from, (void)m;
	return false;
}

static void on_store_end(struct peer *peer, enum yb_err why)
{
	struct auth_process *p = peer->owner;

	peer_accuse(&p->process, peer, why);
	/* A grant that was sent and not read is lost, also one for a worker
	 * that has seen the store's end before it asked. */
	for (uint32_t i = 0; i < WORKERS_MAX; i++)
		if (p->workers[i].present)
			(void)channel_send(&p->workers[i].channel,
					   MESSAGE_STORE_LOST, 0, NULL, 0, NULL,
					   0);
}

/* ---- setting up ---- */

static void set_timer(struct auth_process *p)
{
	loop_timer_set(p->process.loop, &p->timer, auth_deadline(p->auth));
}

static void run_auth(struct auth_process *p)
{
	auth_run(p->auth, loop_now(p->process.loop));
	count_work(p);
	tell_offers(p, false);
	set_timer(p);
}

static void on_pool(void *ctx, uint32_t events)
{
	(void)events;
	run_auth(ctx);
}

static void on_timer(void *ctx, uint64_t now_ms)
{
	(void)now_ms;
	run_auth(ctx);
}

static void on_retime(void *ctx)
{
	set_timer(ctx);
}

/* Somebody outside has answered. */
static void on_asked(void *ctx)
{
	struct auth_process *p = ctx;

	count_work(p);
	tell_offers(p, false);
	loop_defer(p->process.loop, &p->retime);
}

static void handle_command(void *ctx, struct control_call *call)
{
	struct auth_process *p = ctx;

	control_directory_handle(p->auth, call);
	tell_offers(p, false);
}

static void on_directory_report(void *ctx, const char *text)
{
	struct auth_process *p = ctx;

	log_message(&p->process.log, LOG_ERROR, "directory", "%s", text);
}

static enum yb_err open_all(struct auth_process *p)
{
	const struct config *config = &p->process.config;
	struct auth_config auth = {
		.default_domain = config->default_domain,
		.threads = HASHING_THREADS,
		.ended = on_ended,
		.ended_ctx = p,
		.delimiter = CONFIG_DELIMITERS[config->recipient_delimiter],
		.defaults = config->defaults,
		.elsewhere =
			config->accounts_directory == CONFIG_DIRECTORY_COMMAND,
	};
	char wal[CONFIG_PATH_LEN + 8];
	enum yb_err err;

	directory_set_report(on_directory_report, p);
	err = directory_open(config->directory_path, &p->directory);
	if (err != YB_OK)
		return err;
	(void)snprintf(wal, sizeof wal, "%s-wal", config->directory_path);
	const struct sandbox_path paths[] = {
		{ config->directory_path, SANDBOX_WRITE_FILE },
		{ wal, SANDBOX_WRITE_FILE },
		{ "/dev/urandom", SANDBOX_READ },
	};
	/* Before the pool's threads begin: Landlock cages a thread and those
	 * that it starts. */
	err = cage_close(&p->process, paths, sizeof paths / sizeof paths[0]);
	if (err != YB_OK)
		return err;
	auth.directory = p->directory;
	err = auth_open(&auth, &p->auth);
	if (err == YB_OK) {
		p->policy.auth = p->auth;
		policy_client_set(&p->policy, config);
		p->outside.auth = p->auth;
		err = outside_client_set(&p->outside, config);
		p->tokens.auth = p->auth;
		if (err == YB_OK)
			err = token_client_set(&p->tokens, config);
	}
	if (err == YB_OK)
		err = control_server_init(&p->control, p->process.loop,
					  handle_command, p);
	if (err == YB_OK && auth_fd(p->auth) >= 0)
		err = loop_watch(p->process.loop, &p->pool, auth_fd(p->auth),
				 EPOLLIN | LOOP_LEVEL);
	return err;
}

static void tell_migrated(struct auth_process *p)
{
	unsigned before = directory_version_before(p->directory);

	if (before != 0 && before < directory_version_known())
		log_message(&p->process.log, LOG_WARN, "migrated",
			    "%s was brought from version %u to %u; earlier "
			    "programs cannot read it any more",
			    p->process.config.directory_path, before,
			    directory_version_known());
}

static void tell_refused(struct auth_process *p, enum yb_err err)
{
	const char *path = p->process.config.directory_path;
	unsigned version;

	if (err == YB_VERSION && directory_probe(path, &version) == YB_OK)
		log_message(&p->process.log, LOG_ERROR, "start",
			    "%s is of version %u and this program knows %u: "
			    "use the version of Yubin that wrote it, or "
			    "restore a backup; nothing was changed",
			    path, version, directory_version_known());
	else
		log_message(&p->process.log, LOG_ERROR, "start",
			    "cannot open the directory %s: %s", path,
			    err_text(err));
}

static void start(struct auth_process *p)
{
	enum yb_err err = open_all(p);

	if (err == YB_OK) {
		tell_migrated(p);
		tell_offers(p, true);
		process_ready(&p->process);
		return;
	}
	tell_refused(p, err);
	process_end(&p->process, err == YB_BUSY ? 12 : 1);
}

static struct peer *find_peer(void *owner, enum role role, uint32_t number)
{
	struct auth_process *p = owner;

	if (role == ROLE_STORE)
		return &p->store;
	if (role == ROLE_LOOKUP)
		return &p->lookup.peer;
	return role == ROLE_WORKER ? &p->workers[number] : NULL;
}

static bool on_message(void *ctx, struct message *m)
{
	struct auth_process *p = ctx;

	switch (m->type) {
	case MESSAGE_PEER:
		if (!peer_take(&p->process, m, find_peer, p))
			return false;
		if (p->auth != NULL)
			tell_offers(p, true);
		return true;
	case MESSAGE_START:
		start(p);
		return true;
	case MESSAGE_CONTROL:
		if (m->fds_n != 1)
			return false;
		control_server_take(&p->control, fd_steal(&m->fds[0]));
		return true;
	default:
		return false;
	}
}

static enum yb_err on_reload(void *ctx)
{
	struct auth_process *p = ctx;
	enum yb_err err;

	if (p->auth == NULL)
		return YB_OK;
	auth_set_defaults(p->auth, p->process.config.defaults);
	policy_client_set(&p->policy, &p->process.config);
	err = outside_client_set(&p->outside, &p->process.config);
	return err == YB_OK ? token_client_set(&p->tokens, &p->process.config)
			    : err;
}

static void on_stop(void *ctx)
{
	struct auth_process *p = ctx;

	/* What else this turn brings still finds all in its place. */
	process_end(&p->process, 0);
}

static void close_all(struct auth_process *p)
{
	control_server_done(&p->control);
	auth_close(&p->auth);
	directory_close(&p->directory);
}

int auth_process_main(void)
{
	struct auth_process *p = calloc(1, sizeof *p);
	int status;

	if (p == NULL || process_init(&p->process, ROLE_AUTH, 0) != YB_OK)
		return 1;
	p->process.on_message = on_message;
	p->process.on_stop = on_stop;
	p->process.on_reload = on_reload;
	p->process.ctx = p;
	if (lookup_client_init(&p->lookup, &p->process) != YB_OK)
		return 1;
	p->policy = (struct policy_client){ .lookup = &p->lookup,
					    .after = on_asked,
					    .ctx = p };
	p->outside = (struct outside_client){ .lookup = &p->lookup,
					      .after = on_asked,
					      .ctx = p };
	p->tokens = (struct token_client){ .lookup = &p->lookup,
					   .after = on_asked,
					   .ctx = p };
	map_init(&p->logins, os_random_u64());
	p->pool = (struct loop_io){ .fd = -1, .ready = on_pool, .ctx = p };
	loop_timer_init(&p->timer, on_timer, p);
	paced_init(&p->paced, p->process.loop, send_paced, p);
	loop_task_init(&p->retime, on_retime, p);
	p->store.owner = p;
	p->store.on_message = on_store_message;
	p->store.on_end = on_store_end;
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		p->workers[i].owner = p;
		p->workers[i].number = i;
		p->workers[i].on_message = on_worker_message;
		p->workers[i].on_end = on_worker_end;
	}
	status = process_run(&p->process);
	if (status == 0)
		close_all(p);
	return status;
}
