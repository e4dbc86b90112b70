/*
 * The store process: the only writer of mail. It opens what auth granted,
 * tells workers what is in it, takes deliveries and deletes, and hands out
 * read-only descriptors; it never speaks to a client.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "os/clock.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "server/cage.h"
#include "server/control_server.h"
#include "server/control_store.h"
#include "server/handles.h"
#include "server/process.h"
#include "server/requests.h"
#include "store/store.h"

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
	/* Bodies of one worker that come as descriptors; and of all workers,
	 * such a part of what the system grants. A body that finds no room
	 * would end the channel that it came by. */
	BODIES_MAX = 1024,
	BODIES_PART = 4,
	/* Rows that travel inside the answer to a login. */
	LISTING_INLINE = 32 * 1024,
	/* uids are below 2^32, and ranges do not touch: far fewer. */
	RANGES_MAX = 64 * 1024 * 1024,
	/* Waits this long for syncs in flight before it ends anyway. */
	STOP_POLL_MS = 20,
	/* How old what is said of the disk may be. */
	LOOK_MS = 2 * 1000,
	/* How often the store looks at what time has brought. */
	TICK_MS = 1000,
};

struct worker_peer {
	struct peer peer;
	struct handles sessions; /* maildrops that it has open */
	uint32_t questions_n;    /* not yet answered */
	uint32_t bodies_n;       /* of these, held open */
};

struct store_process {
	struct process process;
	struct store *store;
	const char *folder; /* of the store, as this process sees it */
	struct peer auth;
	struct list grants; /* maildrops that are being opened */
	struct worker_peer workers[WORKERS_MAX];
	size_t bodies_n, bodies_max; /* of all workers */
	struct loop_io pool;
	struct loop_task turn; /* what came in one turn is synced together */
	struct loop_timer ending;
	struct loop_timer look; /* at the disk */
	struct loop_timer tick;
	struct control_server control;
};

/* Something a worker waits for. */
struct question {
	struct store_process *process;
	uint32_t worker;
	uint64_t incarnation;
	uint64_t id;
	uint64_t since_ns;
	struct store_snapshot *snapshot; /* QUIT: to be closed after it */
	int fd;                          /* DELIVER: the body, or -1 */
	struct list link;                /* GRANT: in grants */
	struct handle_tag tag;           /* GRANT: for whom */
	bool revoked;                    /* GRANT: it is worth nothing now */
	char address[256];               /* GRANT */
};

