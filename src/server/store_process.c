/*
 * The store process: the only writer of mail. It opens what auth granted,
 * tells workers what is in it, takes deliveries and deletes, and hands out
 * read-only descriptors; it never speaks to a client.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "os/clock.h"
#include "os/fd.h"
#include "server/cage.h"
#include "server/control_store.h"
#include "server/requests.h"
#include "server/store_process_private.h"

enum {
	/* Syncs that run side by side: a journal commits many at once. */
	STORE_THREADS = 32,
	/* Fewer syncs at once cost no more than one of the journal, which is
	 * work that the logs' own syncs only put off. */
	JOURNAL_LEAST = 4,
	/* Of a half: thousands of messages, and read in a moment at a start
	 * after a crash. */
	JOURNAL_OCTETS = 32 * 1024 * 1024,
	/* What a tick later is on the disk anyway, or comes faster. */
	INDEX_LAG = 64,
	/* Of one worker, or auth for it, at a time: twice what it can wait
	 * for, since those that it gave up are worked on as well. */
	QUESTIONS_MAX = 2 * REQUESTS_MAX,
	/* Waits this long for syncs in flight before it ends anyway. */
	STOP_POLL_MS = 20,
	/* How old what is said of the disk may be. */
	LOOK_MS = 2 * 1000,
	/* How often the store looks at what time has brought. */
	TICK_MS = 1000,
};

/* ---- questions ---- */

struct question *question_new(struct store_process *p, uint32_t worker,
			      uint64_t incarnation, uint64_t id)
{
	struct question *q = NULL;

	/* What is over the limit is not answered: the worker's deadline is. */
	if (p->workers[worker].questions_n < QUESTIONS_MAX)
		q = calloc(1, sizeof *q);
	if (q == NULL)
		return NULL;
	p->workers[worker].questions_n++;
	*q = (struct question){ .process = p,
				.worker = worker,
				.incarnation = incarnation,
				.id = id,
				.since_ns = clock_mono_ns(),
				.fd = -1 };
	list_init(&q->link);
	return q;
}

void question_free(struct question *q)
{
	list_remove(&q->link);
	q->process->workers[q->worker].questions_n--;
	q->process->workers[q->worker].bodies_n -= q->fd >= 0;
	q->process->bodies_n -= q->fd >= 0;
	store_snapshot_close(&q->snapshot);
	fd_close(&q->fd);
	free(q);
}

void question_observe(const struct question *q, uint32_t cell)
{
	metric_observe(q->process->process.page, cell,
		       clock_mono_ns() - q->since_ns, 1);
}

struct worker_peer *question_asker(const struct question *q)
{
	struct worker_peer *w = &q->process->workers[q->worker];

	return w->peer.present && w->peer.incarnation == q->incarnation ? w
									: NULL;
}

void store_process_answer(struct worker_peer *to, enum message_type type,
			  uint64_t id, enum yb_err err, int fd)
{
	uint32_t outcome = err;
	struct span body = span_of(&outcome, sizeof outcome);

	/* A worker that is gone needs no answer. */
	err = channel_send(&to->peer.channel, type, id, &body, 1, &fd, fd >= 0);
	if (err == YB_OK || fd < 0)
		return;
	outcome = err;
	(void)channel_send(&to->peer.channel, type, id, &body, 1, NULL, 0);
}

static bool on_worker_message(struct peer *from, struct message *m)
{
	struct worker_peer *w = (struct worker_peer *)from;

	switch (m->type) {
	case MESSAGE_LOG_WANTED:
		return store_process_log_wanted(w, m);
	case MESSAGE_CLOSE:
		return store_process_close(w, m);
	case MESSAGE_QUIT:
		return store_process_quit(w, m);
	case MESSAGE_DELIVER:
		return store_process_deliver(w, m);
	case MESSAGE_SPOOL_WANTED:
		return store_process_spool_wanted(w, m);
	default:
		return false;
	}
}

/* I7: snapshots live until the worker's channel ends. */
static void on_worker_end(struct peer *peer, enum yb_err why)
{
	(void)why;
	store_process_close_sessions((struct worker_peer *)peer);
}

static bool on_auth_message(struct peer *from, struct message *m)
{
	if (m->type == MESSAGE_REVOKED)
		return store_process_revoked(from->owner, m);
	return m->type == MESSAGE_GRANT && store_process_grant(from->owner, m);
}

/* ---- the disk ---- */

static size_t sessions_n(const struct store_process *p)
{
	size_t n = 0;

	for (uint32_t i = 0; i < WORKERS_MAX; i++)
		n += handles_count(&p->workers[i].sessions);
	return n;
}

static void look(void *ctx, uint64_t now_ms)
{
	struct store_process *p = ctx;
	struct metrics_page *page = p->process.page;
	struct statvfs disk;

	if (statvfs(p->folder, &disk) == 0) {
		metric_set(page, METRIC_FREE,
			   (uint64_t)disk.f_bavail * disk.f_frsize);
		metric_set(page, METRIC_SIZE,
			   (uint64_t)disk.f_blocks * disk.f_frsize);
		metric_set(page, METRIC_FREE_FILES, disk.f_favail);
		metric_set(page, METRIC_READ_ONLY,
			   (disk.f_flag & ST_RDONLY) != 0);
	}
	metric_set(page, METRIC_SNAPSHOTS, sessions_n(p));
	loop_timer_set(p->process.loop, &p->look, now_ms + LOOK_MS);
}

/* ---- setting up ---- */

static void on_pool(void *ctx, uint32_t events)
{
	struct store_process *p = ctx;

	(void)events;
	store_run(p->store);
}

static void defer(void *ctx)
{
	struct store_process *p = ctx;

	loop_defer(p->process.loop, &p->turn);
}

