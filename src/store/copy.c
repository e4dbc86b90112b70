/*
 * Bodies that are too large for the owner's thread, or lie in a file: a
 * thread of the pool reads them once, in chunks, and checks, counts, sums and
 * copies each chunk to every log. The logs' tails belong to it meanwhile.
 */
#include "store/private.h"

#include <stdlib.h>

enum { COPY_CHUNK = 256 * 1024 };

struct copy_target {
	struct part *part;
	struct log_file *log; /* pinned */
	int fd;
	uint64_t at;
	struct log_keys keys;
	struct log_summer *summer;
	struct log_record record;
	uint64_t head_sum;
	enum yb_err err;
};

struct copy_job {
	struct pool_job job;
	const struct os_storage *os;
	struct operation *op; /* its body only */
	struct span prefix, wire;
	int from;
	uint64_t from_at, from_n;
	uint64_t done; /* octets of the body */
	struct wire_check check;
	uint8_t *chunk;
	enum yb_err err; /* of the body itself */
	size_t targets_n;
	struct copy_target targets[];
};

static void put_chunk(struct copy_job *j, struct span s)
{
	struct iovec iov = { (void *)(uintptr_t)s.p, s.n };

	wire_check_feed(&j->check, s);
	for (size_t i = 0; i < j->targets_n; i++) {
		struct copy_target *t = &j->targets[i];

		if (t->err != YB_OK)
			continue;
		log_summer_add(t->summer, s);
		t->err = j->os->write(j->os->ctx, t->fd, &iov, 1,
				      t->at + LOG_RECORD_SIZE + j->done);
	}
	j->done += s.n;
}

/* The body is read once: whoever could still write it changes nothing. */
static enum yb_err copy_file(struct copy_job *j)
{
	uint64_t at = 0;

	while (at < j->from_n) {
		uint64_t left = j->from_n - at;
		size_t n = left < COPY_CHUNK ? (size_t)left : COPY_CHUNK, got;
		enum yb_err err = storage_pread(j->from, j->chunk, n,
						j->from_at + at, &got);

		if (err != YB_OK)
			return err;
		if (got < n)
			return YB_INVALID;
		put_chunk(j, span_of(j->chunk, n));
		at += n;
	}
	return YB_OK;
}

/* The header comes last; sums protect against any order on the disk. */
static void put_header(struct copy_job *j, struct copy_target *t)
{
	static const uint8_t zeros[LOG_ALIGN];
	struct log_record *r = &t->record;
	uint8_t head[LOG_RECORD_SIZE];
	struct iovec iov = { (void *)(uintptr_t)zeros,
			     log_align(j->done) - j->done };

	r->wire_size = j->check.size;
	r->header_size = (uint32_t)j->check.header_size;
	r->dots = (uint32_t)j->check.dots;
	r->flags = (uint16_t)j->check.flags;
	r->body_sum = log_summer_end(t->summer);
	t->head_sum = log_record_encode(&t->keys, t->at, r, head);
	if (iov.iov_len > 0)
		t->err = j->os->write(j->os->ctx, t->fd, &iov, 1,
				      t->at + LOG_RECORD_SIZE + j->done);
	iov = (struct iovec){ head, sizeof head };
	if (t->err == YB_OK)
		t->err = j->os->write(j->os->ctx, t->fd, &iov, 1, t->at);
}

static void copy_run(struct pool_job *job)
{
	struct copy_job *j = list_entry(job, struct copy_job, job);

	wire_check_init(&j->check);
	if (j->prefix.n > 0)
		put_chunk(j, j->prefix);
	if (j->wire.n > 0)
		put_chunk(j, j->wire);
	if (j->from >= 0)
		j->err = copy_file(j);
	if (j->err == YB_OK)
		j->err = wire_check_finish(&j->check);
	if (j->err == YB_OK &&
	    (j->check.dots > UINT32_MAX || j->check.header_size > UINT32_MAX))
		j->err = YB_TOO_BIG;
	if (j->err != YB_OK)
		return;
	for (size_t i = 0; i < j->targets_n; i++)
		if (j->targets[i].err == YB_OK)
			put_header(j, &j->targets[i]);
}

