/*
 * Mailboxes in memory.
 *
 *	COLD -> READY or ABSENT   [load_done]
 *	ABSENT -> READY           [create_done]
 *	READY, descriptors closed under pressure -> open again [reopen_done]
 *	READY or ABSENT, unused -> gone [mailbox_drop_unused]
 */
#include "store/private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "os/clock.h"
#include "os/random.h"
#include "store/load.h"

/* ---- found and given up ---- */

static struct span place_key(const struct store_place *place)
{
	_Static_assert(sizeof *place == 20, "a key has no padding");
	return span_of(place, sizeof *place);
}

static struct mailbox *mailbox_new(struct store *st,
				   const struct store_place *place)
{
	struct mailbox *mb = calloc(1, sizeof *mb);

	if (mb == NULL)
		return NULL;
	mb->st = st;
	mb->place = *place;
	list_init(&mb->link);
	list_init(&mb->kick);
	list_init(&mb->candidate);
	list_init(&mb->queue);
	list_init(&mb->pending);
	list_init(&mb->openers);
	list_init(&mb->unsynced);
	list_init(&mb->in_journal);
	list_init(&mb->lagging);
	return mb;
}

enum yb_err mailbox_get(struct store *st, const struct store_place *place,
			struct mailbox **ret)
{
	struct mailbox *mb = map_get(&st->mailboxes, place_key(place));

	if (mb == NULL) {
		if (removal_covers(st, &place->account))
			return YB_NO_ACCOUNT;
		mb = mailbox_new(st, place);
		if (mb == NULL)
			return YB_NOMEM;
		if (map_put(&st->mailboxes, place_key(place), mb) != YB_OK) {
			free(mb);
			return YB_NOMEM;
		}
	}
	mailbox_use(mb);
	*ret = mb;
	return YB_OK;
}

void mailbox_use(struct mailbox *mb)
{
	if (mb->users++ > 0 || list_empty(&mb->link))
		return;
	list_remove(&mb->link);
	mb->st->unused_n--;
	mb->st->unused_octets -= mb->counted;
}

void mailbox_forget_listing(struct mailbox *mb)
{
	listing_block_unref(&mb->listing);
	mb->listing_grows = false;
}

static void mailbox_free(struct mailbox *mb)
{
	assert(mb->users == 0 && list_empty(&mb->queue));
	if (!mb->removed)
		(void)map_remove(&mb->st->mailboxes, place_key(&mb->place));
	list_remove(&mb->kick);
	list_remove(&mb->candidate);
	list_remove(&mb->unsynced);
	if (mb->lag_log != NULL)
		mailbox_write_index(mb);
	mailbox_forget_listing(mb);
	if (mb->held)
		log_file_unpin(mb->log);
	log_file_unref(&mb->log);
	index_table_done(&mb->table);
	free(mb);
}

void mailbox_unuse(struct mailbox **mb_at)
{
	struct mailbox *mb = *mb_at;
	struct store *st = mb->st;

	*mb_at = NULL;
	if (--mb->users > 0)
		return;
	/* What must not be believed again is not forgotten. */
	if (!mb->removed && (mb->failed || mb->distrust))
		return;
	if (mb->removed || mb->state == MAILBOX_COLD) {
		mailbox_free(mb);
		return;
	}
	mb->counted = sizeof *mb + mb->table.cap * sizeof *mb->table.entries +
		      (mb->listing == NULL ? 0 : mb->listing->n);
	st->unused_octets += mb->counted;
	st->unused_n++;
	list_push(&st->unused, &mb->link);
	mailbox_drop_unused(st, st->config.cached_mailboxes);
}

void mailbox_drop_unused(struct store *st, size_t keep)
{
	while (st->unused_n > keep ||
	       (st->unused_n > 0 && st->unused_octets > STORE_CACHED_OCTETS)) {
		struct mailbox *mb =
			list_entry(list_pop(&st->unused), struct mailbox, link);

		st->unused_n--;
		st->unused_octets -= mb->counted;
		mailbox_free(mb);
	}
}

/* ---- jobs ---- */

void mailbox_job_enter(struct mailbox_job *job, struct mailbox *mb,
		       struct log_file *log)
{
	job->mb = mb;
	job->log = log;
	mb->jobs++;
	mailbox_use(mb);
	if (log != NULL)
		log_file_pin(log);
}

void mailbox_job_give(struct mailbox_job *job, struct mailbox *mb,
		      struct log_file *log)
{
	mailbox_job_enter(job, mb, log);
	pool_give(mb->st->pool, &job->job);
}

void mailbox_job_leave(struct mailbox_job *job)
{
	struct mailbox *mb = job->mb;

	if (job->log != NULL)
		log_file_unpin(job->log);
	mb->jobs--;
	if (mb->removed)
		removal_check(mb);
}

void mailbox_job_end(struct mailbox_job *job)
{
	struct mailbox *mb = job->mb;

	mailbox_job_leave(job);
	mailbox_unuse(&mb);
	free(job);
}