static void on_turn(void *ctx)
{
	struct store_process *p = ctx;

	/* Another task of this turn may have ended it. */
	if (p->store != NULL)
		store_turn(p->store);
}

static void report(void *ctx, const char *line)
{
	struct store_process *p = ctx;

	log_message(&p->process.log, LOG_WARN, "store", "%s", line);
}

static void handle_command(void *ctx, struct control_call *call)
{
	struct store_process *p = ctx;

	control_store_handle(p->store, call);
}

/*
 * Half of what the system grants: the other half is for channels, and for
 * spool files and bodies on the way.
 */
static size_t fds_of_logs(size_t granted)
{
	return granted / 2;
}

static size_t fds_granted(void)
{
	struct rlimit files;

	return getrlimit(RLIMIT_NOFILE, &files) < 0
		       ? BODIES_PART * (size_t)BODIES_MAX
		       : (size_t)files.rlim_cur;
}

static enum yb_err open_all(struct store_process *p)
{
	size_t fds = fds_granted();
	struct store_config config = { .path = p->process.config.store_path,
				       .threads = STORE_THREADS,
				       .fds_max = fds_of_logs(fds),
				       .undelete_days =
					       p->process.config.undelete_days,
				       .ballast_octets =
					       p->process.config.ballast,
				       .journal_least = JOURNAL_LEAST,
				       .journal_octets = JOURNAL_OCTETS,
				       .index_lag = INDEX_LAG,
				       .defer = defer,
				       .report = report,
				       .ctx = p };
	const struct sandbox_path path = { config.path, SANDBOX_WRITE_TREE };
	bool is_root;
	/* Before the pool's threads begin: Landlock cages a thread and those
	 * that it starts. */
	enum yb_err err =
		cage_close_in(&p->process, config.path, &path, 1, &is_root);

	if (err == YB_OK && is_root)
		config.path = "/";
	p->folder = config.path;
	p->bodies_max = fds / BODIES_PART;
	if (err == YB_OK)
		err = store_open(&config, &p->store);
	if (err == YB_OK)
		err = control_server_init(&p->control, p->process.loop,
					  handle_command, p);
	if (err == YB_OK)
		err = loop_watch(p->process.loop, &p->pool, store_fd(p->store),
				 EPOLLIN | LOOP_LEVEL);
	return err;
}

static void on_tick(void *ctx, uint64_t now_ms)
{
	struct store_process *p = ctx;

	store_tick(p->store);
	loop_timer_set(p->process.loop, &p->tick, now_ms + TICK_MS);
}

static void start(struct store_process *p)
{
	enum yb_err err = open_all(p);

	if (err == YB_OK) {
		look(p, loop_now(p->process.loop));
		on_tick(p, loop_now(p->process.loop));
		process_ready(&p->process);
		return;
	}
	log_message(&p->process.log, LOG_ERROR, "start",
		    "cannot open the store %s: %s",
		    p->process.config.store_path, err_text(err));
	process_end(&p->process, err == YB_BUSY ? 12 : 1);
}

static struct peer *find_peer(void *owner, enum role role, uint32_t number)
{
	struct store_process *p = owner;

	if (role == ROLE_AUTH)
		return &p->auth;
	return role == ROLE_WORKER ? &p->workers[number].peer : NULL;
}

static bool on_message(void *ctx, struct message *m)
{
	struct store_process *p = ctx;

	switch (m->type) {
	case MESSAGE_PEER:
		return peer_take(&p->process, m, find_peer, p);
	case MESSAGE_START:
		start(p);
		return true;
	case MESSAGE_CONTROL:
		return control_server_message(&p->control, m);
	default:
		return false;
	}
}

/* The workers are gone; what they handed in is still written and synced. */
static void end_when_idle(void *ctx, uint64_t now_ms)
{
	struct store_process *p = ctx;

	if (p->store != NULL && !store_is_idle(p->store))
		loop_timer_set(p->process.loop, &p->ending,
			       now_ms + STOP_POLL_MS);
	else
		/* What else this turn brings still finds the store. */
		process_end(&p->process, 0);
}

/* Workers that died without being seen to may have left snapshots open. */
static void close_all(struct store_process *p)
{
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		if (p->workers[i].peer.present)
			channel_close(&p->workers[i].peer.channel);
		store_process_close_sessions(&p->workers[i]);
	}
	control_server_done(&p->control);
	store_close(&p->store);
}

static void on_stop(void *ctx)
{
	struct store_process *p = ctx;

	if (p->store != NULL)
		store_stop(p->store);
	end_when_idle(p, loop_now(p->process.loop));
}

int store_process_main(void)
{
	struct store_process *p = calloc(1, sizeof *p);
	int status;

	if (p == NULL || process_init(&p->process, ROLE_STORE, 0) != YB_OK)
		return 1;
	p->process.on_message = on_message;
	p->process.on_stop = on_stop;
	p->process.ctx = p;
	p->pool = (struct loop_io){ .fd = -1, .ready = on_pool, .ctx = p };
	loop_task_init(&p->turn, on_turn, p);
	loop_timer_init(&p->ending, end_when_idle, p);
	loop_timer_init(&p->look, look, p);
	loop_timer_init(&p->tick, on_tick, p);
	list_init(&p->grants);
	p->auth.owner = p;
	p->auth.on_message = on_auth_message;
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		p->workers[i].peer.owner = p;
		p->workers[i].peer.number = i;
		p->workers[i].peer.on_message = on_worker_message;
		p->workers[i].peer.on_end = on_worker_end;
	}
	status = process_run(&p->process);
	if (status == 0)
		close_all(p);
	return status;
}
