/*
 * The auth process: the directory database and whoever wants to log in. It
 * answers workers, and tells the store what a successful login may open.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "directory/directory.h"
#include "server/auth_process_private.h"
#include "server/cage.h"
#include "server/control_directory.h"
#include "server/control_outside.h"

enum {
	/* Two cores hash; more threads would only queue inside the kernel. */
	HASHING_THREADS = 2,
};

void auth_process_count(struct auth_process *p)
{
	struct auth_counters now = auth_counters(p->auth);

	metric_add(p->process.page, METRIC_AUTH_CACHE,
		   now.cache_hits - p->counted.cache_hits);
	metric_add(p->process.page, METRIC_AUTH_HASHES,
		   now.hashes - p->counted.hashes);
	p->counted = now;
}

/* ---- what others are told ---- */

struct peer *auth_process_worker(struct auth_process *p, uint32_t number,
				 uint64_t incarnation)
{
	struct peer *peer = &p->workers[number];

	return peer->present && peer->incarnation == incarnation ? peer : NULL;
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
	UNSET struct message_writer w;

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

/* Whatever was granted on these credentials is to end. */
static void on_ended(void *ctx, const uint8_t account[16], uint64_t devices)
{
	struct auth_process *p = ctx;
	UNSET struct message_writer w;

	message_write(&w);
	message_write_raw(&w, account, 16);
	message_write_u64(&w, devices);
	/* A store that is gone has ended all of them. */
	if (p->store.present)
		(void)channel_send_fields(&p->store.channel, MESSAGE_REVOKED, 0,
					  &w);
}

static bool on_worker_message(struct peer *from, struct message *m)
{
	struct auth_process *p = from->owner;

	switch (m->type) {
	case MESSAGE_LOGIN:
		return auth_process_login(p, from, m);
	case MESSAGE_SASL:
		return auth_process_sasl(p, from, m);
	case MESSAGE_SASL_STEP:
		return auth_process_sasl_step(p, from, m);
	case MESSAGE_CANCEL:
		return auth_process_cancel(p, from, m);
	case MESSAGE_RCPT:
		return auth_process_rcpt(p, from, m);
	default:
		return false;
	}
}

static void on_worker_end(struct peer *peer, enum yb_err why)
{
	(void)why;
	auth_process_forget(peer->owner, peer->number);
}

static void on_store_end(struct peer *peer, enum yb_err why)
{
	struct auth_process *p = peer->owner;

	(void)why;
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
	auth_process_count(p);
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

	auth_process_count(p);
	tell_offers(p, false);
	loop_defer(p->process.loop, &p->retime);
}

static void handle_command(void *ctx, struct control_call *call)
{
	struct auth_process *p = ctx;

	if (call->type == CONTROL_OUTSIDE_TRY) {
		control_outside_try(&p->lookup, call);
		return;
	}
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
		return control_server_message(&p->control, m);
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
	p->pool = (struct loop_io){ .fd = -1, .ready = on_pool, .ctx = p };
	loop_timer_init(&p->timer, on_timer, p);
	auth_process_logins_init(p);
	loop_task_init(&p->retime, on_retime, p);
	p->store.owner = p;
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
