/*
 * The mailbox store. One thread owns all state; a pool does what blocks.
 *
 * Invariants, and where each is kept:
 *
 * I1  An octet of a log is never rewritten: records are written at the tail
 *     [write_part, copy_run]; a log only grows, is cut where nothing was
 *     acknowledged [part_cut_back, mailbox_fail, load_treat_tail], or is
 *     replaced whole [files_make_log].
 * I2  Log, sync, index, publish, answer: [write_part] -> [sync_run] ->
 *     [publish], which writes the index, then shows, then answers. The sync
 *     may be one of the journal, which has the same octets [batch_run]; it
 *     keeps them until the log's own sync [journal_forget], and after a crash
 *     they are in the log before it is opened [journal_recover]. A new
 *     log's names are synced before it takes mail [create_run]. What an
 *     earlier process left unsynced is synced before it is shown
 *     [make_durable].
 * I3  A session's deletes are one EXPUNGE record [store_expunge], answered
 *     by the same way as a delivery.
 * I4  Uids rise and come from the log [check_last, heed_head]; numbers that
 *     lost records may have had are skipped [skip_numbers]; ids are random
 *     [part_begin].
 * I5  The index is checked whole at opening [use_index] and else made anew
 *     from the log [load_scan, write_index].
 * I6  A bad end above `durable_upto` is set aside and cut; all other damage
 *     stays where it is, and is stepped over [load_treat_tail, take_bad,
 *     find_next].
 * I7  A snapshot holds its listing and its generation's log_file
 *     [snapshot_make]; a log that is replaced stays open for its snapshots
 *     [switch_log]; another generation is never read in its place
 *     [log_file_open].
 * I8  What finds no room is cut back and refused [part_cut_back]; a delete
 *     or a compaction takes the ballast's [write_parts, space_give_up], and
 *     no mail is taken until that is whole again [part_begin, fill_done].
 * I9  A new generation is written beside the old one, synced, renamed over,
 *     its name synced [files_make_log, compact_switch]; while a compacted
 *     one takes over nothing is appended to the old [mailbox_prepare].
 * I10 All of a delivery's records are written in one go, before any of their
 *     syncs is asked for; one failure cuts them all back [write_parts,
 *     fail_all]; then all are synced, and answered when the last is
 *     [part_done].
 * I11 A failed sync is never repeated on the same descriptor and believed:
 *     [mailbox_synced] -> [mailbox_fail] (read-only, cut, waiting mail refused)
 *     -> [mailbox_rewrite] -> [rewrite_done]. While loading: [make_durable].
 *     What such a log may have lost since its last sync is in the journal
 *     [rewrite_run].
 *
 * Transitions stand at the heads of cache.c (a mailbox), append.c (an
 * operation) and sync.c (a record).
 */
#include "store/private.h"

#include <assert.h>
#include <stdlib.h>

#include "os/random.h"

void store_report(struct store *st, const char *line)
{
	if (st->config.report != NULL)
		st->config.report(st->config.ctx, line);
}

/* ---- opening and closing ---- */

/* Whoever holds the lock is the only writer of the store. */
static enum yb_err take_lock(struct store *st)
{
	const struct os_storage *os = st->os;
	enum yb_err err;

	err = os->open(os->ctx, st->files.root, "lock", STORAGE_WRITE,
		       &st->lock_fd);
	if (err == YB_NOT_FOUND)
		err = os->open(os->ctx, st->files.root, "lock", STORAGE_CREATE,
			       &st->lock_fd);
	/* Two that start at once: the other one made it. */
	if (err == YB_EXISTS)
		err = os->open(os->ctx, st->files.root, "lock", STORAGE_WRITE,
			       &st->lock_fd);
	return err == YB_OK ? os->lock(os->ctx, st->lock_fd) : err;
}

/* The folder that removed accounts are renamed into. */
static enum yb_err make_removed(struct store *st)
{
	const struct os_storage *os = st->os;
	enum yb_err err = os->make_folder(os->ctx, st->files.root, "removed");

	if (err == YB_EXISTS)
		return YB_OK;
	/* On a disk that cannot be written mail can still be read. */
	if (err == YB_READ_ONLY)
		return YB_OK;
	return err == YB_OK ? os->sync_folder(os->ctx, st->files.root) : err;
}

enum yb_err store_open(const struct store_config *config, struct store **ret)
{
	struct store *st = calloc(1, sizeof *st);
	enum yb_err err;

