/*
 * From written to seen.
 *
 *	written -> synced      fdatasync in the pool  [sync_run, batch_run]
 *	synced -> indexed -> published -> answered    [mailbox_synced]
 *	sync failed -> read-only, cut  [mailbox_fail]
 *	-> new generation, takes mail again           [rewrite_done]
 *
 * One sync of a log is in flight at a time; what is appended meanwhile waits
 * for the next one, so that many deliveries share a sync. Where many mailboxes
 * want one at a time, they share that of the journal [journal.c].
 */
#include "store/private.h"

#include <stdlib.h>

#include "os/clock.h"

/* Entries that an expunge changed are written range by range up to this
 * many ranges, else as one run from the first to the last. */
enum {
	SYNC_RANGES_ALONE = 16,
	/* Mailboxes whose indexes are behind: their descriptors are open. */
	LAGGING_MAX = 512,
};

/* ---- the index ---- */

static void write_entries(struct mailbox *mb, struct index_range range)
{
	if (mb->index_stale)
		return;
	if (index_write_entries(mb->st->os, mb->log->index_fd, &mb->table,
				range) != YB_OK)
		mb->index_stale = true;
}

void mailbox_stop_lagging(struct mailbox *mb)
{
	if (mb->lag_log == NULL)
		return;
	list_remove(&mb->lagging);
	mb->st->lagging_n--;
	log_file_unpin(mb->lag_log);
	mb->lag_log = NULL;
}

/* After the sync that `durable_upto` names, never before. */
void mailbox_write_index(struct mailbox *mb)
{
	struct index_head head = { .generation = mb->head.generation,
				   .covers_upto = mb->durable,
				   .durable_upto = mb->durable };

	memcpy(head.log_id, mb->head.id, sizeof head.log_id);
	write_entries(mb, (struct index_range){ mb->index_n, mb->table.count });
	mb->index_n = mb->table.count;
	if (!mb->index_stale && index_write_head(mb->st->os, mb->log->index_fd,
						 &head, &mb->table) != YB_OK)
		mb->index_stale = true;
	/* I5: mail is not refused for its index. What was written fits or
	 * does not; the next opening notices, and reads the log. */
	if (mb->index_stale)
		log_file_close_index(mb->log);
	mailbox_stop_lagging(mb);
}

void indexes_catch_up(struct store *st, size_t left)
{
	while (st->lagging_n > left)
		mailbox_write_index(
			list_entry(st->lagging.next, struct mailbox, lagging));
}

/*
 * I5: the index is derived, and may be behind the log: an opening reads what
 * it does not know. So one write serves several messages. Its descriptor
 * stays open as long.
 */
static void let_lag(struct mailbox *mb)
{
	struct store *st = mb->st;

	if (mb->index_stale ||
	    mb->table.count - mb->index_n >= st->config.index_lag) {
		mailbox_write_index(mb);
		return;
	}
	if (mb->lag_log != NULL)
		return;
	mb->lag_log = mb->log;
	log_file_pin(mb->lag_log);
	list_push(&st->lagging, &mb->lagging);
	st->lagging_n++;
	indexes_catch_up(st, LAGGING_MAX);
}

/* ---- publishing ---- */

/* One range of an EXPUNGE or UNDELETE; the entries that changed. */
static struct index_range publish_range(struct mailbox *mb,
					const struct part *part,
					const uint8_t *p, uint64_t *seq)
{
	struct log_undelete_range range;
	struct uid_range uids;

	memcpy(&uids, p, sizeof uids);
	if (part->record.type == LOG_EXPUNGE)
		return index_table_hide(&mb->table, uids, &part->record);
	memcpy(&range, p, sizeof range);
	*seq += (uint64_t)range.last - range.first + 1;
	return index_table_unhide(&mb->table, range,
				  *seq - (range.last - range.first + 1));
}

static void publish_change(struct mailbox *mb, const struct part *part)
{
	const uint8_t *p = part->op->wire.p;
	struct store_change *told = &part->op->change;
	struct index_range whole = { SIZE_MAX, 0 };
	struct log_change change;
	uint64_t seq;

	/* It is what this program wrote. */
	if (!log_change_decode(&part->record, p, &change))
		return;
	seq = part->record.seq - change.total + 1;
	told->before = mb->table.messages;
	p += LOG_CHANGE_SIZE;
	for (uint32_t i = 0; i < change.count; i++, p += change.range_size) {
		struct index_range r = publish_range(mb, part, p, &seq);

		if (r.first == r.end)
			continue;
		if (change.count <= SYNC_RANGES_ALONE)
			write_entries(mb, r);
		whole.first = r.first < whole.first ? r.first : whole.first;
		whole.end = r.end;
	}
	if (change.count > SYNC_RANGES_ALONE && whole.first < whole.end)
		write_entries(mb, whole);
	mailbox_consider(mb);
	told->messages = part->record.type == LOG_EXPUNGE
				 ? told->before - mb->table.messages
				 : mb->table.messages - told->before;
}

