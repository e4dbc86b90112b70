/*
 * Logs lent to whoever copies them. Below the last sync a generation never
 * changes (I1), so that a copy needs no lock and no pause.
 */
#include "store/private.h"

#include <stdlib.h>

struct lend_job {
	struct mailbox_job base;
	struct store *st;
	struct store_place place;
	bool again; /* the generation changed once meanwhile */
	struct log_head head;
	struct store_log log;
	store_lent_fn *lent;
	void *ctx;
};

static void lend_then(void *ctx, enum yb_err err, struct mailbox *mb);

static void lend_end(struct lend_job *j, enum yb_err err)
{
	const struct os_storage *os = j->st->os;

	j->lent(j->ctx, err, err == YB_OK ? &j->log : NULL);
	if (j->log.fd >= 0)
		os->close(os->ctx, j->log.fd);
	free(j);
}

static void lend_run(struct pool_job *job)
{
	struct lend_job *j = list_entry(job, struct lend_job, base.job);

	j->base.err = log_file_open(&j->st->files, &j->head, STORAGE_READ,
				    &j->log.fd);
	if (j->base.err != YB_OK)
		j->log.fd = -1;
}

static void lend_done(struct pool_job *job)
{
	struct lend_job *j = list_entry(job, struct lend_job, base.job);
	struct mailbox *mb = j->base.mb;

	j->st->operations--;
	mailbox_job_leave(&j->base);
	mailbox_unuse(&mb);
	if (j->base.err == YB_SNAPSHOT_GONE && !j->again) {
		j->again = true;
		mailbox_open_then(j->st, j->place, lend_then, j);
		return;
	}
	lend_end(j, j->base.err);
}

static void lend_then(void *ctx, enum yb_err err, struct mailbox *mb)
{
	struct lend_job *j = ctx;

	if (err == YB_OK && mb->state != MAILBOX_READY)
		err = YB_NO_MSG;
	if (err != YB_OK) {
		lend_end(j, err);
		return;
	}
	j->log.upto = mb->durable;
	j->log.generation = mb->log->generation;
	j->log.totals =
		(struct store_totals){ mb->table.messages, mb->table.octets };
	j->head = mb->head;
	j->head.generation = mb->log->generation;
	j->base.job.run = lend_run;
	j->base.job.done = lend_done;
	j->st->operations++;
	mailbox_job_give(&j->base, mb, NULL);
}

void store_lend(struct store *st, struct store_place place, store_lent_fn *lent,
		void *ctx)
{
	struct lend_job *j = calloc(1, sizeof *j);

	if (j == NULL) {
		lent(ctx, YB_NOMEM, NULL);
		return;
	}
	j->st = st;
	j->place = place;
	j->log.fd = -1;
	j->lent = lent;
	j->ctx = ctx;
	mailbox_open_then(st, place, lend_then, j);
	store_settle(st);
}
