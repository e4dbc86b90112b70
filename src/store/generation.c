/*
 * When a log is compacted, and how the new generation takes over.
 *
 *	IDLE -> COPYING       a thread of the pool; mail comes and goes
 *	                      [compact_start]
 *	COPYING -> FOLLOWING  what was appended meanwhile, until that is little
 *	                      [step_done]
 *	-> WAITING            nothing new is appended; what is in flight is
 *	                      synced [go_on]
 *	-> SWITCHING -> IDLE  the last of it, the name, the folder [take_over]
 *
 * A failed sync, an undelete or the end of the account in between ends it;
 * the old log stays. Snapshots of the old generation keep it open (I7).
 */
#include "store/private.h"

#include <stdlib.h>

#include "store/compact.h"

enum {
	/* Appended since: copied while nobody may append. */
	FOLLOW_LITTLE = 64 * 1024,
	/* After so many rounds it is not going to be less. */
	FOLLOW_ROUNDS = 16,
	/* A log that is being written to is left alone. */
	QUIET_MS = 10 * 1000,
};

/* By itself a log is compacted only if it gives this much back. */
#define WORTH_LEAST ((uint64_t)1024 * 1024)
/* On a full disk: a block. */
#define SPACE_WORTH_LEAST ((uint64_t)4096)

enum compaction_step {
	STEP_BEGIN,
	STEP_FOLLOW,
	STEP_SWITCH,
	STEP_DROP,
	STEP_CLEAN, /* alone: what lies about in the folder */
};

struct compaction {
	struct mailbox_job base;
	struct compact compact;
	enum compaction_step step;
	uint64_t upto;
	unsigned rounds;
	struct log_file *log; /* pinned all the while */
	unsigned failures;    /* of the mailbox, when it began */
	bool waiting;         /* for what is in flight */
	bool journalled;      /* the old log is not synced */
	bool unsynced;        /* and could not be */
	int fd;               /* the old log's */
	uint64_t before;
	/* Of a command; NULL: it began by itself. */
	store_compacted_fn *told;
	void *ctx;
};

static void step_done(struct pool_job *job);

/* ---- whether it is worth it ---- */

uint32_t store_free_before(struct store *st)
{
	int64_t before;

	if (st->config.undelete_days == 0)
		return UINT32_MAX;
	/* On a full disk all goes in the end, whatever the clock says. */
	if (space_keep_s(st) == 0)
		return UINT32_MAX;
	if (store_clock_is_held(st))
		return 0;
	before = store_now_ns(st) / 1000000000 - space_keep_s(st) + 1;
	return before < 0            ? 0
	       : before > UINT32_MAX ? UINT32_MAX
				     : (uint32_t)before;
}

/* What would be left of the records, about. */
static uint64_t kept_space(const struct mailbox *mb, uint32_t free_before)
{
	const struct index_table *t = &mb->table;
	uint64_t kept = t->live_space;

	if (t->oldest_gone_s >= free_before)
		return kept + t->hidden_space;
	for (size_t i = 0; i < t->count && t->hidden_space > 0; i++) {
		const struct index_entry *e = &t->entries[i];

		if (index_is_deleted(e) && e->gone_s >= free_before)
			kept += index_space(e);
	}
	return kept;
}

static bool can_begin(const struct mailbox *mb)
{
	return mb->state == MAILBOX_READY && mb->work == MAILBOX_IDLE &&
	       !mb->failed && !mb->removed && !mb->read_only &&
	       mb->compaction == NULL && mb->log->fd >= 0;
}

static bool is_worth(struct mailbox *mb, bool asked)
{
	uint64_t used = mb->tail - LOG_HEAD_SIZE;
	uint64_t kept, dead;

	/* The cheap questions first: this is asked of every log that changes.
	 */
	if (mb->state != MAILBOX_READY || used <= mb->table.live_space)
		return false;
	kept = kept_space(mb, store_free_before(mb->st));
	dead = used > kept ? used - kept : 0;
	if (asked || kept == 0)
		return dead > 0;
	if (mb->st->space.full)
		return dead >= SPACE_WORTH_LEAST;
	return dead >= WORTH_LEAST && dead > kept;
}

