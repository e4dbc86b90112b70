/*
 * What sessions see: a listing that does not change, and the generation of
 * the log that its rows point into (I7).
 */
#include "store/private.h"

#include <stdlib.h>

/* One block serves every device as long as messages are hidden from all of
 * them or from none. */
static enum yb_err need_listing(struct mailbox *mb, uint32_t device)
{
	bool ready = mb->state == MAILBOX_READY;
	struct listing_block *fresh;
	enum yb_err err;

	if (mb->listing != NULL && !mb->listing_grows)
		return YB_OK;
	err = listing_make(ready ? &mb->table : NULL,
			   ready ? mb->log->generation : 0, device, mb->listing,
			   &fresh);
	if (err != YB_OK)
		return err;
	mailbox_forget_listing(mb);
	mb->listing = fresh;
	fresh->number = ++mb->st->listings_made;
	return YB_OK;
}

static enum yb_err snapshot_make(struct mailbox *mb, uint32_t device,
				 struct store_snapshot **ret)
{
	struct store_snapshot *s = calloc(1, sizeof *s);
	enum yb_err err;

	if (s == NULL)
		return YB_NOMEM;
	err = need_listing(mb, device);
	if (err != YB_OK) {
		free(s);
		return err;
	}
	s->listing = listing_block_ref(mb->listing);
	s->mb = mb;
	mailbox_use(mb);
	s->log = mb->log;
	if (s->log != NULL)
		s->log->refs++;
	mb->st->snapshots_n++;
	*ret = s;
	return YB_OK;
}

static void call_opener(struct completion *c)
{
	struct opener *o = list_entry(c, struct opener, done);
	struct mailbox *mb = o->mb;
	struct store_snapshot *s = NULL;
	struct store_totals totals = { 0 };

	mb->st->operations--;
	if (o->err == YB_OK && o->opened != NULL)
		o->err = snapshot_make(mb, o->device, &s);
	if (o->err == YB_OK && mb->state == MAILBOX_READY)
		totals = (struct store_totals){ mb->table.messages,
						mb->table.octets };
	if (o->then != NULL)
		o->then(o->ctx, o->err, mb);
	mailbox_unuse(&mb);
	if (o->opened != NULL)
		o->opened(o->ctx, o->err, s);
	else if (o->told != NULL)
		o->told(o->ctx, o->err, totals);
	free(o);
}

void opener_finish(struct opener *o, enum yb_err err)
{
	o->err = err;
	o->done.call = call_opener;
	store_finish(o->mb->st, &o->done);
}

/* NULL with *ret_err set if nothing can be begun. */
static struct opener *opener_new(struct store *st, struct store_place place,
				 enum yb_err *ret_err)
{
	struct opener *o = calloc(1, sizeof *o);

	*ret_err = o == NULL ? YB_NOMEM : mailbox_get(st, &place, &o->mb);
	if (*ret_err != YB_OK) {
		free(o);
		return NULL;
	}
	list_init(&o->link);
	st->operations++;
	return o;
}

static void opener_start(struct opener *o)
{
	struct store *st = o->mb->st;
	enum yb_err err = mailbox_prepare(o->mb, false);

	if (err == YB_AGAIN)
		list_push(&o->mb->openers, &o->link);
	else
		opener_finish(o, err);
	store_settle(st);
}

void store_snapshot_open(struct store *st, struct store_place place,
			 uint32_t device, store_opened_fn *opened, void *ctx)
{
	enum yb_err err = YB_INVALID;
	struct opener *o = NULL;

	if (device < STORE_DEVICES_MAX)
		o = opener_new(st, place, &err);
	if (o == NULL) {
		opened(ctx, err, NULL);
		return;
	}
	o->device = device;
	o->opened = opened;
	o->ctx = ctx;
	opener_start(o);
}

void store_totals(struct store *st, struct store_place place,
		  store_totals_fn *told, void *ctx)
{
	enum yb_err err;
	struct opener *o = opener_new(st, place, &err);

	if (o == NULL) {
		told(ctx, err, (struct store_totals){ 0 });
		return;
	}
	o->told = told;
	o->ctx = ctx;
	opener_start(o);
}

void mailbox_open_then(struct store *st, struct store_place place,
		       opener_then_fn *then, void *ctx)
{
	enum yb_err err;
	struct opener *o = opener_new(st, place, &err);

	if (o == NULL) {
		then(ctx, err, NULL);
		return;
	}
	o->then = then;
	o->ctx = ctx;
	opener_start(o);
}

struct span store_snapshot_listing(const struct store_snapshot *snapshot)
{
	return span_of(snapshot->listing->octets, snapshot->listing->n);
}

uint64_t store_snapshot_listing_number(const struct store_snapshot *snapshot)
{
	return snapshot->listing->number;
}

enum yb_err store_snapshot_memfd(const struct store_snapshot *snapshot,
				 int *ret_fd)
{
	return listing_block_memfd(snapshot->listing, ret_fd);
}

/* A descriptor that cannot write, of the very generation. */
static enum yb_err open_reader(struct store_snapshot *s)
{
	struct store *st = s->mb->st;
	struct log_head head = s->mb->head;
	enum yb_err err = log_file_make_room(st);
	int fd;

	head.generation = s->log->generation;
	if (err == YB_OK)
		err = log_file_open(&st->files, &head, STORAGE_READ, &fd);
	if (err == YB_OK)
		log_file_adopt_reader(s->log, fd);
	/* The account's folder is gone, and so is this log. */
	return err == YB_NOT_FOUND ? YB_SNAPSHOT_GONE : err;
}

enum yb_err store_snapshot_log(struct store_snapshot *snapshot, int *ret_fd)
{
	const struct listing_head *head =
		(const void *)snapshot->listing->octets;
	enum yb_err err = YB_OK;

	if (head->count == 0)
		return YB_NO_MSG;
	if (!snapshot->reading) {
		/* Names that were looked up when the mailbox was opened are
		 * in memory: this does not wait for the disk. */
		if (snapshot->log->read_fd < 0)
			err = open_reader(snapshot);
		if (err != YB_OK)
			return err;
		log_file_add_reader(snapshot->log);
		snapshot->reading = true;
	}
	*ret_fd = snapshot->log->read_fd;
	return YB_OK;
}

void store_snapshot_close(struct store_snapshot **snapshot_at)
{
	struct store_snapshot *s = *snapshot_at;

	*snapshot_at = NULL;
	if (s == NULL)
		return;
	s->mb->st->snapshots_n--;
	if (s->reading)
		log_file_drop_reader(s->log);
	log_file_unref(&s->log);
	listing_block_unref(&s->listing);
	mailbox_unuse(&s->mb);
	free(s);
}