void mailbox_kick(struct mailbox *mb)
{
	if (list_empty(&mb->kick))
		list_push(&mb->st->kicked, &mb->kick);
}

void mailbox_fail_waiting(struct mailbox *mb, enum yb_err err)
{
	list_for_each_safe(at, &mb->queue) {
		struct part *part = list_entry(at, struct part, link);

		if (part->state == PART_QUEUED)
			part_fail(part, err);
	}
	while (!list_empty(&mb->openers))
		opener_finish(
			list_entry(list_pop(&mb->openers), struct opener, link),
			err);
}

/* What a mailbox waited for is over. */
static void work_ended(struct mailbox *mb, enum yb_err err)
{
	mb->work = MAILBOX_IDLE;
	if (err == YB_OK && mb->removed)
		err = YB_NO_ACCOUNT;
	if (err != YB_OK)
		mailbox_fail_waiting(mb, err);
	while (!list_empty(&mb->openers))
		opener_finish(
			list_entry(list_pop(&mb->openers), struct opener, link),
			YB_OK);
	mailbox_kick(mb);
}

/* ---- loading ---- */

struct load_job {
	struct mailbox_job base;
	struct files *files;
	struct store_place place;
	bool distrust;
	struct loaded loaded;
};

static void load_run(struct pool_job *job)
{
	struct load_job *j = list_entry(job, struct load_job, base.job);

	j->base.err =
		mailbox_load(j->files, &j->place, j->distrust, &j->loaded);
}

void mailbox_pass_reports(struct store *st, struct buf *reports)
{
	struct span rest = buf_span(reports);

	while (rest.n > 0) {
		char line[256];

		if (span_to_str(span_cut(&rest, '\n'), line, sizeof line))
			store_report(st, line);
	}
}

static enum yb_err adopt_loaded(struct mailbox *mb, struct loaded *l)
{
	if (l->absent) {
		mb->state = MAILBOX_ABSENT;
		return YB_OK;
	}
	mb->log = log_file_new(mb->st, l->head.generation, l->log_fd,
			       l->index_fd);
	mb->index_stale = l->index_fd < 0;
	l->log_fd = l->index_fd = -1;
	if (mb->log == NULL)
		return YB_NOMEM;
	mb->head = l->head;
	mb->table = l->table;
	mb->index_n = l->table.count;
	index_table_init(&l->table, &mb->table.keys);
	mb->read_only = l->read_only;
	mb->tail = mb->durable = mb->reserved = l->tail;
	mb->appended = 0;
	mb->next_uid = mb->table.last_uid + 1;
	mb->next_seq = mb->table.last_seq + 1;
	mb->state = MAILBOX_READY;
	mailbox_consider(mb);
	return YB_OK;
}

static void load_done(struct pool_job *job)
{
	struct load_job *j = list_entry(job, struct load_job, base.job);
	struct mailbox *mb = j->base.mb;
	enum yb_err err = j->base.err;

	mailbox_pass_reports(mb->st, &j->loaded.reports);
	if (err == YB_OK)
		err = adopt_loaded(mb, &j->loaded);
	/* I11: the sync that failed while loading must not be asked again
	 * and believed, so the next try copies the log. */
	if (err == YB_OK)
		mb->distrust = false;
	else if (err == YB_IO || err == YB_FULL)
		mb->distrust = true;
	loaded_done(&j->loaded, mb->st->os);
	work_ended(mb, err);
	mailbox_job_end(&j->base);
}

static enum yb_err start_load(struct mailbox *mb)
{
	struct load_job *j;
	enum yb_err err = log_file_make_room(mb->st);

	if (err != YB_OK)
		return err;
	j = calloc(1, sizeof *j);
	if (j == NULL)
		return YB_NOMEM;
	j->base.job.run = load_run;
	j->base.job.done = load_done;
	j->files = &mb->st->files;
	j->place = mb->place;
	j->distrust = mb->distrust;
	loaded_init(&j->loaded);
	mb->work = MAILBOX_LOADING;
	mailbox_job_give(&j->base, mb, NULL);
	return YB_AGAIN;
}

/* ---- creating ---- */

struct create_job {
	struct mailbox_job base;
	struct files *files;
	struct log_head head;
	int fd, index_fd;
};

static void create_run(struct pool_job *job)
{
	struct create_job *j = list_entry(job, struct create_job, base.job);
	struct index_head head = { .generation = j->head.generation,
				   .covers_upto = LOG_HEAD_SIZE,
				   .durable_upto = LOG_HEAD_SIZE };
	struct index_table empty;
	struct log_keys keys;

	/* I2: all names and the header are on disk before any mail. */
	j->base.err = files_make_folders(j->files, &j->head.place);
	if (j->base.err == YB_OK)
		j->base.err = files_make_log(j->files, &j->head, -1, 0, &j->fd);
	if (j->base.err != YB_OK)
		return;
	log_keys_init(&keys, j->head.id);
	index_table_init(&empty, &keys);
	memcpy(head.log_id, j->head.id, sizeof head.log_id);
	load_make_index(j->files, &j->head.place, &head, &empty, &j->index_fd);
}

