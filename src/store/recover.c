/*
 * Recovery: the records that the index does not know, damage among them, and
 * the end of the log (I6).
 */
#include "store/load_private.h"

#include <inttypes.h>

#include "store/set_aside.h"

/* Ranges of a record looked at together. */
enum { LOAD_RANGES = 256 };

/* ---- the records ---- */

/* One range of an UNDELETE record; `seq` is that of the next message. */
static enum yb_err unhide(struct load *ld, const uint8_t *p, uint64_t uid_most,
			  uint64_t *seq, struct index_range *ret)
{
	struct index_table *t = &ld->l->table;
	struct log_undelete_range range;
	enum yb_err err;

	memcpy(&range, p, sizeof range);
	/* None of ours; a record names the highest uid that it gives. */
	if (range.first > range.last ||
	    (uint64_t)range.fresh + (range.last - range.first) > uid_most) {
		*ret = (struct index_range){ 0, 0 };
		return YB_OK;
	}
	/* No more than there are, whatever the range says. */
	err = index_table_reserve(
		t, index_table_find(t, (uint64_t)range.last + 1) -
			   index_table_find(t, range.first));
	if (err == YB_OK)
		*ret = index_table_unhide(t, range, *seq);
	*seq += (uint64_t)range.last - range.first + 1;
	return err;
}

/* The ranges of an EXPUNGE or UNDELETE record, into the table. */
static enum yb_err change_ranges(struct load *ld, struct log_scan *scan,
				 const struct scan_item *item,
				 const struct log_change *change)
{
	uint64_t at = log_change_at(item->at, &item->record);
	uint64_t seq = item->record.seq - change->total + 1;
	uint32_t left = change->count;

	while (left > 0) {
		uint32_t n = left < LOAD_RANGES ? left : LOAD_RANGES;
		const uint8_t *p;
		enum yb_err err =
			log_scan_peek(scan, at, n * change->range_size, &p);

		if (err != YB_OK || p == NULL)
			return err == YB_OK ? YB_IO : err;
		at += n * change->range_size;
		left -= n;
		for (; n > 0; n--, p += change->range_size) {
			struct index_range r;
			struct uid_range uids;

			memcpy(&uids, p, sizeof uids);
			if (item->record.type == LOG_UNDELETE)
				err = unhide(ld, p, item->record.uid, &seq, &r);
			else
				r = index_table_hide(&ld->l->table, uids,
						     &item->record);
			if (err != YB_OK)
				return err;
			if (r.first < r.end && r.first < ld->changed)
				ld->changed = r.first;
		}
	}
	return YB_OK;
}

/* A body that is not as it should be means nothing. */
static enum yb_err take_change(struct load *ld, struct log_scan *scan,
			       const struct scan_item *item)
{
	struct log_change change;
	const uint8_t *p;
	enum yb_err err = log_scan_peek(
		scan, item->at + LOG_RECORD_SIZE + item->record.extras_size,
		LOG_CHANGE_SIZE, &p);

	if (err != YB_OK || p == NULL ||
	    !log_change_decode(&item->record, p, &change))
		return err;
	return change_ranges(ld, scan, item, &change);
}

static enum yb_err take_message(struct load *ld, const struct scan_item *item)
{
	struct index_table *t = &ld->l->table;
	enum yb_err err;

	/* I4: two messages of one uid cannot both be right. */
	if (item->record.uid <= t->last_uid) {
		load_report(ld,
			    "message %" PRIu64 " at %" PRIu64
			    " has a uid that was given "
			    "before; it is set aside",
			    item->record.uid, item->at);
		return YB_OK;
	}
	err = index_table_reserve(t, 1);
	if (err == YB_OK)
		index_table_add(t, &item->record, item->at);
	return err;
}

static enum yb_err take_record(struct load *ld, struct log_scan *scan,
			       const struct scan_item *item)
{
	unsigned type = item->record.type;
	enum yb_err err = YB_OK;

	if (type == LOG_MESSAGE) {
		err = take_message(ld, item);
	} else if (type == LOG_EXPUNGE || type == LOG_UNDELETE) {
		err = take_change(ld, scan, item);
	} else if ((type & LOG_CRITICAL) != 0 && !ld->l->read_only) {
		ld->l->read_only = true;
		load_report(ld,
			    "a newer program wrote a record of type %x at "
			    "%" PRIu64 "; the mailbox can only be read",
			    type, item->at);
	}
	if (err == YB_OK)
		index_table_note(&ld->l->table, &item->record, item->at,
				 item->head_sum);
	return err;
}