/* ---- the steps ---- */

static void step_run(struct pool_job *job)
{
	struct compaction *c = list_entry(job, struct compaction, base.job);
	const struct os_storage *os = c->compact.files->os;
	enum yb_err err = YB_OK;

	switch (c->step) {
	case STEP_BEGIN:
		err = compact_begin(&c->compact, c->upto);
		break;
	case STEP_FOLLOW:
		err = compact_follow(&c->compact, c->upto);
		break;
	case STEP_SWITCH:
		/* What was copied of an unsynced log is what was written only
		 * if nothing went wrong with that behind our back. */
		if (c->journalled)
			err = os->sync(os->ctx, c->fd);
		c->unsynced = err != YB_OK;
		if (err == YB_OK)
			err = compact_switch(&c->compact, c->upto);
		break;
	case STEP_DROP:
		compact_drop(&c->compact);
		return;
	case STEP_CLEAN:
		compact_clean(c->compact.files, &c->compact.head.place,
			      c->compact.now_s, &c->compact.reports);
		return;
	}
	c->base.err = err;
	if (err != YB_OK && c->compact.name == COMPACT_OLD)
		compact_drop(&c->compact);
}

static void give(struct compaction *c, struct mailbox *mb,
		 enum compaction_step step)
{
	c->step = step;
	c->upto = step == STEP_SWITCH ? mb->tail : mb->durable;
	c->journalled = mb->in_halves != 0;
	c->fd = mb->log->fd;
	c->base.job.run = step_run;
	c->base.job.done = step_done;
	/* The last step is short, and others wait for it. */
	c->base.job.is_long = step != STEP_SWITCH;
	mailbox_job_give(&c->base, mb, mb->log);
}

static void end(struct compaction *c, struct mailbox *mb, enum yb_err err)
{
	struct store *st = mb->st;

	mb->compaction = NULL;
	st->compactions--;
	if (err == YB_OK && mb->tail < c->before)
		space_freed(st);
	/* Else the next sweep finds it. */
	if (err == YB_AGAIN || (err == YB_FULL && space_give_up(st)))
		mailbox_consider(mb);
	if (mb->work == MAILBOX_SWITCHING)
		mb->work = MAILBOX_IDLE;
	mailbox_kick(mb);
	if (mb->removed)
		mailbox_fail_waiting(mb, YB_NO_ACCOUNT);
	mailbox_pass_reports(st, &c->compact.reports);
	if (c->told != NULL) {
		st->operations--;
		c->told(c->ctx, err,
			(struct store_compacted){ c->before, mb->tail });
	}
	compact_done(&c->compact);
	free(c);
}

/* The old log is its snapshots' from now on, with a reader for them. */
static void take_over(struct compaction *c, struct mailbox *mb)
{
	struct compact *n = &c->compact;
	struct log_file *old = mb->log;
	struct log_file *fresh =
		log_file_new(mb->st, n->head.generation, n->fd, n->index_fd);

	n->fd = -1;
	mb->index_stale = n->index_fd < 0;
	n->index_fd = -1;
	if (fresh == NULL) {
		/* The name is the new one's: nothing may go into the old. */
		mb->head.generation = n->head.generation;
		mailbox_fail(mb);
		return;
	}
	old->replaced = true;
	journal_forget(mb);
	mailbox_stop_lagging(mb);
	mb->log = fresh;
	mb->head = n->head;
	index_table_done(&mb->table);
	mb->table = n->table;
	mb->index_n = n->table.count;
	index_table_init(&n->table, &mb->table.keys);
	mb->tail = mb->durable = mb->reserved = n->tail;
	mb->appended = 0;
	mailbox_forget_listing(mb);
	log_file_unref(&old);
}

/* The new log could not be given the name for certain. */
static void end_unsure(struct compaction *c, struct mailbox *mb)
{
	if (c->compact.name == COMPACT_NEW)
		take_over(c, mb);
	else
		mb->head.generation = c->compact.head.generation;
	/* Read-only until a generation beyond both has the name (I11). */
	mailbox_fail(mb);
}

