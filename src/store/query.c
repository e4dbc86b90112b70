/*
 * What commands see of a mailbox: its rows, and the octets of a message; and
 * which mailboxes there are.
 */
#include "store/private.h"

#include <stdlib.h>

#include "base/codec.h"
#include "store/places.h"

/* What is read for one answer at most: more than fits into any. */
enum { READ_MAX = 256 * 1024 };

static void fill_row(struct store_row *row, const struct index_entry *e)
{
	*row = (struct store_row){
		.octets = e->wire_size - 3 - e->dots,
		.wire_size = e->wire_size,
		.received_ns = e->received_ns,
		.uid = e->uid,
		.header_size = e->header_size,
		.flags = e->flags,
		.deleted = e->hidden == INDEX_HIDDEN_ALL,
		.deleted_s = e->gone_s,
		.by = { .start = e->gone_start,
			.number = e->gone_number,
			.worker = e->gone_worker,
			.kind = e->gone_kind },
	};
	base32_put_id((uint8_t *)row->uidl, e->id);
}

/* ---- rows ---- */

struct listing_request {
	struct store *st;
	uint32_t after;
	bool deleted;
	size_t max;
	store_rows_fn *told;
	void *ctx;
};

static bool is_wanted(const struct listing_request *r,
		      const struct index_entry *e)
{
	if (!r->deleted)
		return e->hidden != INDEX_HIDDEN_ALL;
	return index_is_deleted(e) && store_may_return(r->st, e);
}

static void list_then(void *ctx, enum yb_err err, struct mailbox *mb)
{
	struct listing_request *r = ctx;
	struct store_row *rows = NULL;
	bool more = false;
	size_t n = 0;

	if (err == YB_OK) {
		rows = calloc(r->max, sizeof *rows);
		err = rows == NULL ? YB_NOMEM : YB_OK;
	}
	if (err == YB_OK) {
		const struct index_table *t = &mb->table;
		size_t i = index_table_find(t, (uint64_t)r->after + 1);

		for (; i < t->count && !more; i++) {
			if (!is_wanted(r, &t->entries[i]))
				continue;
			more = n == r->max;
			if (!more)
				fill_row(&rows[n++], &t->entries[i]);
		}
	}
	r->told(r->ctx, err, rows, n, more);
	free(rows);
	free(r);
}

void store_list(struct store *st, struct store_place place, uint32_t after,
		bool deleted, size_t max, store_rows_fn *told, void *ctx)
{
	struct listing_request *r = malloc(sizeof *r);

	if (r == NULL) {
		told(ctx, YB_NOMEM, NULL, 0, false);
		return;
	}
	*r = (struct listing_request){
		.st = st,
		.after = after,
		.deleted = deleted,
		.max = max < STORE_ROWS_MAX ? max : STORE_ROWS_MAX,
		.told = told,
		.ctx = ctx,
	};
	mailbox_open_then(st, place, list_then, r);
}

/* ---- octets ---- */

struct read_job {
	struct mailbox_job base;
	struct store *st;
	struct store_place place;
	uint32_t uid;
	uint64_t at;
	size_t n;
	bool again; /* the generation changed once meanwhile */
	uint64_t offset;
	struct log_head head;
	struct store_row row;
	uint8_t *octets;
	store_octets_fn *told;
	void *ctx;
};

static void read_then(void *ctx, enum yb_err err, struct mailbox *mb);

static void read_end(struct read_job *j, enum yb_err err)
{
	j->told(j->ctx, err, err == YB_OK ? &j->row : NULL,
		span_of(j->octets, err == YB_OK ? j->n : 0));
	free(j->octets);
	free(j);
}

static void read_run(struct pool_job *job)
{
	struct read_job *j = list_entry(job, struct read_job, base.job);
	const struct os_storage *os = j->st->os;
	size_t got = 0;
	int fd;

	j->base.err = log_file_open(&j->st->files, &j->head, STORAGE_READ, &fd);
	if (j->base.err != YB_OK)
		return;
	j->base.err =
		os->read(os->ctx, fd, j->octets, j->n, j->offset + j->at, &got);
	if (j->base.err == YB_OK && got < j->n)
		j->base.err = YB_CORRUPT;
	os->close(os->ctx, fd);
}