/* Everything written below `upto` is synced: shows and answers it. */
static void publish(struct mailbox *mb, uint64_t upto)
{
	bool changed = false;
	struct list answered;

	list_init(&answered);
	mb->durable = upto;
	while (!list_empty(&mb->pending)) {
		struct part *part =
			list_entry(mb->pending.next, struct part, link);

		if (part->end > upto)
			break;
		list_remove(&part->link);
		list_push(&answered, &part->link);
		part_forget_pending(part);
		index_table_note(&mb->table, &part->record, part->at,
				 part->head_sum);
		if (part->record.type != LOG_MESSAGE) {
			publish_change(mb, part);
			changed = true;
			continue;
		}
		index_table_add(&mb->table, &part->record, part->at);
		space_taken(mb->st);
	}
	if (changed)
		mailbox_write_index(mb);
	else
		let_lag(mb);
	/* What only came goes behind what is listed already. */
	if (changed)
		mailbox_forget_listing(mb);
	else
		mb->listing_grows = mb->listing != NULL;
	mb->changed_ms = store_mono_ms(mb->st);
	while (!list_empty(&answered))
		part_done(list_entry(answered.next, struct part, link), YB_OK);
}

/* ---- syncs ---- */

struct sync_job {
	struct mailbox_job base;
	const struct os_storage *os;
	int fd;
	uint64_t upto;
	bool drains;
};

static void sync_run(struct pool_job *job)
{
	struct sync_job *j = list_entry(job, struct sync_job, base.job);

	j->base.err = j->os->sync(j->os->ctx, j->fd);
}

void mailbox_synced(struct mailbox *mb, uint64_t upto, bool good)
{
	mb->syncing = false;
	if (good && upto > mb->durable)
		publish(mb, upto);
	if (mb->failed)
		mailbox_fail(mb);
	else if (!list_empty(&mb->pending))
		mailbox_sync(mb);
	else
		mb->log->trim = mb->reserved > mb->tail ? mb->tail : 0;
	compaction_go_on(mb);
}

static void sync_done(struct pool_job *job)
{
	struct sync_job *j = list_entry(job, struct sync_job, base.job);
	struct mailbox *mb = j->base.mb;
	struct store *st = mb->st;

	if (j->drains)
		st->journal.drains--;
	/* All of its octets, also those that only the journal was synced for:
	 * they were written before this sync began. */
	if (j->base.err == YB_OK)
		journal_forget(mb);
	else
		mb->failed = true;
	mailbox_synced(mb, j->upto, j->base.err == YB_OK);
	mailbox_job_end(&j->base);
	journal_drain(st);
}

void mailbox_sync_alone(struct mailbox *mb, bool drains)
{
	struct sync_job *j = calloc(1, sizeof *j);

	list_remove(&mb->unsynced);
	if (j == NULL) {
		/* Not to be promised without a sync: all of it is cut. */
		if (!list_empty(&mb->pending))
			mailbox_fail(mb);
		return;
	}
	j->base.job.run = sync_run;
	j->base.job.done = sync_done;
	j->os = mb->st->os;
	j->fd = mb->log->fd;
	/* What the copy of a large body has written behind the tail is not
	 * meant: its record counts once its header is there. */
	j->upto = mb->tail;
	j->drains = drains;
	mb->st->journal.drains += drains;
	mb->syncing = true;
	mailbox_job_give(&j->base, mb, mb->log);
}

void mailbox_sync(struct mailbox *mb)
{
	if (mb->syncing || list_empty(&mb->pending) ||
	    !list_empty(&mb->unsynced))
		return;
	list_push(&mb->st->unsynced, &mb->unsynced);
	if (mb->st->config.defer != NULL && !mb->st->turning)
		mb->st->config.defer(mb->st->config.ctx);
}

/*
 * All that was appended in one turn is synced together: by the journal, if
 * that is of use, else each log by itself, side by side in the pool.
 */
void syncs_begin(struct store *st)
{
	if (list_empty(&st->unsynced) || journal_sync(st))
		return;
	while (!list_empty(&st->unsynced)) {
		struct mailbox *mb =
			list_entry(st->unsynced.next, struct mailbox, unsynced);

		list_remove(&mb->unsynced);
		/* What waited may have failed meanwhile. */
		if (!mb->syncing && !list_empty(&mb->pending))
			mailbox_sync_alone(mb, false);
	}
}

/* ---- failed syncs: I11 ---- */

/*
 * READY -> failed: what waited for the sync gets a temporary error, the log
 * is cut at `durable`, and nothing is written to it any more. Nobody saw
 * anything above: it was never published.
 */