static void job_free(struct copy_job *j)
{
	for (size_t i = 0; i < j->targets_n; i++)
		log_summer_free(&j->targets[i].summer);
	free(j->chunk);
	free(j);
}

/* What became of one log's copy. */
static void end_target(struct copy_target *t, enum yb_err err)
{
	struct part *part = t->part;
	struct mailbox *mb = part->mb;

	if (err == YB_OK)
		err = t->err;
	/* I11: the log that it was written to failed a sync meanwhile. */
	if (err == YB_OK && (part->failures != mb->failures || mb->failed))
		err = YB_IO;
	part->state = PART_QUEUED;
	if (err == YB_FULL)
		space_note(mb->st);
	if (err != YB_OK) {
		part_cut_back(part);
		part_fail(part, err);
		return;
	}
	part->record = t->record;
	part->head_sum = t->head_sum;
	part->end = part->at + log_record_size(&t->record);
	part_written(part);
}

static void copy_done(struct pool_job *job)
{
	struct copy_job *j = list_entry(job, struct copy_job, job);
	struct operation *op = j->op;

	op->copying = false;
	for (size_t i = 0; i < j->targets_n; i++)
		end_target(&j->targets[i], j->err);
	operation_written(op);
	for (size_t i = 0; i < j->targets_n; i++) {
		struct copy_target *t = &j->targets[i];
		struct mailbox *mb = t->part->mb;

		compaction_go_on(mb);
		log_file_unpin(t->log);
		mb->jobs--;
		if (mb->removed)
			removal_check(mb);
		mailbox_unuse(&mb);
	}
	job_free(j);
}

/* Gives the part's log to the job. */
static enum yb_err add_target(struct copy_job *j, struct part *part)
{
	struct copy_target *t = &j->targets[j->targets_n];
	struct mailbox *mb = part->mb;
	enum yb_err err = part_begin(part);

	if (err != YB_OK)
		return err;
	t->summer = log_summer_new(&mb->table.keys);
	if (t->summer == NULL)
		return YB_NOMEM;
	t->part = part;
	t->log = mb->log;
	t->fd = mb->log->fd;
	t->at = part->at;
	t->keys = mb->table.keys;
	t->record = part->record;
	j->targets_n++;
	mailbox_reserve(mb,
			part->at + LOG_RECORD_SIZE +
				log_align(j->prefix.n + j->wire.n + j->from_n));
	log_file_pin(t->log);
	mailbox_use(mb);
	mb->jobs++;
	part->state = PART_COPYING;
	return YB_OK;
}

static struct copy_job *job_new(struct operation *op)
{
	struct copy_job *j =
		calloc(1, sizeof *j + op->parts_n * sizeof(struct copy_target));

	if (j == NULL)
		return NULL;
	j->chunk = malloc(COPY_CHUNK);
	if (j->chunk == NULL) {
		free(j);
		return NULL;
	}
	j->job.run = copy_run;
	j->job.done = copy_done;
	j->job.is_long = true;
	j->os = op->st->os;
	j->op = op;
	j->prefix = op->prefix;
	j->wire = op->wire;
	j->from = op->fd;
	j->from_at = op->wire_at;
	j->from_n = op->fd >= 0 ? op->wire_n : 0;
	return j;
}

enum yb_err operation_copy(struct operation *op)
{
	struct copy_job *j = job_new(op);

	if (j == NULL)
		return YB_NOMEM;
	for (size_t i = 0; i < op->parts_n; i++) {
		struct part *part = &op->parts[i];
		enum yb_err err;

		if (part->state != PART_QUEUED)
			continue;
		err = add_target(j, part);
		if (err != YB_OK)
			part_fail(part, err);
	}
	if (j->targets_n == 0) { /* every part has its error */
		job_free(j);
		return YB_OK;
	}
	op->copying = true;
	pool_give(op->st->pool, &j->job);
	return YB_OK;
}