static struct question *question_new(struct store_process *p, uint32_t worker,
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

static void question_free(struct question *q)
{
	list_remove(&q->link);
	q->process->workers[q->worker].questions_n--;
	q->process->workers[q->worker].bodies_n -= q->fd >= 0;
	q->process->bodies_n -= q->fd >= 0;
	store_snapshot_close(&q->snapshot);
	fd_close(&q->fd);
	free(q);
}

/* How long it took, into a histogram. */
static void question_observe(const struct question *q, uint32_t cell)
{
	metric_observe(q->process->process.page, cell,
		       clock_mono_ns() - q->since_ns, 1);
}

/* The channel that the answer goes to; NULL if that worker is gone. */
static struct worker_peer *asker(const struct question *q)
{
	struct worker_peer *w = &q->process->workers[q->worker];

	return w->peer.present && w->peer.incarnation == q->incarnation ? w
									: NULL;
}

/* An answer that is an outcome alone. */
static void send_err(struct peer *to, enum message_type type, uint64_t id,
		     enum yb_err err)
{
	struct message_writer w;

	message_write(&w);
	message_write_u32(&w, err);
	/* A worker that is gone needs no answer. */
	(void)channel_send_fields(&to->channel, type, id, &w);
}

/* ---- a login's third message ---- */

static enum yb_err send_opened(struct worker_peer *w, const struct question *q,
			       struct store_snapshot *snapshot, uint64_t handle)
{
	struct span listing = store_snapshot_listing(snapshot);
	struct message_writer head;
	struct span parts[2];
	enum yb_err err = YB_OK;
	int fd = -1;

	if (listing.n > LISTING_INLINE) {
		err = store_snapshot_memfd(snapshot, &fd);
		listing = SPAN_NONE;
	}
	if (err != YB_OK)
		return err;
	message_write(&head);
	message_write_u32(&head, YB_OK);
	message_write_u64(&head, handle);
	message_write_u8(&head, q->tag.may_delete);
	message_write_octets(&head, span_str(q->address));
	message_write_u64(&head, store_snapshot_listing_number(snapshot));
	message_write_u32(&head, (uint32_t)listing.n);
	parts[0] = message_written(&head);
	parts[1] = listing;
	return channel_send(&w->peer.channel, MESSAGE_OPENED, q->id, parts, 2,
			    &fd, fd >= 0);
}

static void send_not_opened(struct worker_peer *w, uint64_t id, enum yb_err err)
{
	struct message_writer out;

	message_write(&out);
	message_write_u32(&out, err);
	message_write_u64(&out, 0);
	message_write_u8(&out, 0);
	message_write_octets(&out, SPAN_NONE);
	message_write_u64(&out, 0);
	message_write_octets(&out, SPAN_NONE);
	(void)channel_send_fields(&w->peer.channel, MESSAGE_OPENED, id, &out);
}

static void on_opened(void *ctx, enum yb_err err,
		      struct store_snapshot *snapshot)
{
	struct question *q = ctx;
	struct worker_peer *w = asker(q);
	uint64_t handle;

	question_observe(q, METRIC_OPEN);
	if (w == NULL) {
		store_snapshot_close(&snapshot);
		question_free(q);
		return;
	}
	if (err == YB_OK && q->revoked) {
		store_snapshot_close(&snapshot);
		err = YB_DENIED;
	}
	if (err == YB_OK) {
		handle = handles_add(&w->sessions, snapshot, &q->tag);
		err = handle == 0 ? YB_OVERLOAD
				  : send_opened(w, q, snapshot, handle);
		if (handle != 0 && err != YB_OK)
			(void)handles_take(&w->sessions, handle);
		if (err != YB_OK)
			store_snapshot_close(&snapshot);
	}
	if (err != YB_OK)
		send_not_opened(w, q->id, err);
	question_free(q);
}

static bool on_grant(struct store_process *p, struct message *m)
{
	struct message_reader r;
	struct store_place place;
	struct question *q;
	uint32_t worker, device;
	uint64_t incarnation;
	struct span address;
	bool may_delete;

	message_read(&r, m);
	worker = message_read_u32(&r);
	incarnation = message_read_u64(&r);
	message_read_into(&r, place.account.octets,
			  sizeof place.account.octets);
	place.mailbox = message_read_u32(&r);
	device = message_read_u32(&r);
	may_delete = message_read_u8(&r) != 0;
	address = message_read_octets(&r);
	if (!message_read_ended(&r) || worker >= WORKERS_MAX ||
	    device >= STORE_DEVICES_MAX)
		return false;
	q = question_new(p, worker, incarnation, m->id);
	if (q == NULL)
		return true; /* the worker's deadline tells */
	if (!span_to_str(address, q->address, sizeof q->address)) {
		question_free(q);
		return false;
	}
	q->tag = (struct handle_tag){ .device = device,
				      .may_delete = may_delete };
	memcpy(q->tag.account, place.account.octets, sizeof q->tag.account);
	list_push(&p->grants, &q->link);
	store_snapshot_open(p->store, place, device, on_opened, q);
	return true;
}

/* ---- logins that are worth nothing any more ---- */

/* The worker tells the client; whatever it does, this session reads and
 * deletes nothing more. */
static void end_session(struct worker_peer *w, uint64_t handle)
{
	struct store_snapshot *snapshot = handles_take(&w->sessions, handle);
	struct message_writer out;

	store_snapshot_close(&snapshot);
	message_write(&out);
	message_write_u64(&out, handle);
	(void)channel_send_fields(&w->peer.channel, MESSAGE_SESSION_ENDED, 0,
				  &out);
}

static bool on_revoked(struct store_process *p, struct message *m)
{
	struct message_reader r;
	uint8_t account[16];
	uint64_t devices, handle;

	message_read(&r, m);
	message_read_into(&r, account, sizeof account);
	devices = message_read_u64(&r);
	if (!message_read_ended(&r))
		return false;
	list_for_each(link, &p->grants) {
		struct question *q = list_entry(link, struct question, link);

		if ((devices & 1ull << q->tag.device) != 0 &&
		    memcmp(q->tag.account, account, sizeof account) == 0)
			q->revoked = true;
	}
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		struct worker_peer *w = &p->workers[i];
		uint32_t at = 0;

		while (w->peer.present &&
		       (handle = handles_next_of(&w->sessions, account, devices,
						 &at)) != 0)
			end_session(w, handle);
	}
	return true;
}

/* ---- what workers ask ---- */

