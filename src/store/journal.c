/*
 * When many mailboxes want a sync at the same time, their new octets go into
 * the journal together, and one sync answers for all. The logs are written as
 * ever, but synced later and in the background, each for many messages.
 *
 *	NONE -> MAKING -> READY   once there was reason often enough
 *	READY -> GIVEN_UP         a write or sync of it failed: every log is
 *	                          synced by itself again  [give_up]
 *
 * A half takes batches until it is full; then the other one does, and the
 * logs that it has octets of are synced [drain]. Until the last of them is,
 * nothing is written over what the half holds: if a log's own sync fails, its
 * octets are here [rewrite_run], and after a crash all are put into the logs
 * again [journal_recover] before anybody opens them.
 *
 * Why that is as safe as a sync of each log:
 * - What is acknowledged is on the disk, in its log or in the journal, and
 *   leaves the journal only when the log is synced [journal_forget].
 * - What is not acknowledged may come back as well: whole, and as a second
 *   copy of what its sender sent again, like all that a log's end may hold
 *   after a crash.
 * - An entry names log and generation. A log that had a failure goes on as a
 *   new generation (I11), so no old entry can come over what it takes then;
 *   and no process takes mail before the journal of the one before is gone.
 */
#include "store/private.h"

#include <stdlib.h>

enum {
	/* Of a batch; what has more to say is synced by itself. */
	BATCH_OCTETS = 1024 * 1024,
	RANGE_MAX = 256 * 1024,
	/* Mailboxes in one batch: as many as descriptors are kept for. */
	BATCH_MAX = 512,
	/* Logs synced at a time when a half is drained: others wait too. */
	DRAIN_SYNCS = 8,
	/* It has to have been wished for as often before it is made. */
	WISHES = 32,
	/* Room on the disk, in its own sizes, for it to be made. */
	ROOM_FACTOR = 16,
	/* Without a batch for so long all logs are synced. */
	QUIET_MS = 5000,
	/* When making it has failed. */
	AGAIN_MS = 60 * 1000,
};

static const unsigned all_halves = (1u << JOURNAL_HALVES) - 1;

/* ---- what logs still need it ---- */

static void note(struct mailbox *mb, unsigned half)
{
	struct journal *j = &mb->st->journal;

	if (mb->in_halves == 0) {
		mailbox_use(mb);
		mb->journal_log = mb->log;
		/* An error of the background is told to the descriptor that
		 * was open then: it is the one to sync. */
		log_file_pin(mb->journal_log);
		list_push(&j->logs, &mb->in_journal);
		j->logs_n++;
	}
	if ((mb->in_halves & 1u << half) == 0)
		j->logs_of[half]++;
	mb->in_halves |= 1u << half;
}

void journal_forget(struct mailbox *mb)
{
	struct journal *j = &mb->st->journal;

	if (mb->in_halves == 0)
		return;
	for (unsigned i = 0; i < JOURNAL_HALVES; i++)
		if ((mb->in_halves & 1u << i) != 0 && --j->logs_of[i] == 0)
			j->draining &= ~(1u << i);
	mb->in_halves = 0;
	list_remove(&mb->in_journal);
	j->logs_n--;
	log_file_unpin(mb->journal_log);
	mb->journal_log = NULL;
	mailbox_unuse(&mb);
}

void journal_drain(struct store *st)
{
	struct journal *j = &st->journal;

	if (j->draining == 0)
		return;
	/* In the order in which they came into it. */
	list_for_each_safe(at, &j->logs) {
		struct mailbox *mb = list_entry(at, struct mailbox, in_journal);

		if (j->drains == DRAIN_SYNCS ||
		    (mb->in_halves & j->draining) == 0)
			return;
		/* I9: what a sync says of offsets is not true of the log that
		 * takes over meanwhile, and that one is synced. */
		if (!mb->syncing && !mb->failed &&
		    mb->work != MAILBOX_SWITCHING)
			mailbox_sync_alone(mb, true);
	}
}

