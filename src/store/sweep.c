/*
 * Walks over all mailboxes, a few a second, and finds those that nobody opens
 * but whose deleted mail can be freed, and files that have been set aside for
 * long. It reads headers of indexes only.
 */
#include "store/private.h"

#include <stdlib.h>

#include "store/places.h"

enum {
	SWEEP_FIRST_MS = 60 * 1000,
	SWEEP_EVERY_MS = 24 * 3600 * 1000,
	SWEEP_FULL_MS = 1000,
	SWEEP_FULL_LEAST = 4096,
	/* Accounts looked at within one tick. */
	SWEEP_ACCOUNTS = 64,
	/* Mailboxes of these to be opened. */
	SWEEP_FOUND_MAX = 256,
};

struct sweep_job {
	struct pool_job job;
	struct store *st;
	struct account_id after;
	bool first;
	bool full; /* the disk: every block counts */
	uint32_t free_before_s;
	struct account_id accounts[SWEEP_ACCOUNTS];
	size_t accounts_n;
	struct {
		struct store_place place;
		bool litter;
	} found[SWEEP_FOUND_MAX];
	size_t found_n;
	enum yb_err err;
};

static bool is_behind(struct sweep_job *j, const struct store_place *place,
		      const struct index_head *head)
{
	const struct files *f = &j->st->files;
	char path[FILES_PATH_MAX];
	uint64_t size = 0;
	int fd;

	files_path(place, "log", path);
	if (f->os->open(f->os->ctx, f->root, path, STORAGE_READ, &fd) != YB_OK)
		return false;
	if (f->os->size(f->os->ctx, fd, &size) != YB_OK)
		size = 0;
	f->os->close(f->os->ctx, fd);
	return size > head->covers_upto;
}

/* By what the index says of itself; opening it looks closer. */
static bool looks_worth(struct sweep_job *j, const struct store_place *place)
{
	const struct files *f = &j->st->files;
	char path[FILES_PATH_MAX];
	struct index_head head;
	enum yb_err err;
	int fd;

	files_path(place, "index", path);
	if (f->os->open(f->os->ctx, f->root, path, STORAGE_READ, &fd) != YB_OK)
		return j->full;
	err = index_read_head(f->os, fd, &head);
	f->os->close(f->os->ctx, fd);
	/* On a full disk an index may be behind its log, or not be there. */
	if (j->full && (err != YB_OK || is_behind(j, place, &head)))
		return true;
	if (j->full)
		return head.covers_upto >
		       LOG_HEAD_SIZE + SWEEP_FULL_LEAST +
			       head.totals.live_space +
			       (head.totals.oldest_gone_s < j->free_before_s
					? 0
					: head.totals.hidden_space);
	return err == YB_OK && head.covers_upto > LOG_HEAD_SIZE &&
	       head.totals.live_space < head.covers_upto / 2 &&
	       (head.totals.oldest_gone_s < j->free_before_s ||
		head.totals.hidden_space + head.totals.live_space <
			head.covers_upto / 2);
}

static enum yb_err find_litter(void *ctx, const char *name)
{
	*(bool *)ctx |= strcmp(name, "log") != 0 &&
			strcmp(name, "index") != 0 &&
			strcmp(name, "uidls") != 0;
	return YB_OK;
}

static bool has_litter(struct sweep_job *j, const struct store_place *place)
{
	const struct files *f = &j->st->files;
	bool litter = false;
	int dir;

	if (files_open_folder(f, place, &dir) != YB_OK)
		return false;
	(void)!f->os->list(f->os->ctx, dir, find_litter, &litter);
	f->os->close(f->os->ctx, dir);
	return litter;
}

static void sweep_account(struct sweep_job *j, const struct account_id *account)
{
	uint32_t numbers[PLACES_MAILBOXES_MAX];
	size_t n;

	if (places_mailboxes(&j->st->files, account, numbers, &n) != YB_OK)
		return;
	for (size_t i = 0; i < n && j->found_n < SWEEP_FOUND_MAX; i++) {
		struct store_place place = { *account, numbers[i] };
		bool litter = has_litter(j, &place);

		if (!litter && !looks_worth(j, &place))
			continue;
		j->found[j->found_n].place = place;
		j->found[j->found_n++].litter = litter;
	}
}

static void sweep_run(struct pool_job *job)
{
	struct sweep_job *j = list_entry(job, struct sweep_job, job);

	j->err = places_accounts(&j->st->files, j->first ? NULL : &j->after,
				 j->accounts, SWEEP_ACCOUNTS, &j->accounts_n);
	for (size_t i = 0; i < j->accounts_n; i++)
		sweep_account(j, &j->accounts[i]);
}

static void consider_then(void *ctx, enum yb_err err, struct mailbox *mb)
{
	(void)ctx;
	if (err == YB_OK)
		mailbox_consider(mb);
}

static void clean_then(void *ctx, enum yb_err err, struct mailbox *mb)
{
	(void)ctx;
	if (err != YB_OK)
		return;
	compaction_clean(mb);
	mailbox_consider(mb);
}

static void sweep_done(struct pool_job *job)
{
	struct sweep_job *j = list_entry(job, struct sweep_job, job);
	struct store *st = j->st;

	st->sweep.running = false;
	if (j->accounts_n > 0) {
		st->sweep.after = j->accounts[j->accounts_n - 1];
		st->sweep.first = false;
	}
	if (j->err != YB_OK || j->accounts_n < SWEEP_ACCOUNTS) {
		st->sweep.due_ms = store_mono_ms(st) + SWEEP_EVERY_MS;
		space_swept(st);
	}
	for (size_t i = 0; i < j->found_n; i++)
		mailbox_open_then(
			st, j->found[i].place,
			j->found[i].litter ? clean_then : consider_then, NULL);
	free(j);
}

void sweep_tick(struct store *st)
{
	uint64_t now_ms = store_mono_ms(st);
	struct sweep_job *j;

	if (st->sweep.due_ms == 0)
		st->sweep.due_ms = now_ms + SWEEP_FIRST_MS;
	/* A full disk does not wait for its day, but for what the last walk
	 * has found. */
	if (st->space.full && st->compactions == 0 &&
	    list_empty(&st->candidates) &&
	    st->sweep.due_ms > now_ms + SWEEP_FULL_MS)
		st->sweep.due_ms = now_ms + SWEEP_FULL_MS;
	if (st->sweep.running || now_ms < st->sweep.due_ms)
		return;
	j = calloc(1, sizeof *j);
	if (j == NULL)
		return;
	/* The last one came to the end. */
	if (st->sweep.begun_ms != st->sweep.due_ms) {
		st->sweep.begun_ms = st->sweep.due_ms;
		st->sweep.first = true;
	}
	j->st = st;
	j->first = st->sweep.first;
	j->full = st->space.full;
	j->after = st->sweep.after;
	j->free_before_s = store_free_before(st);
	j->job.run = sweep_run;
	j->job.done = sweep_done;
	j->job.is_long = true;
	st->sweep.running = true;
	pool_give(st->pool, &j->job);
}
