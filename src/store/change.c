/*
 * Deleting and bringing back: one record each, written, synced and published
 * on the way of all records (append.c, sync.c).
 */
#include "store/private.h"

#include <stdlib.h>

#include "base/buf.h"

/* Ranges rise and do not touch, so that each uid is named once. */
static bool are_sound(const struct uid_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].first == 0 || ranges[i].first > ranges[i].last)
			return false;
		if (i > 0 && (ranges[i].first <= ranges[i - 1].last ||
			      ranges[i].first - ranges[i - 1].last < 2))
			return false;
	}
	return n < UINT32_MAX;
}

/* Whether a published message is in any of the ranges. */
static bool hides_any(const struct index_table *t,
		      const struct uid_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (index_table_count(t, ranges[i]) > 0)
			return true;
	return false;
}

static struct operation *change_new(struct store *st, unsigned type,
				    const struct store_session *by,
				    store_changed_fn *done, void *ctx)
{
	struct operation *op = operation_new(st, type, 1);

	if (op == NULL) {
		done(ctx, YB_NOMEM, (struct store_change){ 0 });
		return NULL;
	}
	op->changed = done;
	op->ctx = ctx;
	op->received_ns = store_now_ns(st);
	if (by != NULL)
		op->by = *by;
	return op;
}

static void change_start(struct operation *op, struct mailbox *mb,
			 uint8_t *body, size_t n)
{
	op->owned = body;
	op->wire = span_of(body, n);
	op->parts[0].mb = mb;
	mailbox_use(mb);
	operation_start(op);
}

static void change_end(struct operation *op, const struct mailbox *mb,
		       enum yb_err err)
{
	if (mb != NULL)
		op->change.before = mb->table.messages;
	part_done(&op->parts[0], err);
}

/* ---- deleting ---- */

static void hide(struct operation *op, struct mailbox *mb,
		 const struct uid_range *ranges, size_t n)
{
	struct log_expunge head = { .device = STORE_MAIN_DEVICE,
				    .count = (uint32_t)n };
	size_t octets = sizeof head + n * sizeof *ranges;
	uint8_t *body;

	/* What is gone already, and synced so, needs no record. Nor does
	 * what went with its account. */
	if (mb->removed || !hides_any(&mb->table, ranges, n)) {
		change_end(op, mb, YB_OK);
		return;
	}
	body = malloc(octets);
	if (body == NULL) {
		change_end(op, mb, YB_NOMEM);
		return;
	}
	memcpy(body, &head, sizeof head);
	memcpy(body + sizeof head, ranges, n * sizeof *ranges);
	change_start(op, mb, body, octets);
}

void store_expunge(struct store_snapshot *snapshot,
		   const struct store_session *by,
		   const struct uid_range *ranges, size_t n,
		   store_changed_fn *done, void *ctx)
{
	struct mailbox *mb = snapshot->mb;
	struct store *st = mb->st;
	struct operation *op = change_new(st, LOG_EXPUNGE, by, done, ctx);

	if (op == NULL)
		return;
	if (are_sound(ranges, n))
		hide(op, mb, ranges, n);
	else
		change_end(op, mb, YB_INVALID);
	store_settle(st);
}

/* ---- with a mailbox that may have to be opened first ---- */

struct request {
	struct operation *op;
	struct store_undelete what;
	struct uid_range ranges[];
};

static struct request *request_new(struct operation *op,
				   const struct uid_range *ranges, size_t n)
{
	struct request *r = NULL;

	if (n < SIZE_MAX / sizeof *ranges - 1)
		r = malloc(sizeof *r + n * sizeof *ranges);
	if (r == NULL)
		return NULL;
	*r = (struct request){ .op = op };
	if (n > 0)
		memcpy(r->ranges, ranges, n * sizeof *ranges);
	r->what.ranges = r->ranges;
	r->what.ranges_n = n;
	return r;
}

static void delete_then(void *ctx, enum yb_err err, struct mailbox *mb)
{
	struct request *r = ctx;

	if (err != YB_OK)
		change_end(r->op, NULL, err);
	else
		hide(r->op, mb, r->ranges, r->what.ranges_n);
	free(r);
}