	if (st == NULL)
		return YB_NOMEM;
	st->config = *config;
	if (st->config.cached_mailboxes == 0)
		st->config.cached_mailboxes = STORE_CACHED_DEFAULT;
	if (st->config.fds_max == 0 || st->config.fds_max > STORE_FDS_DEFAULT)
		st->config.fds_max = STORE_FDS_DEFAULT;
	st->os = config->os != NULL ? config->os : storage_disk();
	st->files.os = st->os;
	st->files.root = st->lock_fd = -1;
	map_init(&st->mailboxes, os_random_u64());
	list_init(&st->unused);
	list_init(&st->closable);
	list_init(&st->kicked);
	list_init(&st->finished);
	list_init(&st->removals);
	list_init(&st->candidates);
	list_init(&st->unsynced);
	list_init(&st->lagging);
	err = st->os->open_root(st->os->ctx, config->path, &st->files.root);
	if (err == YB_OK)
		err = take_lock(st);
	if (err == YB_OK)
		err = make_removed(st);
	if (err == YB_OK)
		err = pool_new(config->threads, NULL, &st->pool);
	if (err == YB_OK) {
		space_open(st);
		err = journal_open(st);
	}
	st->config.path = NULL; /* the caller's */
	if (err != YB_OK) {
		store_close(&st);
		return err;
	}
	store_clock_open(st);
	removal_clean(st);
	store_settle(st);
	*ret = st;
	return YB_OK;
}

/* Mailboxes that had to be kept, since their logs are not to be believed. */
static void forget_failed(struct store *st)
{
	struct mailbox *mb;
	size_t at = 0;

	while ((mb = map_next(&st->mailboxes, &at)) != NULL) {
		mb->failed = mb->distrust = false;
		mailbox_use(mb);
		mailbox_unuse(&mb);
	}
}

void store_close(struct store **st_at)
{
	struct store *st = *st_at;

	*st_at = NULL;
	if (st == NULL)
		return;
	store_stop(st);
	while (st->pool != NULL && !store_is_idle(st)) {
		pool_wait(st->pool);
		store_run(st);
	}
	assert(st->snapshots_n == 0);
	if (st->pool != NULL)
		journal_close(st);
	forget_failed(st);
	mailbox_drop_unused(st, 0);
	map_done(&st->mailboxes);
	pool_free(&st->pool);
	if (st->lock_fd >= 0)
		st->os->close(st->os->ctx, st->lock_fd);
	if (st->files.root >= 0)
		st->os->close(st->os->ctx, st->files.root);
	free(st);
}

/* ---- the loop ---- */

void store_finish(struct store *st, struct completion *c)
{
	list_init(&c->link);
	list_push(&st->finished, &c->link);
}

static void run_kicked(struct store *st)
{
	struct list *link;

	while ((link = list_pop(&st->kicked)) != NULL) {
		struct mailbox *mb = list_entry(link, struct mailbox, kick);

		if (!list_empty(&mb->queue))
			(void)operation_try(
				list_entry(mb->queue.next, struct part, link)
					->op);
	}
}

static bool run_finished(struct store *st)
{
	bool any = !list_empty(&st->finished);
	struct list *link;

	while ((link = list_pop(&st->finished)) != NULL) {
		struct completion *c =
			list_entry(link, struct completion, link);

		c->call(c);
	}
	return any;
}

/*
 * Calls back whatever has ended, from here only, so that no callback finds
 * the store in the middle of a change. One that calls the store again only
 * adds to the lists. Without threads it runs the pool's jobs, too.
 */
void store_settle(struct store *st)
{
	bool more = true;

	if (st->settling)
		return;
	st->settling = true;
	while (more) {
		run_kicked(st);
		more = run_finished(st) || !list_empty(&st->kicked);
		if (!more && (st->turning || st->config.defer == NULL)) {
			syncs_begin(st);
			more = !list_empty(&st->finished) ||
			       !list_empty(&st->kicked);
		}
		if (st->config.threads == 0 && pool_take(st->pool))
			more = true;
	}
	st->settling = false;
}

int store_fd(const struct store *st)
{
	return pool_fd(st->pool);
}

void store_run(struct store *st)
{
	st->turning = true;
	if (st->config.threads > 0)
		(void)pool_take(st->pool);
	store_settle(st);
	st->turning = false;
}

void store_turn(struct store *st)
{
	st->turning = true;
	store_settle(st);
	st->turning = false;
}

void store_tick(struct store *st)
{
	store_clock_tick(st);
	compaction_tick(st);
	space_tick(st);
	sweep_tick(st);
	journal_tick(st);
	indexes_catch_up(st, 0);
	store_settle(st);
}

void store_stop(struct store *st)
{
	atomic_store(&st->files.stopping, true);
}

bool store_is_idle(const struct store *st)
{
	return st->operations == 0 && pool_busy(st->pool) == 0;
}

enum yb_err store_spool(struct store *st, int *ret_fd)
{
	return st->os->open_unnamed(st->os->ctx, st->files.root, ret_fd);
}