static bool on_log_wanted(struct worker_peer *w, struct message *m)
{
	struct message_reader r;
	struct store_snapshot *snapshot;
	uint32_t outcome = YB_OK;
	struct span body = span_of(&outcome, sizeof outcome);
	enum yb_err err = YB_SNAPSHOT_GONE;
	int fd;

	message_read(&r, m);
	snapshot = handles_find(&w->sessions, message_read_u64(&r));
	if (!message_read_ended(&r))
		return false;
	if (snapshot != NULL)
		err = store_snapshot_log(snapshot, &fd);
	if (err == YB_OK)
		err = channel_send(&w->peer.channel, MESSAGE_LOG_READY, m->id,
				   &body, 1, &fd, 1);
	if (err != YB_OK)
		send_err(&w->peer, MESSAGE_LOG_READY, m->id, err);
	return true;
}

static bool on_close(struct worker_peer *w, struct message *m)
{
	struct message_reader r;
	struct store_snapshot *snapshot;
	uint64_t handle;

	message_read(&r, m);
	handle = message_read_u64(&r);
	if (!message_read_ended(&r))
		return false;
	snapshot = handles_take(&w->sessions, handle);
	store_snapshot_close(&snapshot);
	return true;
}

static void on_expunged(void *ctx, enum yb_err err, struct store_change change)
{
	struct question *q = ctx;
	struct worker_peer *w = asker(q);

	(void)change;
	question_observe(q, METRIC_EXPUNGE);
	if (w != NULL)
		send_err(&w->peer, MESSAGE_QUIT_DONE, q->id, err);
	question_free(q);
}

static void expunge(struct question *q, const struct store_session *by,
		    struct span ranges)
{
	/* Inline ranges may lie at any address. */
	struct uid_range *copy = malloc(ranges.n);

	if (copy == NULL) {
		on_expunged(q, YB_NOMEM, (struct store_change){ 0 });
		return;
	}
	memcpy(copy, ranges.p, ranges.n);
	store_expunge(q->snapshot, by, copy, ranges.n / sizeof *copy,
		      on_expunged, q);
	free(copy);
}

static bool on_quit(struct worker_peer *w, struct message *m)
{
	struct store_process *p = w->peer.owner;
	struct store_session by = { .worker = (uint8_t)w->peer.number,
				    .kind = STORE_WORKER_SESSION };
	struct span mapping = SPAN_NONE, ranges;
	const struct handle_tag *tag;
	struct message_reader r;
	struct question *q;
	uint64_t handle;

	message_read(&r, m);
	handle = message_read_u64(&r);
	by.start = message_read_u32(&r);
	by.number = message_read_u32(&r);
	ranges = message_read_octets(&r);
	if (!message_read_ended(&r) || m->fds_n > 1)
		return false;
	tag = handles_tag(&w->sessions, handle);
	if (tag == NULL) {
		send_err(&w->peer, MESSAGE_QUIT_DONE, m->id, YB_SNAPSHOT_GONE);
		return true;
	}
	if (!tag->may_delete)
		return false; /* the worker was told so */
	q = question_new(p, w->peer.number, w->peer.incarnation, m->id);
	if (q == NULL) {
		send_err(&w->peer, MESSAGE_QUIT_DONE, m->id, YB_NOMEM);
		return true;
	}
	q->snapshot = handles_take(&w->sessions, handle);
	if (m->fds_n == 1) {
		if (memfd_map(m->fds[0], RANGES_MAX, &mapping) != YB_OK) {
			question_free(q);
			return false;
		}
		ranges = mapping;
	}
	if (ranges.n == 0 || ranges.n % sizeof(struct uid_range) != 0) {
		memfd_unmap(&mapping);
		question_free(q);
		return false;
	}
	expunge(q, &by, ranges);
	memfd_unmap(&mapping);
	return true;
}

/* ---- deliveries ---- */

static void on_delivered(void *ctx, const enum yb_err *errs, size_t n)
{
	struct question *q = ctx;
	struct worker_peer *w = asker(q);
	uint32_t count = (uint32_t)n;
	uint8_t codes[STORE_PLACES_MAX];
	struct span parts[2];

	question_observe(q, METRIC_COMMIT);
	for (size_t i = 0; i < n; i++)
		codes[i] = (uint8_t)errs[i];
	parts[0] = span_of(&count, sizeof count);
	parts[1] = span_of(codes, n);
	if (w != NULL)
		(void)channel_send(&w->peer.channel, MESSAGE_DELIVERED, q->id,
				   parts, 2, NULL, 0);
	question_free(q);
}

static void refuse_delivery(struct question *q, size_t n)
{
	enum yb_err errs[STORE_PLACES_MAX];

	for (size_t i = 0; i < n; i++)
		errs[i] = YB_OVERLOAD;
	on_delivered(q, errs, n);
}