void store_delete(struct store *st, struct store_place place,
		  const struct store_session *by,
		  const struct uid_range *ranges, size_t n,
		  store_changed_fn *done, void *ctx)
{
	struct operation *op = change_new(st, LOG_EXPUNGE, by, done, ctx);
	struct request *r;

	if (op == NULL)
		return;
	r = are_sound(ranges, n) ? request_new(op, ranges, n) : NULL;
	if (r == NULL)
		change_end(op, NULL,
			   are_sound(ranges, n) ? YB_NOMEM : YB_INVALID);
	else
		mailbox_open_then(st, place, delete_then, r);
	store_settle(st);
}

/* ---- bringing back ---- */

static bool same_session(const struct store_session *a,
			 const struct index_entry *e)
{
	return a->start == e->gone_start && a->number == e->gone_number &&
	       a->worker == e->gone_worker && a->kind == e->gone_kind;
}

/* `*at` is the first range that does not end below the uid. */
static bool is_named(const struct store_undelete *what, uint32_t uid,
		     size_t *at)
{
	while (*at < what->ranges_n && what->ranges[*at].last < uid)
		(*at)++;
	return *at < what->ranges_n && what->ranges[*at].first <= uid;
}

/* The body of the record, its uids counted from 0 still. */
static enum yb_err collect(const struct mailbox *mb,
			   const struct store_undelete *what,
			   struct buf *ranges, uint32_t *ret_total)
{
	const struct index_table *t = &mb->table;
	struct log_undelete_range range = { 0 };
	enum yb_err err = YB_OK;
	uint32_t total = 0;
	size_t at = 0;

	for (size_t i = 0; i < t->count && err == YB_OK; i++) {
		const struct index_entry *e = &t->entries[i];

		if (!index_is_deleted(e) ||
		    (!what->expired_too && !store_may_return(mb->st, e)) ||
		    (what->ranges != NULL && !is_named(what, e->uid, &at)) ||
		    e->gone_s < what->since_s ||
		    (what->from.kind != STORE_NOBODY &&
		     !same_session(&what->from, e)))
			continue;
		if (range.first != 0 && range.last + 1 == e->uid) {
			range.last++;
			total++;
			continue;
		}
		if (range.first != 0)
			err = buf_add(ranges, span_of(&range, sizeof range));
		range = (struct log_undelete_range){ e->uid, e->uid, total };
		total++;
	}
	if (err == YB_OK && range.first != 0)
		err = buf_add(ranges, span_of(&range, sizeof range));
	*ret_total = total;
	return err;
}

static void unhide(struct operation *op, struct mailbox *mb,
		   const struct store_undelete *what)
{
	struct log_undelete head = { 0 };
	struct buf body;
	enum yb_err err;

	if (mb->removed || mb->state != MAILBOX_READY) {
		change_end(op, mb, YB_OK);
		return;
	}
	buf_init(&body,
		 sizeof head +
			 mb->table.count * sizeof(struct log_undelete_range));
	err = buf_add(&body, span_of(&head, sizeof head));
	if (err == YB_OK)
		err = collect(mb, what, &body, &head.total);
	if (err != YB_OK || head.total == 0) {
		buf_done(&body);
		change_end(op, mb, err);
		return;
	}
	head.count = (uint32_t)((body.n - sizeof head) /
				sizeof(struct log_undelete_range));
	memcpy(body.p, &head, sizeof head);
	op->total = head.total;
	/* The operation frees it. */
	change_start(op, mb, body.p, body.n);
}

static void undelete_then(void *ctx, enum yb_err err, struct mailbox *mb)
{
	struct request *r = ctx;

	if (err != YB_OK)
		change_end(r->op, NULL, err);
	else
		unhide(r->op, mb, &r->what);
	free(r);
}

void store_undelete(struct store *st, struct store_place place,
		    const struct store_session *by,
		    const struct store_undelete *what, store_changed_fn *done,
		    void *ctx)
{
	struct operation *op = change_new(st, LOG_UNDELETE, by, done, ctx);
	struct request *r = NULL;
	bool sound = are_sound(what->ranges, what->ranges_n);

	if (op == NULL)
		return;
	if (sound)
		r = request_new(op, what->ranges, what->ranges_n);
	if (r == NULL) {
		change_end(op, NULL, sound ? YB_NOMEM : YB_INVALID);
	} else {
		r->what.since_s = what->since_s;
		r->what.from = what->from;
		r->what.expired_too = what->expired_too;
		if (what->ranges == NULL)
			r->what.ranges = NULL;
		mailbox_open_then(st, place, undelete_then, r);
	}
	store_settle(st);
}