static void tell_damage(struct load *ld, const struct scan_item *item)
{
	if (item->has_head && item->record.type == LOG_MESSAGE)
		load_report(ld,
			    "message %" PRIu64 " at %" PRIu64
			    " is damaged and set aside",
			    item->record.uid, item->at);
	else
		load_report(ld, "octets %" PRIu64 " to %" PRIu64 " are damaged",
			    item->at, item->end);
}

/* Damage that a good record follows is no torn tail. */
static void take_bad(struct load *ld, const struct scan_item *item)
{
	if (ld->has_bad)
		ld->bad.end = item->end;
	else
		ld->bad = *item;
	ld->has_bad = true;
}

enum yb_err load_scan(struct load *ld)
{
	struct log_scan scan;
	struct scan_item item = { .kind = SCAN_BAD };
	enum yb_err err;

	if (ld->from >= ld->size)
		return YB_OK;
	err = log_scan_init(&scan, ld->os, ld->l->log_fd, &ld->keys, ld->from,
			    ld->size, ld->l->table.last_seq);
	while (err == YB_OK && item.kind != SCAN_END) {
		err = log_scan_next(&scan, &item);
		if (err != YB_OK)
			break;
		if (item.kind == SCAN_BAD)
			take_bad(ld, &item);
		if (item.kind == SCAN_RECORD) {
			if (ld->has_bad)
				tell_damage(ld, &ld->bad);
			ld->has_bad = false;
			err = take_record(ld, &scan, &item);
		}
		if (err == YB_OK && ld->seen != NULL && item.kind != SCAN_END)
			err = ld->seen(ld->seen_ctx, &item);
	}
	log_scan_done(&scan);
	return err;
}

/* What was given before this generation may have left no record in it. */
static void heed_head(struct load *ld)
{
	const struct log_head *head = &ld->l->head;
	struct index_table *t = &ld->l->table;

	if (head->next_uid > t->last_uid + 1)
		t->last_uid = head->next_uid - 1;
	if (head->next_seq > t->last_seq + 1)
		t->last_seq = head->next_seq - 1;
}

/* ---- the tail ---- */

/*
 * Numbers that the lost records may have had are not given again (I4), and a
 * stale record behind a later one is then recognised by its seq.
 */
static void skip_numbers(struct load *ld, bool uids)
{
	struct index_table *t = &ld->l->table;
	uint64_t n = log_records_most(ld->size - ld->bad.at);

	t->last_seq += n;
	if (uids)
		t->last_uid += n;
	if (t->last_uid > LOG_UID_MAX)
		t->last_uid = LOG_UID_MAX;
	if (t->last_seq >= LOG_SEQ_MAX)
		t->last_seq = LOG_SEQ_MAX - 1;
}

/* I6: the torn tail is kept in a file of its own before it is cut. */
static enum yb_err set_aside(struct load *ld)
{
	const struct os_storage *os = ld->os;
	int dir;
	enum yb_err err = files_open_folder(ld->f, ld->place, &dir);

	if (err != YB_OK)
		return err;
	err = set_aside_tail(os, dir, ld->l->log_fd, ld->bad.at,
			     ld->size - ld->bad.at);
	os->close(os->ctx, dir);
	return err;
}

void load_treat_tail(struct load *ld)
{
	struct loaded *l = ld->l;

	heed_head(ld);
	l->tail = log_align(ld->size);
	if (!ld->has_bad)
		return;
	if (ld->bad.at >= ld->durable && !l->read_only &&
	    set_aside(ld) == YB_OK &&
	    ld->os->cut(ld->os->ctx, l->log_fd, ld->bad.at) == YB_OK) {
		load_report(ld,
			    "a torn tail of %" PRIu64 " octets at %" PRIu64
			    " was set aside",
			    ld->size - ld->bad.at, ld->bad.at);
		skip_numbers(ld, false);
		l->tail = ld->bad.at;
		return;
	}
	/* It may have been acknowledged, or could not be copied: it stays
	 * where it is, and the log goes on behind it. */
	tell_damage(ld, &ld->bad);
	skip_numbers(ld, true);
}
