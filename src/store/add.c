/*
 * Messages of a backup that come back under their old ids. Which of them the
 * mailbox has is decided in one pass over its table, and no other call may
 * add meanwhile: an id never names two messages (I4).
 */
#include "store/private.h"

#include <stdlib.h>

#include "os/fd.h"

struct add {
	struct store *st;
	struct store_place place;
	int fd;
	store_delivered_fn *added;
	void *ctx;
	size_t waiting; /* for deliveries and the undelete */
	size_t n;
	size_t deleted_n;               /* of these, that */
	bool deleted[STORE_COPIES_MAX]; /* the mailbox has, but hides */
	struct store_copy *copies;      /* behind the outcomes */
	enum yb_err errs[];
};

/* One delivery of it; knows which. */
struct add_one {
	struct add *add;
	size_t number;
};

static void add_end(struct add *a)
{
	if (--a->waiting > 0)
		return;
	a->st->adding = false;
	a->added(a->ctx, a->errs, a->n);
	fd_close(&a->fd);
	free(a);
}

static int by_id(const void *x, const void *y)
{
	const struct store_copy *const *a = x, *const *b = y;

	return memcmp((*a)->id, (*b)->id, sizeof(*a)->id);
}

/* AGAIN marks what is neither shown nor deleted. */
static enum yb_err sort_out(struct add *a, const struct index_table *t,
			    struct buf *ret_deleted)
{
	const struct store_copy **sorted = calloc(a->n, sizeof *sorted);
	enum yb_err err = YB_OK;

	if (sorted == NULL)
		return YB_NOMEM;
	for (size_t i = 0; i < a->n; i++)
		sorted[i] = &a->copies[i];
	qsort(sorted, a->n, sizeof *sorted, by_id);
	for (size_t i = 1; i < a->n; i++)
		if (by_id(&sorted[i - 1], &sorted[i]) == 0)
			err = YB_INVALID; /* twice in one request */
	for (size_t i = 0; err == YB_OK && i < t->count; i++) {
		const struct index_entry *e = &t->entries[i];
		struct store_copy key;
		const struct store_copy *want = &key;
		const struct store_copy **found;

		if ((e->flags & INDEX_MOVED) != 0)
			continue;
		memcpy(key.id, e->id, sizeof key.id);
		found = bsearch(&want, sorted, a->n, sizeof *sorted, by_id);
		if (found == NULL)
			continue;
		a->errs[*found - a->copies] = YB_EXISTS;
		if (index_is_deleted(e)) {
			const struct uid_range range = { e->uid, e->uid };

			a->deleted[*found - a->copies] = true;
			a->deleted_n++;
			err = buf_add(ret_deleted,
				      span_of(&range, sizeof range));
		}
	}
	free(sorted);
	return err;
}

static void on_delivered(void *ctx, const enum yb_err *errs, size_t n)
{
	struct add_one *one = ctx;
	struct add *a = one->add;

	a->errs[one->number] = n == 1 ? errs[0] : YB_INVALID;
	free(one);
	add_end(a);
}

static void on_undeleted(void *ctx, enum yb_err err, struct store_change change)
{
	struct add *a = ctx;

	/* Freed by a compaction meanwhile: which of them is not known, and
	 * the next attempt takes them from the file. */
	if (err == YB_OK && change.messages < a->deleted_n)
		err = YB_BUSY;
	for (size_t i = 0; i < a->n; i++)
		if (a->deleted[i])
			a->errs[i] = err;
	add_end(a);
}

static void deliver_one(struct add *a, size_t i)
{
	struct add_one *one = malloc(sizeof *one);
	const struct store_copy *copy = &a->copies[i];
	const struct store_delivery delivery = {
		.mode = STORE_EACH,
		.places = &a->place,
		.places_n = 1,
		.fd = a->fd,
		.wire_at = copy->at,
		.wire_n = copy->n,
		.received_ns = copy->received_ns,
		.id = copy->id,
	};

	a->errs[i] = YB_NOMEM;
	if (one == NULL)
		return;
	*one = (struct add_one){ a, i };
	a->waiting++;
	store_deliver(a->st, &delivery, on_delivered, one);
}

/* Ranges that touch are one. */
static void join(struct buf *ranges)
{
	struct uid_range *r = (void *)ranges->p;
	size_t n = ranges->n / sizeof *r, out = 0;

	for (size_t i = 1; i < n; i++)
		if (r[i].first == r[out].last + 1)
			r[out].last = r[i].last;
		else
			r[++out] = r[i];
	ranges->n = n == 0 ? 0 : (out + 1) * sizeof *r;
}

static void add_then(void *ctx, enum yb_err err, struct mailbox *mb)
{
	struct add *a = ctx;
	struct store_undelete what = { .expired_too = true };
	struct buf deleted;

	buf_init(&deleted, a->n * sizeof(struct uid_range));
	for (size_t i = 0; i < a->n; i++)
		a->errs[i] = YB_AGAIN;
	if (err == YB_OK)
		err = sort_out(a, &mb->table, &deleted);
	join(&deleted);
	what.ranges = (const void *)deleted.p;
	what.ranges_n = deleted.n / sizeof *what.ranges;
	for (size_t i = 0; i < a->n; i++) {
		if (err != YB_OK)
			a->errs[i] = err;
		else if (a->errs[i] == YB_AGAIN)
			deliver_one(a, i);
	}
	if (err == YB_OK && what.ranges_n > 0) {
		a->waiting++;
		store_undelete(a->st, a->place, NULL, &what, on_undeleted, a);
	}
	buf_done(&deleted);
	add_end(a);
}

static void refuse(store_delivered_fn *added, void *ctx, size_t n,
		   enum yb_err err)
{
	enum yb_err errs[STORE_COPIES_MAX];

	for (size_t i = 0; i < n; i++)
		errs[i] = err;
	added(ctx, errs, n);
}

void store_add(struct store *st, struct store_place place, int fd,
	       const struct store_copy *copies, size_t n,
	       store_delivered_fn *added, void *ctx)
{
	size_t fixed = sizeof(struct add) + STORE_COPIES_MAX * sizeof(int);
	struct add *a = NULL;
	enum yb_err err = st->adding ? YB_BUSY : YB_OK;

	if (n > STORE_COPIES_MAX)
		n = STORE_COPIES_MAX;
	if (err == YB_OK) {
		a = calloc(1, fixed + n * sizeof *copies);
		err = a == NULL ? YB_NOMEM : YB_OK;
	}
	if (a != NULL)
		err = fd_duplicate(fd, &a->fd);
	if (err != YB_OK) {
		free(a);
		refuse(added, ctx, n, err);
		return;
	}
	a->st = st;
	a->place = place;
	a->added = added;
	a->ctx = ctx;
	a->waiting = 1;
	a->n = n;
	a->copies = (void *)((uint8_t *)a + fixed);
	memcpy(a->copies, copies, n * sizeof *copies);
	st->adding = true;
	mailbox_open_then(st, place, add_then, a);
	store_settle(st);
}
