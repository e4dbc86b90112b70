/*
 * What of an old log goes into the new one: the old log is read as at an
 * opening, then messages, deletions and all other records are merged in the
 * order of their numbers.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "store/compact_private.h"
#include "store/load_private.h"
#include "store/set_aside.h"

/* ---- what there is in the old log ---- */

struct extras {
	uint64_t offset; /* of the wire form */
	uint32_t size;
};

/* A record that is neither a message nor changes any. */
struct other {
	uint64_t at;
	struct log_record record;
};

struct inventory {
	struct compact *c;
	struct load load;
	struct loaded loaded;
	struct buf extras; /* of messages that have some, in order */
	struct buf others;
	size_t entries; /* of the table before this record */
};

/* What is not good is kept in a file of its own before it is left behind. */
static enum yb_err keep_damage(struct compact *c, uint64_t at, uint64_t end)
{
	char name[SET_ASIDE_NAME_MAX];
	enum yb_err err = set_aside_damage(c->files->os, c->dir, &c->head,
					   c->from, at, end - at, name);

	if (err == YB_OK)
		compact_report(c,
			       "octets %" PRIu64 " to %" PRIu64
			       " are damaged; they are kept in %s",
			       at, end, name);
	return err;
}

static enum yb_err take_item(void *ctx, const struct scan_item *item)
{
	struct inventory *v = ctx;
	const struct index_table *t = &v->loaded.table;
	const struct log_record *r = &item->record;

	if (item->kind == SCAN_BAD)
		return keep_damage(v->c, item->at, item->end);
	v->c->old_seq = r->seq;
	if (r->type == LOG_MESSAGE) {
		struct extras extras = {
			.offset = item->at + LOG_RECORD_SIZE + r->extras_size,
			.size = r->extras_size,
		};

		if (t->count == v->entries)
			return keep_damage(v->c, item->at, item->end);
		v->entries = t->count;
		return r->extras_size == 0
			       ? YB_OK
			       : buf_add(&v->extras,
					 span_of(&extras, sizeof extras));
	}
	v->entries = t->count;
	if (r->type != LOG_EXPUNGE && r->type != LOG_UNDELETE) {
		struct other other = { item->at, *r };

		return buf_add(&v->others, span_of(&other, sizeof other));
	}
	return YB_OK;
}

static enum yb_err take_stock(struct inventory *v, struct compact *c,
			      uint64_t upto)
{
	*v = (struct inventory){ .c = c };
	loaded_init(&v->loaded);
	buf_init(&v->extras, SIZE_MAX / 2);
	buf_init(&v->others, SIZE_MAX / 2);
	v->load = (struct load){ .f = c->files,
				 .os = c->files->os,
				 .place = &c->head.place,
				 .l = &v->loaded,
				 .keys = c->keys,
				 .size = upto,
				 .from = LOG_HEAD_SIZE,
				 .seen = take_item,
				 .seen_ctx = v };
	v->loaded.log_fd = c->from;
	index_table_init(&v->loaded.table, &c->keys);
	return load_scan(&v->load);
}

static void free_stock(struct inventory *v)
{
	v->loaded.log_fd = -1; /* borrowed */
	loaded_done(&v->loaded, v->c->files->os);
	buf_done(&v->extras);
	buf_done(&v->others);
}