static void create_done(struct pool_job *job)
{
	struct create_job *j = list_entry(job, struct create_job, base.job);
	struct mailbox *mb = j->base.mb;
	struct loaded l;

	if (j->base.err == YB_OK) {
		struct log_keys keys;

		loaded_init(&l);
		log_keys_init(&keys, j->head.id);
		index_table_init(&l.table, &keys);
		l.head = j->head;
		l.log_fd = j->fd;
		l.index_fd = j->index_fd;
		l.tail = LOG_HEAD_SIZE;
		j->base.err = adopt_loaded(mb, &l);
		loaded_done(&l, mb->st->os);
	} else if (j->base.err == YB_EXISTS) {
		mb->state = MAILBOX_COLD; /* somebody put a log there */
	}
	work_ended(mb, j->base.err);
	mailbox_job_end(&j->base);
}

static enum yb_err start_create(struct mailbox *mb)
{
	int64_t now = clock_real_ns();
	uint32_t seconds = (uint32_t)(now / 1000000000);
	struct create_job *j;
	enum yb_err err = log_file_make_room(mb->st);

	if (err != YB_OK)
		return err;
	j = calloc(1, sizeof *j);
	if (j == NULL)
		return YB_NOMEM;
	j->base.job.run = create_run;
	j->base.job.done = create_done;
	j->files = &mb->st->files;
	j->fd = j->index_fd = -1;
	j->head = (struct log_head){
		/* RFC 9051 section 2.3.1.1: not zero, and rising. */
		.uidvalidity = seconds > 0 ? seconds : 1,
		.generation = 1,
		.next_uid = 1,
		.next_seq = 1,
		.created_ns = now,
		.place = mb->place,
	};
	os_random(j->head.id, sizeof j->head.id);
	mb->work = MAILBOX_CREATING;
	mailbox_job_give(&j->base, mb, NULL);
	return YB_AGAIN;
}

/* ---- opening again ---- */

struct reopen_job {
	struct mailbox_job base;
	const struct files *files;
	struct log_head head;
	bool want_index;
	int fd, index_fd;
};

static void reopen_run(struct pool_job *job)
{
	struct reopen_job *j = list_entry(job, struct reopen_job, base.job);
	const struct files *f = j->files;
	char path[FILES_PATH_MAX];

	j->base.err = log_file_open(f, &j->head, STORAGE_WRITE, &j->fd);
	files_path(&j->head.place, "index", path);
	if (j->base.err == YB_OK && j->want_index &&
	    f->os->open(f->os->ctx, f->root, path, STORAGE_WRITE,
			&j->index_fd) != YB_OK)
		j->index_fd = -1;
}

static void reopen_done(struct pool_job *job)
{
	struct reopen_job *j = list_entry(job, struct reopen_job, base.job);
	struct mailbox *mb = j->base.mb;

	if (j->base.err == YB_OK) {
		log_file_adopt(mb->log, j->fd, j->index_fd);
		mb->index_stale = j->index_fd < 0;
	}
	work_ended(mb, j->base.err);
	mailbox_job_end(&j->base);
}

static enum yb_err start_reopen(struct mailbox *mb)
{
	struct reopen_job *j;
	enum yb_err err = log_file_make_room(mb->st);

	if (err != YB_OK)
		return err;
	j = calloc(1, sizeof *j);
	if (j == NULL)
		return YB_NOMEM;
	j->base.job.run = reopen_run;
	j->base.job.done = reopen_done;
	j->files = &mb->st->files;
	j->head = mb->head;
	j->want_index = !mb->index_stale;
	j->fd = j->index_fd = -1;
	mb->work = MAILBOX_REOPENING;
	mailbox_job_give(&j->base, mb, NULL);
	return YB_AGAIN;
}

/* ---- may it be used now? ---- */

enum yb_err mailbox_prepare(struct mailbox *mb, bool write)
{
	if (mb->removed)
		return YB_NO_ACCOUNT;
	if (mb->state == MAILBOX_READY && !write)
		return YB_OK;
	if (mb->failed || mb->work == MAILBOX_REWRITING) {
		/* I11: read-only until a new generation is synced. */
		if (mb->work == MAILBOX_IDLE && clock_mono_ms() >= mb->retry_ms)
			mailbox_rewrite(mb);
		return YB_READ_ONLY;
	}
	if (mb->work != MAILBOX_IDLE)
		return YB_AGAIN;
	if (mb->state == MAILBOX_COLD)
		return start_load(mb);
	if (mb->state == MAILBOX_ABSENT)
		return write ? start_create(mb) : YB_OK;
	if (mb->read_only)
		return YB_READ_ONLY;
	if (mb->log->fd < 0)
		return start_reopen(mb);
	return YB_OK;
}