/* ---- making and giving up ---- */

struct make_job {
	struct pool_job job;
	struct store *st;
	uint64_t half;
	struct journal_file file;
	enum yb_err err;
};

static void make_run(struct pool_job *job)
{
	struct make_job *m = list_entry(job, struct make_job, job);
	const struct files *f = &m->st->files;
	uint64_t room;

	m->err = f->os->room(f->os->ctx, f->root, &room);
	if (m->err == YB_OK && room / ROOM_FACTOR < JOURNAL_HALVES * m->half)
		m->err = YB_FULL;
	if (m->err == YB_OK)
		m->err = journal_make(f, m->half, &m->file);
}

static void make_done(struct pool_job *job)
{
	struct make_job *m = list_entry(job, struct make_job, job);
	struct journal *j = &m->st->journal;

	j->state = m->err == YB_OK ? JOURNAL_READY : JOURNAL_NONE;
	j->again_ms = store_mono_ms(m->st) + AGAIN_MS;
	if (m->err == YB_OK)
		j->file = m->file;
	free(m);
}

static void make(struct store *st)
{
	struct journal *j = &st->journal;
	struct make_job *m;

	if (j->state != JOURNAL_NONE || store_mono_ms(st) < j->again_ms ||
	    ++j->wishes < (st->config.journal_at_once ? 1 : WISHES))
		return;
	if (j->buffer == NULL)
		j->buffer = malloc(BATCH_OCTETS);
	m = calloc(1, sizeof *m);
	if (m == NULL || j->buffer == NULL) {
		free(m);
		return;
	}
	m->job.run = make_run;
	m->job.done = make_done;
	m->job.is_long = true;
	m->st = st;
	m->half = st->config.journal_octets;
	j->state = JOURNAL_MAKING;
	pool_give(st->pool, &m->job);
}

/* What it holds stays good: those syncs went well. It only takes no more. */
static void give_up(struct store *st)
{
	struct journal *j = &st->journal;

	j->state = JOURNAL_GIVEN_UP;
	store_report(st, "the journal cannot be written: each log is synced by "
			 "itself from now on");
	for (unsigned i = 0; i < JOURNAL_HALVES; i++)
		j->draining |= j->logs_of[i] > 0 ? 1u << i : 0;
}

/* ---- batches ---- */

struct batch_item {
	struct mailbox_job base; /* not given to the pool */
	uint64_t from, upto;
	struct journal_entry entry;
	int fd;
};

struct batch_job {
	struct pool_job job;
	struct store *st;
	struct journal_file file;
	unsigned half;
	uint64_t at; /* in the file */
	uint8_t *buffer;
	size_t n; /* octets */
	enum yb_err err;
	size_t items_n;
	struct batch_item items[];
};

/* Puts a log's new octets, as they stand in it, behind those of others. */
static enum yb_err put_item(struct batch_job *b, struct batch_item *item)
{
	const struct os_storage *os = b->file.os;
	struct journal_entry *e = &item->entry;
	uint8_t *p = b->buffer + b->n;
	size_t got;
	enum yb_err err = os->read(os->ctx, item->fd, p + JOURNAL_ENTRY_SIZE,
				   e->n, e->at, &got);

	if (err == YB_OK && got < e->n)
		err = YB_CORRUPT;
	if (err != YB_OK)
		return err;
	journal_entry_encode(&b->file, b->at + b->n, e, p + JOURNAL_ENTRY_SIZE,
			     p);
	b->n += journal_entry_size(e->n);
	memset(p + JOURNAL_ENTRY_SIZE + e->n, 0, log_align(e->n) - e->n);
	return YB_OK;
}