void mailbox_fail(struct mailbox *mb)
{
	const struct os_storage *os = mb->st->os;

	mb->failed = true;
	/* A sync in flight may still save those that it covers. */
	if (mb->syncing)
		return;
	mb->failures++;
	while (!list_empty(&mb->pending))
		part_fail(list_entry(mb->pending.next, struct part, link),
			  YB_IO);
	/* If this fails too, a restart may find the cut messages again:
	 * whole, and as duplicates of what their senders sent again. */
	(void)os->cut(os->ctx, mb->log->fd, mb->durable);
	mb->tail = mb->reserved = mb->durable;
	mb->log->trim = 0;
	if (!mb->held) {
		/* Its name may soon be another generation's: it could not
		 * be opened again. */
		mb->held = true;
		log_file_pin(mb->log);
		log_file_add_reader(mb->log);
	}
	if (!mb->removed && mb->work == MAILBOX_IDLE)
		mailbox_rewrite(mb);
	mailbox_kick(mb);
}

/* ---- a new generation ---- */

struct rewrite_job {
	struct mailbox_job base;
	struct files *files;
	struct log_head head;
	int from;
	uint64_t upto;
	/* What the log that failed may have lost of what it was read for: fd
	 * is -1 if all of it was synced. */
	struct journal_file journal;
	int fd;      /* of the new generation */
	int read_fd; /* of the old one, for the snapshots that stay on it */
};

static void rewrite_run(struct pool_job *job)
{
	struct rewrite_job *j = list_entry(job, struct rewrite_job, base.job);
	struct log_head old = j->head;

	/* I7: once the name is taken over, nobody can open the old log. */
	old.generation = j->base.log->generation;
	if (log_file_open(j->files, &old, STORAGE_READ, &j->read_fd) != YB_OK)
		j->read_fd = -1;
	/* The kernel may have dropped what it could not write. */
	j->base.err = j->journal.fd < 0
			      ? YB_OK
			      : journal_restore(&j->journal, &j->head.place,
						old.generation, j->from);
	if (j->base.err == YB_OK)
		j->base.err = files_make_log(j->files, &j->head, j->from,
					     j->upto, &j->fd);
}

/* Snapshots keep the old generation, with a descriptor of it. */
static void switch_log(struct mailbox *mb, struct log_file *fresh,
		       const struct log_head *head)
{
	struct log_file *old = mb->log;
	int index_fd;

	mailbox_write_index(mb);
	index_fd = old->index_fd;
	/* The index's file goes on: offsets are the same. */
	old->index_fd = -1;
	old->replaced = true;
	journal_forget(mb);
	fresh->index_fd = index_fd;
	mb->log = fresh;
	mb->head = *head;
	mailbox_forget_listing(mb);
	mailbox_write_index(mb);
	/* Old snapshots own it from now on, and its reader stays open. */
	log_file_unpin(old);
	log_file_unref(&old);
	mb->failed = mb->held = false;
}

static void rewrite_done(struct pool_job *job)
{
	struct rewrite_job *j = list_entry(job, struct rewrite_job, base.job);
	struct mailbox *mb = j->base.mb;
	struct store *st = mb->st;
	struct log_file *fresh = NULL;

	mb->work = MAILBOX_IDLE;
	if (j->base.err == YB_OK)
		fresh = log_file_new(st, j->head.generation, j->fd, -1);
	if (j->read_fd >= 0 && mb->log->read_fd < 0) {
		log_file_adopt_reader(mb->log, j->read_fd);
		j->read_fd = -1;
	}
	if (fresh != NULL)
		switch_log(mb, fresh, &j->head);
	else
		mb->retry_ms = clock_mono_ms() + STORE_RETRY_MS;
	if (j->base.err == YB_FULL)
		(void)space_give_up(st); /* for the next try */
	/* The name may belong to that generation even so. */
	mb->head.generation = j->head.generation;
	if (j->read_fd >= 0)
		st->os->close(st->os->ctx, j->read_fd);
	mailbox_kick(mb);
	mailbox_job_end(&j->base);
}

void mailbox_rewrite(struct mailbox *mb)
{
	struct rewrite_job *j;

	mb->retry_ms = clock_mono_ms() + STORE_RETRY_MS;
	if (mb->log->fd < 0 || log_file_make_room(mb->st) != YB_OK)
		return;
	j = calloc(1, sizeof *j);
	if (j == NULL)
		return;
	j->base.job.run = rewrite_run;
	j->base.job.done = rewrite_done;
	j->base.job.is_long = true;
	j->files = &mb->st->files;
	j->head = mb->head;
	j->head.generation++;
	j->head.next_uid = mb->next_uid;
	j->head.next_seq = mb->next_seq;
	j->from = mb->log->fd;
	j->upto = mb->durable;
	j->fd = j->read_fd = -1;
	j->journal = mb->st->journal.file;
	if (mb->in_halves == 0)
		j->journal.fd = -1;
	mb->work = MAILBOX_REWRITING;
	mailbox_job_give(&j->base, mb, mb->log);
}