static bool is_over(const struct compaction *c, const struct mailbox *mb)
{
	return mb->removed || mb->failed || mb->failures != c->failures;
}

static bool is_quiet(const struct mailbox *mb)
{
	if (mb->syncing || !list_empty(&mb->pending))
		return false;
	list_for_each(at, &mb->queue)
		if (list_entry(at, struct part, link)->state == PART_COPYING)
			return false;
	return true;
}

/* What is in flight has ended, perhaps. */
void compaction_go_on(struct mailbox *mb)
{
	struct compaction *c = mb->compaction;

	if (c == NULL || !c->waiting)
		return;
	if (is_over(c, mb)) {
		c->waiting = false;
		c->base.err = YB_IO;
		give(c, mb, STEP_DROP);
	} else if (is_quiet(mb)) {
		c->waiting = false;
		give(c, mb, STEP_SWITCH);
	}
}

static void choose_next(struct compaction *c, struct mailbox *mb)
{
	if (is_over(c, mb) || c->base.err != YB_OK) {
		give(c, mb, STEP_DROP);
	} else if (mb->tail - c->upto > FOLLOW_LITTLE &&
		   c->rounds++ < FOLLOW_ROUNDS) {
		give(c, mb, STEP_FOLLOW);
	} else {
		mb->work = MAILBOX_SWITCHING;
		c->waiting = true;
		compaction_go_on(mb);
	}
}

static void step_done(struct pool_job *job)
{
	struct compaction *c = list_entry(job, struct compaction, base.job);
	struct mailbox *mb = c->base.mb;
	struct log_file *log = c->log;
	enum yb_err err = c->base.err;
	bool ended = c->step >= STEP_SWITCH ||
		     (err != YB_OK && c->compact.name == COMPACT_OLD);

	if (!ended) {
		mailbox_job_leave(&c->base);
		choose_next(c, mb);
		mailbox_unuse(&mb);
		return;
	}
	if (c->step == STEP_SWITCH && err == YB_OK)
		take_over(c, mb);
	else if (c->step == STEP_SWITCH && c->compact.name != COMPACT_OLD)
		end_unsure(c, mb);
	else if (c->unsynced)
		mailbox_fail(mb);
	/* The old log's reader stays for those who still need it. */
	if (mb->log == log)
		log_file_drop_reader(log);
	mailbox_job_leave(&c->base);
	log_file_unpin(log);
	end(c, mb, err);
	mailbox_unuse(&mb);
}

/* ---- beginning ---- */

/*
 * I7: when the name is the new log's, nobody can open the old one. So its
 * reader is opened before, and held.
 */
static enum yb_err hold_reader(struct mailbox *mb)
{
	struct log_file *log = mb->log;
	enum yb_err err = YB_OK;
	int fd;

	if (log->read_fd < 0) {
		err = log_file_make_room(mb->st);
		if (err == YB_OK)
			err = log_file_open(&mb->st->files, &mb->head,
					    STORAGE_READ, &fd);
		if (err == YB_OK)
			log_file_adopt_reader(log, fd);
	}
	if (err == YB_OK)
		log_file_add_reader(log);
	return err;
}

static enum yb_err compact_start(struct mailbox *mb, enum compaction_step step,
				 bool slowly, store_compacted_fn *told,
				 void *ctx)
{
	struct store *st = mb->st;
	struct log_head head = mb->head;
	struct compaction *c;
	enum yb_err err = hold_reader(mb);

	if (err != YB_OK)
		return err;
	c = calloc(1, sizeof *c);
	if (c == NULL) {
		log_file_drop_reader(mb->log);
		return YB_NOMEM;
	}
	head.generation++;
	head.next_uid = mb->next_uid;
	head.next_seq = mb->next_seq;
	compact_init(&c->compact, &st->files, &head, mb->log->fd);
	c->compact.free_before_s = store_free_before(mb->st);
	c->compact.slowly = slowly && st->config.threads > 0;
	c->failures = mb->failures;
	c->before = mb->tail;
	c->told = told;
	c->ctx = ctx;
	c->log = mb->log;
	log_file_pin(c->log);
	if (!store_clock_is_held(st))
		c->compact.now_s = store_now_ns(st) / 1000000000;
	mb->compaction = c;
	st->compactions++;
	if (told != NULL)
		st->operations++;
	give(c, mb, step);
	return YB_OK;
}