static void batch_run(struct pool_job *job)
{
	struct batch_job *b = list_entry(job, struct batch_job, job);
	const struct os_storage *os = b->file.os;
	struct iovec iov = { .iov_base = b->buffer };
	size_t pad;

	b->n = 0;
	for (size_t i = 0; i < b->items_n && b->err == YB_OK; i++)
		b->err = put_item(b, &b->items[i]);
	if (b->err != YB_OK)
		return;
	/* The next one begins at a block, so that no sector of what was
	 * acknowledged is ever written again. */
	pad = -b->n & (JOURNAL_BLOCK - 1);
	memset(b->buffer + b->n, 0, pad);
	iov.iov_len = b->n + pad;
	b->err = os->write(os->ctx, b->file.fd, &iov, 1, b->at);
	if (b->err == YB_OK)
		b->err = os->sync(os->ctx, b->file.fd);
}

static void batch_done(struct pool_job *job)
{
	struct batch_job *b = list_entry(job, struct batch_job, job);
	struct store *st = b->st;

	st->journal.busy = false;
	/* I11 speaks of the descriptor that could not be synced: that is the
	 * journal's. The logs are as they were, and are synced now. */
	if (b->err != YB_OK)
		give_up(st);
	for (size_t i = 0; i < b->items_n; i++) {
		struct batch_item *item = &b->items[i];
		struct mailbox *mb = item->base.mb;

		if (b->err == YB_OK && !mb->removed)
			note(mb, b->half);
		mailbox_synced(mb, item->upto, b->err == YB_OK);
		mailbox_job_leave(&item->base);
		mailbox_unuse(&mb);
	}
	free(b);
	journal_drain(st);
}

/* Room for `n` octets in a half that is in use; false if there is none. */
static bool find_room(struct store *st, uint64_t n)
{
	struct journal *j = &st->journal;
	unsigned other = !j->active;
	bool full = j->used + n > j->file.half ||
		    j->logs_n >= st->config.fds_max / 4;

	if (j->logs_of[j->active] == 0 && j->used > 0) {
		/* Nobody needs what it holds: from the start again. */
		j->used = 0;
		j->epoch++;
		return n <= j->file.half;
	}
	if (!full)
		return true;
	if (j->logs_of[other] > 0)
		return false;
	if (j->logs_of[j->active] > 0)
		j->draining |= 1u << j->active;
	j->active = other;
	j->used = 0;
	j->epoch++;
	journal_drain(st);
	return true;
}

static void add_item(struct batch_job *b, struct mailbox *mb)
{
	struct batch_item *item = &b->items[b->items_n++];

	mailbox_job_enter(&item->base, mb, mb->log);
	mb->syncing = true;
	/* What the copy of a large body has written behind the tail is not
	 * meant: its record counts once its header is there. */
	item->from = mb->durable;
	item->upto = mb->tail;
	item->fd = mb->log->fd;
	item->entry = (struct journal_entry){
		.place = mb->place,
		.generation = mb->log->generation,
		.epoch = b->st->journal.epoch,
		.at = item->from,
		.n = item->upto - item->from,
	};
	memcpy(item->entry.log_id, mb->head.id, sizeof mb->head.id);
	b->n += journal_entry_size(item->entry.n);
}

/* Takes what fits from those that wait; the others wait for the next one. */
static void collect(struct batch_job *b)
{
	struct store *st = b->st;
	uint64_t left = st->journal.file.half - st->journal.used;

	if (left > BATCH_OCTETS)
		left = BATCH_OCTETS;
	list_for_each_safe(at, &st->unsynced) {
		struct mailbox *mb = list_entry(at, struct mailbox, unsynced);
		uint64_t n = journal_entry_size(mb->tail - mb->durable);

		if (n > RANGE_MAX || n > st->journal.file.half) {
			mailbox_sync_alone(mb, false);
			continue;
		}
		/* A batch is padded to a block. */
		if (b->items_n == BATCH_MAX || b->n + n + JOURNAL_BLOCK > left)
			continue;
		list_remove(&mb->unsynced);
		if (!mb->syncing && !list_empty(&mb->pending))
			add_item(b, mb);
	}
}