static void read_done(struct pool_job *job)
{
	struct read_job *j = list_entry(job, struct read_job, base.job);
	struct mailbox *mb = j->base.mb;
	struct store *st = j->st;

	st->operations--;
	mailbox_job_leave(&j->base);
	mailbox_unuse(&mb);
	/* A new generation has the message elsewhere. */
	if (j->base.err == YB_SNAPSHOT_GONE && !j->again) {
		j->again = true;
		free(j->octets);
		j->octets = NULL;
		mailbox_open_then(st, j->place, read_then, j);
		return;
	}
	read_end(j, j->base.err);
}

static void read_then(void *ctx, enum yb_err err, struct mailbox *mb)
{
	struct read_job *j = ctx;
	const struct index_entry *e;
	size_t i;

	if (err != YB_OK) {
		read_end(j, err);
		return;
	}
	i = index_table_find(&mb->table, j->uid);
	e = i < mb->table.count ? &mb->table.entries[i] : NULL;
	if (e == NULL || e->uid != j->uid || (e->flags & INDEX_MOVED) != 0 ||
	    (e->hidden == INDEX_HIDDEN_ALL && !store_may_return(j->st, e))) {
		read_end(j, YB_NO_MSG);
		return;
	}
	fill_row(&j->row, e);
	j->offset = e->offset;
	if (j->at > e->wire_size)
		j->at = e->wire_size;
	if (j->n > e->wire_size - j->at)
		j->n = (size_t)(e->wire_size - j->at);
	j->octets = malloc(j->n > 0 ? j->n : 1);
	if (j->octets == NULL) {
		read_end(j, YB_NOMEM);
		return;
	}
	j->head = mb->head;
	j->head.generation = mb->log->generation;
	j->base.job.run = read_run;
	j->base.job.done = read_done;
	j->st->operations++;
	mailbox_job_give(&j->base, mb, NULL);
}

void store_read(struct store *st, struct store_place place, uint32_t uid,
		uint64_t at, size_t n, store_octets_fn *told, void *ctx)
{
	struct read_job *j = calloc(1, sizeof *j);

	if (j == NULL) {
		told(ctx, YB_NOMEM, NULL, SPAN_NONE);
		return;
	}
	j->st = st;
	j->place = place;
	j->uid = uid;
	j->at = at;
	j->n = n < READ_MAX ? n : READ_MAX;
	j->told = told;
	j->ctx = ctx;
	mailbox_open_then(st, place, read_then, j);
	store_settle(st);
}

/* ---- mailboxes ---- */

struct numbers_job {
	struct pool_job job;
	struct store *st;
	struct account_id account;
	enum yb_err err;
	uint32_t numbers[PLACES_MAILBOXES_MAX];
	size_t n;
	store_numbers_fn *told;
	void *ctx;
};

static void numbers_run(struct pool_job *job)
{
	struct numbers_job *j = list_entry(job, struct numbers_job, job);

	j->err =
		places_mailboxes(&j->st->files, &j->account, j->numbers, &j->n);
}

static void numbers_done(struct pool_job *job)
{
	struct numbers_job *j = list_entry(job, struct numbers_job, job);

	j->told(j->ctx, j->err, j->numbers, j->n);
	free(j);
}

void store_mailboxes(struct store *st, struct account_id account,
		     store_numbers_fn *told, void *ctx)
{
	struct numbers_job *j = calloc(1, sizeof *j);

	if (j == NULL) {
		told(ctx, YB_NOMEM, NULL, 0);
		return;
	}
	j->job.run = numbers_run;
	j->job.done = numbers_done;
	j->st = st;
	j->account = account;
	j->told = told;
	j->ctx = ctx;
	pool_give(st->pool, &j->job);
	store_settle(st);
}