/* ---- by command ---- */

struct compact_request {
	bool always; /* even where there is nothing to give back */
	store_compacted_fn *told;
	void *ctx;
};

static void compact_then(void *ctx, enum yb_err err, struct mailbox *mb)
{
	struct compact_request *r = ctx;
	struct store_compacted same = { 0 };

	if (err == YB_OK && mb->state == MAILBOX_READY) {
		same = (struct store_compacted){ mb->tail, mb->tail };
		/* Descriptors that were closed come back with a write. */
		if (r->always || is_worth(mb, true))
			err = mailbox_prepare(mb, true);
		if (err == YB_AGAIN || mb->compaction != NULL)
			err = YB_BUSY;
		if (err == YB_OK && (r->always || is_worth(mb, true)) &&
		    can_begin(mb))
			err = compact_start(mb, STEP_BEGIN, true, r->told,
					    r->ctx);
		if (err == YB_OK && mb->compaction != NULL) {
			free(r);
			return;
		}
	}
	r->told(r->ctx, err, same);
	free(r);
}

static void request(struct store *st, struct store_place place, bool always,
		    store_compacted_fn *told, void *ctx)
{
	struct compact_request *r = malloc(sizeof *r);

	if (r == NULL) {
		told(ctx, YB_NOMEM, (struct store_compacted){ 0 });
		return;
	}
	*r = (struct compact_request){ always, told, ctx };
	mailbox_open_then(st, place, compact_then, r);
	store_settle(st);
}

void store_compact(struct store *st, struct store_place place,
		   store_compacted_fn *told, void *ctx)
{
	request(st, place, false, told, ctx);
}

void store_repair(struct store *st, struct store_place place,
		  store_compacted_fn *told, void *ctx)
{
	request(st, place, true, told, ctx);
}

/* ---- by itself ---- */

void mailbox_consider(struct mailbox *mb)
{
	if (list_empty(&mb->candidate) && !mb->removed && is_worth(mb, false))
		list_push(&mb->st->candidates, &mb->candidate);
}

void compaction_clean(struct mailbox *mb)
{
	if (can_begin(mb))
		/* Tried again by the next sweep. */
		(void)!compact_start(mb, STEP_CLEAN, true, NULL, NULL);
}

/* On a full disk the one that needs the least room comes first. */
static void smallest_first(struct store *st)
{
	struct mailbox *least = NULL;

	list_for_each(at, &st->candidates) {
		struct mailbox *mb = list_entry(at, struct mailbox, candidate);

		if (least == NULL ||
		    mb->table.live_space < least->table.live_space)
			least = mb;
	}
	if (least == NULL)
		return;
	list_remove(&least->candidate);
	list_add_before(st->candidates.next, &least->candidate);
}

/* One at a time, and only where nobody is at work. */
void compaction_tick(struct store *st)
{
	uint64_t now_ms = store_mono_ms(st);

	if (st->compactions > 0)
		return;
	if (st->space.full)
		smallest_first(st);
	list_for_each_safe(at, &st->candidates) {
		struct mailbox *mb = list_entry(at, struct mailbox, candidate);

		if (!st->space.full && now_ms - mb->changed_ms < QUIET_MS)
			continue;
		list_remove(&mb->candidate);
		if (!is_worth(mb, false))
			continue;
		/* One whose descriptors are closed is opened first; the sweep
		 * finds what is left. */
		if (mailbox_prepare(mb, true) != YB_OK || !can_begin(mb))
			continue;
		if (compact_start(mb, STEP_BEGIN, true, NULL, NULL) == YB_OK)
			return;
	}
}