/* Where a delivery goes, and its body; false if malformed. */
static bool read_delivery(struct message *m, struct store_delivery *d,
			  struct store_place *places,
			  struct store_quota *quotas)
{
	struct message_reader r;
	uint8_t mode;
	uint32_t n;

	message_read(&r, m);
	mode = message_read_u8(&r);
	d->received_ns = (int64_t)message_read_u64(&r);
	d->wire_n = message_read_u64(&r);
	n = message_read_u32(&r);
	if (r.bad || mode > STORE_EACH || n == 0 || n > STORE_PLACES_MAX)
		return false;
	message_read_into(&r, places, n * sizeof *places);
	message_read_into(&r, quotas, n * sizeof *quotas);
	d->prefix = message_read_octets(&r);
	d->wire = message_read_octets(&r);
	d->mode = (enum store_delivery_mode)mode;
	d->places = places;
	d->quotas = quotas;
	d->places_n = n;
	return message_read_ended(&r) && m->fds_n <= 1 &&
	       (m->fds_n == 1 ? d->wire.n == 0 : d->wire.n == d->wire_n);
}

/*
 * What a worker may hand in is bounded by what it may take in: doubled dots
 * add a third at most, the end three octets. A body of its own making could
 * be sparse and fill the disk, or be something whose reading never ends.
 */
static bool is_body(const struct store_process *p, int fd, uint64_t wire_n)
{
	uint64_t max = p->process.config.message_size_max;
	struct stat st;

	if (wire_n > max + max / 3 + 3)
		return false;
	return fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
			  (uint64_t)st.st_size == wire_n);
}

static bool on_deliver(struct worker_peer *w, struct message *m)
{
	struct store_process *p = w->peer.owner;
	struct store_place places[STORE_PLACES_MAX];
	struct store_quota quotas[STORE_PLACES_MAX];
	struct store_delivery d = { .fd = -1 };
	struct question *q;

	if (!read_delivery(m, &d, places, quotas) ||
	    !is_body(p, m->fds_n == 1 ? m->fds[0] : -1, d.wire_n))
		return false;
	q = question_new(p, w->peer.number, w->peer.incarnation, m->id);
	if (q == NULL)
		return true; /* the worker's deadline answers 451 */
	if (m->fds_n == 1 &&
	    (w->bodies_n == BODIES_MAX || p->bodies_n == p->bodies_max)) {
		refuse_delivery(q, d.places_n);
		return true;
	}
	if (m->fds_n == 1) {
		d.fd = q->fd = fd_steal(&m->fds[0]);
		w->bodies_n++;
		p->bodies_n++;
	}
	store_deliver(p->store, &d, on_delivered, q);
	return true;
}

static bool on_spool_wanted(struct worker_peer *w, struct message *m)
{
	struct store_process *p = w->peer.owner;
	uint32_t outcome = YB_OK;
	struct span body = span_of(&outcome, sizeof outcome);
	AUTO_FD fd = -1;
	enum yb_err err = store_spool(p->store, &fd);

	if (err == YB_OK)
		err = channel_send(&w->peer.channel, MESSAGE_SPOOL, m->id,
				   &body, 1, &fd, 1);
	if (err != YB_OK)
		send_err(&w->peer, MESSAGE_SPOOL, m->id, err);
	return true;
}

static bool on_worker_message(struct peer *from, struct message *m)
{
	struct worker_peer *w = (struct worker_peer *)from;

	switch (m->type) {
	case MESSAGE_LOG_WANTED:
		return on_log_wanted(w, m);
	case MESSAGE_CLOSE:
		return on_close(w, m);
	case MESSAGE_QUIT:
		return on_quit(w, m);
	case MESSAGE_DELIVER:
		return on_deliver(w, m);
	case MESSAGE_SPOOL_WANTED:
		return on_spool_wanted(w, m);
	default:
		return false;
	}
}

static void close_sessions(struct worker_peer *w)
{
	struct store_snapshot *snapshot;

	while ((snapshot = handles_take_any(&w->sessions)) != NULL)
		store_snapshot_close(&snapshot);
}

/* I7: snapshots live until the worker's channel ends. */
static void on_worker_end(struct peer *peer, enum yb_err why)
{
	(void)why;
	close_sessions((struct worker_peer *)peer);
}

static bool on_auth_message(struct peer *from, struct message *m)
{
	if (m->type == MESSAGE_REVOKED)
		return on_revoked(from->owner, m);
	return m->type == MESSAGE_GRANT && on_grant(from->owner, m);
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
		close_sessions(&p->workers[i]);
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
