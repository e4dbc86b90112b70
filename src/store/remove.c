/*
 * Removing an account: its mailboxes are taken out of the cache, and once no
 * job works on them its folder is renamed into STORE/removed and both
 * folders are synced. That is the removal; the files are deleted behind it,
 * or at the next start.
 */
#include "store/private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "os/random.h"

struct removal {
	struct completion done;
	struct pool_job job;
	struct list link; /* in st->removals, until the folder is renamed */
	struct store *st;
	struct account_id account;
	size_t waits; /* mailboxes with jobs */
	enum yb_err err;
	char name[72]; /* in STORE/removed */
	store_done_fn *removed;
	void *ctx;
};

bool removal_covers(const struct store *st, const struct account_id *account)
{
	list_for_each(at, &st->removals) {
		const struct removal *r = list_entry(at, struct removal, link);

		if (memcmp(&r->account, account, sizeof *account) == 0)
			return true;
	}
	return false;
}

/* ---- deleting ---- */

struct clean_job {
	struct pool_job job;
	const struct files *files;
};

struct clean_folder {
	const struct os_storage *os;
	int dir;
};

static enum yb_err clean_name(void *ctx, const char *name)
{
	const struct clean_folder *c = ctx;

	/* What cannot be deleted now is tried again at the next start. */
	(void)!files_remove_tree(c->os, c->dir, name);
	return YB_OK;
}

static void clean_run(struct pool_job *job)
{
	struct clean_job *j = list_entry(job, struct clean_job, job);
	const struct os_storage *os = j->files->os;
	struct clean_folder c = { .os = os };

	if (os->open(os->ctx, j->files->root, "removed", STORAGE_FOLDER,
		     &c.dir) != YB_OK)
		return;
	(void)!os->list(os->ctx, c.dir, clean_name, &c);
	os->close(os->ctx, c.dir);
}

static void clean_done(struct pool_job *job)
{
	free(list_entry(job, struct clean_job, job));
}

void removal_clean(struct store *st)
{
	struct clean_job *j = calloc(1, sizeof *j);

	if (j == NULL)
		return; /* the next start does it */
	j->job.run = clean_run;
	j->job.done = clean_done;
	j->job.is_long = true;
	j->files = &st->files;
	pool_give(st->pool, &j->job);
}

/* ---- renaming ---- */

static enum yb_err rename_folder(const struct removal *r, int parent, int dir)
{
	const struct os_storage *os = r->st->os;
	char path[8], name[40];
	enum yb_err err;

	files_account(&r->account, path, name);
	err = os->rename(os->ctx, parent, name, dir, r->name, false);
	if (err == YB_OK)
		err = os->sync_folder(os->ctx, dir);
	if (err == YB_OK || err == YB_NOT_FOUND) {
		/* NOT_FOUND: there is none, or an earlier try was cut short
		 * before its sync. */
		err = os->sync_folder(os->ctx, parent);
	}
	return err;
}

static void rename_run(struct pool_job *job)
{
	struct removal *r = list_entry(job, struct removal, job);
	const struct os_storage *os = r->st->os;
	int root = r->st->files.root, parent, dir;
	char path[8], name[40];

	files_account(&r->account, path, name);
	r->err = os->open(os->ctx, root, path, STORAGE_FOLDER, &parent);
	if (r->err == YB_NOT_FOUND)
		r->err = YB_OK; /* never had mail */
	else if (r->err == YB_OK) {
		r->err = os->open(os->ctx, root, "removed", STORAGE_FOLDER,
				  &dir);
		if (r->err == YB_OK) {
			r->err = rename_folder(r, parent, dir);
			os->close(os->ctx, dir);
		}
		os->close(os->ctx, parent);
	}
}

static void call_removal(struct completion *c)
{
	struct removal *r = list_entry(c, struct removal, done);

	r->st->operations--;
	r->removed(r->ctx, r->err);
	free(r);
}

static void rename_done(struct pool_job *job)
{
	struct removal *r = list_entry(job, struct removal, job);

	list_remove(&r->link);
	if (r->err == YB_OK)
		removal_clean(r->st);
	r->done.call = call_removal;
	store_finish(r->st, &r->done);
}

static void start_rename(struct removal *r)
{
	r->job.run = rename_run;
	r->job.done = rename_done;
	pool_give(r->st->pool, &r->job);
}

void removal_check(struct mailbox *mb)
{
	struct removal *r = mb->removal;

	if (r == NULL || mb->jobs > 0)
		return;
	mb->removal = NULL;
	if (--r->waits == 0)
		start_rename(r);
}

/* ---- mailboxes ---- */

static void detach(struct removal *r, struct mailbox *mb)
{
	(void)map_remove(&r->st->mailboxes,
			 span_of(&mb->place, sizeof mb->place));
	mailbox_use(mb);
	mb->removed = true;
	list_remove(&mb->candidate);
	mailbox_fail_waiting(mb, YB_NO_ACCOUNT);
	journal_forget(mb);
	if (mb->jobs > 0) {
		mb->removal = r;
		r->waits++;
	}
	mailbox_unuse(&mb);
}

void store_remove_account(struct store *st, struct account_id account,
			  store_done_fn *done, void *ctx)
{
	struct removal *r = calloc(1, sizeof *r);
	struct mailbox *mb;
	uint8_t salt[8];
	char parent[8], name[40], text[17];
	size_t at = 0;

	if (r == NULL || removal_covers(st, &account)) {
		done(ctx, r == NULL ? YB_NOMEM : YB_BUSY);
		free(r);
		return;
	}
	r->st = st;
	r->account = account;
	r->removed = done;
	r->ctx = ctx;
	os_random(salt, sizeof salt);
	hex_put((uint8_t *)text, span_of(salt, sizeof salt));
	text[16] = 0;
	files_account(&account, parent, name);
	(void)snprintf(r->name, sizeof r->name, "%s.%s", name, text);
	list_init(&r->link);
	list_push(&st->removals, &r->link);
	st->operations++;
	while ((mb = map_next(&st->mailboxes, &at)) != NULL)
		if (memcmp(&mb->place.account, &account, sizeof account) == 0)
			detach(r, mb);
	if (r->waits == 0)
		start_rename(r);
	store_settle(st);
}
