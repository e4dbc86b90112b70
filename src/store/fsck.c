/*
 * Checking a mailbox beside its use: a thread of the pool reads the whole log
 * up to what was synced when it began, checks every sum, and makes a table of
 * it; that has to be the one that sessions see.
 */
#include "store/private.h"

#include <stdlib.h>

#include "os/clock.h"
#include "store/load_private.h"

enum {
	/* Of one mailbox, in one answer; the others are counted. */
	FSCK_FAULTS_MAX = 64,
	/* A scrub leaves the disk to others nine tenths of the time. */
	FSCK_SLOW_FACTOR = 9,
};

struct fsck_job {
	struct mailbox_job base;
	struct store *st;
	struct load load;
	struct loaded loaded;
	struct log_head head;
	struct index_table want; /* its totals and sums; no entries */
	size_t want_count;
	bool slowly;
	uint64_t began_ns, rested_at;
	struct store_fault faults[FSCK_FAULTS_MAX];
	struct store_checked checked;
	store_checked_fn *told;
	void *ctx;
};

static void add_fault(struct fsck_job *j, const struct scan_item *item)
{
	struct store_fault *f = &j->faults[j->checked.faults_n];

	j->checked.damaged += item->end - item->at;
	if (j->checked.faults_n == FSCK_FAULTS_MAX)
		return;
	j->checked.faults_n++;
	*f = (struct store_fault){ .at = item->at, .end = item->end };
	if (item->has_head && item->record.type == LOG_MESSAGE)
		f->uid = (uint32_t)item->record.uid;
}

static enum yb_err fsck_item(void *ctx, const struct scan_item *item)
{
	struct fsck_job *j = ctx;
	uint64_t now = clock_mono_ns();

	if (atomic_load(&j->st->files.stopping))
		return YB_GONE;
	if (item->kind == SCAN_BAD)
		add_fault(j, item);
	else
		j->checked.records++;
	/* A window of the scan is what is read at a time. */
	if (j->slowly && item->end - j->rested_at >= 256 * 1024) {
		clock_sleep_ns((now - j->began_ns) * FSCK_SLOW_FACTOR);
		j->began_ns = clock_mono_ns();
		j->rested_at = item->end;
	}
	return YB_OK;
}

static void fsck_run(struct pool_job *job)
{
	struct fsck_job *j = list_entry(job, struct fsck_job, base.job);
	const struct index_table *t = &j->loaded.table;

	j->began_ns = clock_mono_ns();
	j->base.err = log_file_open(&j->st->files, &j->head, STORAGE_READ,
				    &j->loaded.log_fd);
	if (j->base.err != YB_OK)
		return;
	log_keys_init(&j->load.keys, j->head.id);
	index_table_init(&j->loaded.table, &j->load.keys);
	/* The head was read and found right by opening it. */
	j->base.err = load_scan(&j->load);
	j->checked.messages = t->messages;
	j->checked.index_wrong =
		t->count != j->want_count || t->sum != j->want.sum ||
		t->messages != j->want.messages || t->octets != j->want.octets;
}

static void fsck_done(struct pool_job *job)
{
	struct fsck_job *j = list_entry(job, struct fsck_job, base.job);
	struct mailbox *mb = j->base.mb;

	j->st->operations--;
	j->checked.faults = j->faults;
	loaded_done(&j->loaded, j->st->os);
	j->told(j->ctx, j->base.err, &j->checked);
	mailbox_job_leave(&j->base);
	mailbox_unuse(&mb);
	free(j);
}

static void fsck_then(void *ctx, enum yb_err err, struct mailbox *mb)
{
	struct fsck_job *j = ctx;

	if (err != YB_OK || mb->state != MAILBOX_READY) {
		j->told(j->ctx, err, &j->checked);
		free(j);
		return;
	}
	loaded_init(&j->loaded);
	j->head = mb->head;
	j->head.generation = mb->log->generation;
	j->load = (struct load){ .f = &j->st->files,
				 .os = j->st->os,
				 .l = &j->loaded,
				 .place = &j->head.place,
				 .size = mb->durable,
				 .from = LOG_HEAD_SIZE,
				 .seen = fsck_item,
				 .seen_ctx = j };
	j->want = mb->table;
	j->want_count = mb->table.count;
	j->checked.octets = mb->durable;
	j->base.job.run = fsck_run;
	j->base.job.done = fsck_done;
	j->base.job.is_long = true;
	j->st->operations++;
	mailbox_job_give(&j->base, mb, NULL);
}

void store_check(struct store *st, struct store_place place, bool slowly,
		 store_checked_fn *told, void *ctx)
{
	static const struct store_checked nothing;
	struct fsck_job *j = calloc(1, sizeof *j);

	if (j == NULL) {
		told(ctx, YB_NOMEM, &nothing);
		return;
	}
	j->st = st;
	j->slowly = slowly && st->config.threads > 0;
	j->told = told;
	j->ctx = ctx;
	mailbox_open_then(st, place, fsck_then, j);
	store_settle(st);
}