static void begin_batch(struct store *st)
{
	struct journal *j = &st->journal;
	struct batch_job *b =
		calloc(1, sizeof *b + BATCH_MAX * sizeof(struct batch_item));

	if (b == NULL)
		return;
	b->st = st;
	collect(b);
	if (b->items_n == 0) {
		free(b);
		return;
	}
	b->job.run = batch_run;
	b->job.done = batch_done;
	b->file = j->file;
	b->half = j->active;
	b->at = journal_half_at(&j->file, j->active) + j->used;
	b->buffer = j->buffer;
	j->used += (b->n + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK * JOURNAL_BLOCK;
	j->busy = true;
	j->draining &= ~(1u << j->active);
	j->last_ms = store_mono_ms(st);
	pool_give(st->pool, &b->job);
}

bool journal_sync(struct store *st)
{
	struct journal *j = &st->journal;
	uint64_t n = 0;
	size_t many = 0;

	/* One at a time: who comes meanwhile shares the next. */
	if (j->busy)
		return true;
	list_for_each(at, &st->unsynced) {
		const struct mailbox *mb =
			list_entry(at, struct mailbox, unsynced);
		uint64_t range = mb->tail - mb->durable;

		n += range > RANGE_MAX ? 0 : journal_entry_size(range);
		many++;
	}
	if (st->config.journal_octets == 0 || many < st->config.journal_least)
		return false;
	make(st);
	n = n < BATCH_OCTETS - JOURNAL_BLOCK ? n + JOURNAL_BLOCK : BATCH_OCTETS;
	if (n > st->config.journal_octets)
		n = st->config.journal_octets;
	if (j->state != JOURNAL_READY || !find_room(st, n))
		return false;
	begin_batch(st);
	return j->busy;
}

/* ---- life ---- */

enum yb_err journal_open(struct store *st)
{
	struct buf reports;
	enum yb_err err;

	st->journal = (struct journal){ .file.fd = -1, .epoch = 1 };
	list_init(&st->journal.logs);
	buf_init(&reports, 4096);
	err = journal_recover(&st->files, &reports);
	/* Its octets have been acknowledged: they come before what is new. */
	if (err == YB_FULL && space_give_up(st))
		err = journal_recover(&st->files, &reports);
	mailbox_pass_reports(st, &reports);
	buf_done(&reports);
	/* On a disk that cannot be written mail can still be read. */
	if (err != YB_READ_ONLY)
		return err;
	st->journal.state = JOURNAL_GIVEN_UP;
	return YB_OK;
}

void journal_tick(struct store *st)
{
	struct journal *j = &st->journal;

	/* Those that could not be synced when it was their turn. */
	journal_drain(st);
	if (j->logs_n == 0 || j->busy ||
	    store_mono_ms(st) - j->last_ms < QUIET_MS)
		return;
	for (unsigned i = 0; i < JOURNAL_HALVES; i++)
		j->draining |= j->logs_of[i] > 0 ? 1u << i : 0;
	journal_drain(st);
}

/* Syncs every log, and takes the journal away unless one could not be. */
void journal_close(struct store *st)
{
	struct journal *j = &st->journal;

	free(j->buffer);
	if (j->file.fd < 0)
		return;
	j->state = JOURNAL_GIVEN_UP;
	j->draining = all_halves;
	journal_drain(st);
	while (!store_is_idle(st)) {
		pool_wait(st->pool);
		store_run(st);
	}
	if (j->logs_n == 0)
		/* If this fails the next start finds nothing new in it. */
		(void)!journal_remove(&st->files);
	while (!list_empty(&j->logs))
		journal_forget(
			list_entry(j->logs.next, struct mailbox, in_journal));
	st->os->close(st->os->ctx, j->file.fd);
}