static uint32_t extras_of(const struct inventory *v, uint64_t offset)
{
	const struct extras *extras = (const void *)v->extras.p;
	size_t low = 0, high = v->extras.n / sizeof *extras;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (extras[middle].offset == offset)
			return extras[middle].size;
		if (extras[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/* ---- what is kept ---- */

struct hidden {
	uint64_t seq;
	const struct index_entry *e;
};

static int by_seq_and_uid(const void *a, const void *b)
{
	const struct hidden *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return (x->e->uid > y->e->uid) - (x->e->uid < y->e->uid);
}

static bool is_kept(const struct compact *c, const struct index_entry *e)
{
	if (e->hidden != INDEX_HIDDEN_ALL)
		return true;
	return index_is_deleted(e) && e->gone_s >= c->free_before_s;
}

/* The kept ones that are deleted, in the order of their EXPUNGE records. */
static enum yb_err collect_hidden(const struct compact *c,
				  const struct index_table *t, struct buf *ret)
{
	enum yb_err err = YB_OK;

	buf_init(ret, SIZE_MAX / 2);
	for (size_t i = 0; i < t->count && err == YB_OK; i++) {
		const struct index_entry *e = &t->entries[i];
		struct hidden h = { e->gone_seq, e };

		if (e->hidden == INDEX_HIDDEN_ALL && is_kept(c, e))
			err = buf_add(ret, span_of(&h, sizeof h));
	}
	if (err == YB_OK && ret->n > 0)
		qsort(ret->p, ret->n / sizeof(struct hidden),
		      sizeof(struct hidden), by_seq_and_uid);
	return err;
}

static enum yb_err put_message(struct compact *c, const struct inventory *v,
			       const struct index_entry *e)
{
	const struct os_storage *os = c->files->os;
	uint32_t extras = extras_of(v, e->offset);
	uint64_t at = e->offset - extras - LOG_RECORD_SIZE;
	struct index_entry fresh = *e;
	uint8_t octets[LOG_RECORD_SIZE];
	struct log_record r;
	size_t got = 0;
	enum yb_err err =
		os->read(os->ctx, c->from, octets, sizeof octets, at, &got);

	if (err != YB_OK)
		return err;
	if (got < sizeof octets || !log_record_decode(&c->keys, at, octets, &r))
		return YB_IO; /* it was good a moment ago */
	/* One that was brought back has another number. */
	r.uid = e->uid;
	r.seq = e->seq;
	fresh.offset = c->tail + LOG_RECORD_SIZE + extras;
	err = compact_put_record(c, &r, NULL, at + LOG_RECORD_SIZE);
	if (err == YB_OK)
		err = index_table_reserve(&c->table, 1);
	if (err == YB_OK)
		index_table_put(&c->table, &fresh);
	return err;
}

/* The EXPUNGE of the hidden ones from `*at` on that share a record. */
static enum yb_err put_expunge(struct compact *c, const struct hidden *all,
			       size_t n, size_t *at)
{
	const struct index_entry *e = all[*at].e;
	struct log_expunge head = { .device = STORE_MAIN_DEVICE };
	struct log_record r = { .type = LOG_EXPUNGE,
				.seq = e->gone_seq,
				.received_ns =
					(int64_t)e->gone_s * 1000000000 };
	struct store_session by = { .start = e->gone_start,
				    .number = e->gone_number,
				    .worker = e->gone_worker,
				    .kind = e->gone_kind };
	struct uid_range range = { 0 };
	struct buf body;
	enum yb_err err;

	buf_init(&body, SIZE_MAX / 2);
	err = buf_add(&body, span_of(&head, sizeof head));
	while (*at < n && all[*at].seq == r.seq && err == YB_OK) {
		uint32_t uid = all[(*at)++].e->uid;

		if (range.first != 0 && range.last + 1 == uid) {
			range.last = uid;
			continue;
		}
		if (range.first != 0)
			err = buf_add(&body, span_of(&range, sizeof range));
		range = (struct uid_range){ uid, uid };
	}
	if (err == YB_OK)
		err = buf_add(&body, span_of(&range, sizeof range));
	if (err == YB_OK) {
		head.count = (uint32_t)((body.n - sizeof head) / sizeof range);
		memcpy(body.p, &head, sizeof head);
		r.uid = c->table.last_uid;
		r.wire_size = body.n;
		r.body_sum = log_sum(buf_span(&body), c->keys.body);
		log_put_session(r.id, &by);
		err = compact_put_record(c, &r, body.p, 0);
	}
	buf_done(&body);
	return err;
}

static enum yb_err put_other(struct compact *c, const struct other *other)
{
	return compact_put_record(c, &other->record, NULL,
				  other->at + LOG_RECORD_SIZE);
}

/*
 * Messages, deletions and other records, each kind in order of its seqs, are
 * merged in that order.
 */
static enum yb_err put_all(struct compact *c, const struct inventory *v)
{
	const struct index_table *t = &v->loaded.table;
	const struct other *others = (const void *)v->others.p;
	size_t others_n = v->others.n / sizeof *others;
	size_t i = 0, h = 0, o = 0, hidden_n;
	const struct hidden *hidden;
	struct buf gone;
	enum yb_err err = collect_hidden(c, t, &gone);

	hidden = (const void *)gone.p;
	hidden_n = gone.n / sizeof *hidden;
	while (err == YB_OK) {
		uint64_t m_seq, h_seq, o_seq;

		while (i < t->count && !is_kept(c, &t->entries[i]))
			i++;
		m_seq = i < t->count ? t->entries[i].seq : UINT64_MAX;
		h_seq = h < hidden_n ? hidden[h].seq : UINT64_MAX;
		o_seq = o < others_n ? others[o].record.seq : UINT64_MAX;
		if (m_seq < h_seq && m_seq < o_seq)
			err = put_message(c, v, &t->entries[i++]);
		else if (h_seq < o_seq)
			err = put_expunge(c, hidden, hidden_n, &h);
		else if (o < others_n)
			err = put_other(c, &others[o++]);
		else
			break;
	}
	buf_done(&gone);
	return err;
}

enum yb_err compact_copy(struct compact *c, uint64_t upto)
{
	struct inventory v;
	enum yb_err err = take_stock(&v, c, upto);

	if (err == YB_OK)
		err = put_all(c, &v);
	free_stock(&v);
	return err;
}
