/*
 * What commands see of a mailbox: its rows, and the octets of a message; and
 * which mailboxes there are.
 */
#include "store/private.h"

#include <stdlib.h>

#include "base/codec.h"
#include "store/places.h"
#include "store/set_aside.h"

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

/* ---- what was set aside ---- */

struct aside_job {
	struct pool_job job;
	struct store *st;
	struct store_place place;
	size_t number;
	uint64_t at;
	size_t n;
	enum yb_err err;
	struct store_aside aside;
	uint8_t *octets;
	store_aside_fn *told;
	void *ctx;
};

struct aside_search {
	size_t skip;
	char name[SET_ASIDE_NAME_MAX];
};

/* The order of a folder's names stays as long as nothing is added. */
static enum yb_err find_aside(void *ctx, const char *name)
{
	struct aside_search *s = ctx;

	if (strncmp(name, "damaged.", 8) != 0 || s->name[0] != 0)
		return YB_OK;
	if (s->skip-- == 0)
		(void)span_to_str(span_str(name), s->name, sizeof s->name);
	return YB_OK;
}

/* A message whose header is good begins behind it. */
static uint64_t message_begin(const struct os_storage *os, int fd,
			      const struct set_aside_head *head, uint32_t *uid)
{
	uint8_t octets[LOG_RECORD_SIZE];
	struct log_record r;
	struct log_keys keys;
	size_t got = 0;

	log_keys_init(&keys, head->log_id);
	if (os->read(os->ctx, fd, octets, sizeof octets, SET_ASIDE_HEAD_SIZE,
		     &got) != YB_OK ||
	    got < sizeof octets ||
	    !log_record_decode(&keys, head->offset, octets, &r) ||
	    r.type != LOG_MESSAGE)
		return 0;
	*uid = (uint32_t)r.uid;
	return LOG_RECORD_SIZE + (uint64_t)r.extras_size;
}

static enum yb_err read_aside(struct aside_job *j, int fd)
{
	const struct os_storage *os = j->st->os;
	uint8_t octets[SET_ASIDE_HEAD_SIZE];
	struct set_aside_head head;
	size_t got = 0;
	uint64_t begin;
	enum yb_err err = os->read(os->ctx, fd, octets, sizeof octets, 0, &got);

	if (err != YB_OK)
		return err;
	if (got < sizeof octets || !set_aside_decode(octets, &head))
		return YB_CORRUPT;
	begin = message_begin(os, fd, &head, &j->aside.uid);
	j->aside.offset = head.offset;
	got = 0;
	if (begin + j->at < head.size) {
		uint64_t left = head.size - begin - j->at;

		err = os->read(os->ctx, fd, j->octets,
			       j->n < left ? j->n : (size_t)left,
			       SET_ASIDE_HEAD_SIZE + begin + j->at, &got);
	}
	j->n = got;
	return err;
}

static void aside_run(struct pool_job *job)
{
	struct aside_job *j = list_entry(job, struct aside_job, job);
	const struct os_storage *os = j->st->os;
	struct aside_search s = { .skip = j->number };
	int dir, fd;

	j->err = files_open_folder(&j->st->files, &j->place, &dir);
	if (j->err != YB_OK)
		return;
	j->err = os->list(os->ctx, dir, find_aside, &s);
	if (j->err == YB_OK && s.name[0] == 0)
		j->err = YB_NO_MSG;
	if (j->err == YB_OK)
		j->err = os->open(os->ctx, dir, s.name, STORAGE_READ, &fd);
	if (j->err == YB_OK) {
		memcpy(j->aside.name, s.name, sizeof s.name);
		j->err = read_aside(j, fd);
		os->close(os->ctx, fd);
	}
	os->close(os->ctx, dir);
}

static void aside_done(struct pool_job *job)
{
	struct aside_job *j = list_entry(job, struct aside_job, job);

	j->told(j->ctx, j->err, &j->aside,
		span_of(j->octets, j->err == YB_OK ? j->n : 0));
	free(j->octets);
	free(j);
}

void store_read_aside(struct store *st, struct store_place place, size_t number,
		      uint64_t at, size_t n, store_aside_fn *told, void *ctx)
{
	static const struct store_aside none;
	struct aside_job *j = calloc(1, sizeof *j);

	if (j != NULL)
		j->octets = malloc(n > 0 ? n : 1);
	if (j == NULL || j->octets == NULL) {
		free(j);
		told(ctx, YB_NOMEM, &none, SPAN_NONE);
		return;
	}
	j->job.run = aside_run;
	j->job.done = aside_done;
	j->st = st;
	j->place = place;
	j->number = number;
	j->at = at;
	j->n = n;
	j->told = told;
	j->ctx = ctx;
	pool_give(st->pool, &j->job);
	store_settle(st);
}
