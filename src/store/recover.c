/*
 * Recovery: the records that the index does not know, damage among them, and
 * the end of the log (I6).
 */
#include "store/load_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "os/clock.h"

enum {
	/* Torn tails set aside within one second. */
	LOAD_TORN_NAMES = 1000,
	/* Ranges of an EXPUNGE record looked at together. */
	LOAD_RANGES = 256,
};

/* ---- the records ---- */

static enum yb_err hide_ranges(struct load *ld, struct log_scan *scan,
			       const struct scan_item *item)
{
	uint64_t at = item->at + LOG_RECORD_SIZE + item->record.extras_size;
	struct log_expunge expunge;
	const uint8_t *p;
	enum yb_err err = log_scan_peek(scan, at, sizeof expunge, &p);

	if (err != YB_OK || p == NULL)
		return err == YB_OK ? YB_IO : err;
	memcpy(&expunge, p, sizeof expunge);
	at += sizeof expunge;
	while (expunge.count > 0) {
		uint32_t n = expunge.count < LOAD_RANGES ? expunge.count
							 : LOAD_RANGES;

		err = log_scan_peek(scan, at, n * sizeof(struct uid_range), &p);
		if (err != YB_OK || p == NULL)
			return err == YB_OK ? YB_IO : err;
		for (uint32_t i = 0; i < n; i++) {
			struct uid_range uids;
			struct index_range r;

			memcpy(&uids, p + i * sizeof uids, sizeof uids);
			r = index_table_hide(&ld->l->table, uids,
					     item->record.seq);
			if (r.first < r.end && r.first < ld->changed)
				ld->changed = r.first;
		}
		at += n * sizeof(struct uid_range);
		expunge.count -= n;
	}
	return YB_OK;
}

/* The ranges of an EXPUNGE record fill its body exactly. */
static enum yb_err check_expunge(struct log_scan *scan,
				 const struct scan_item *item, bool *ret_good)
{
	const struct log_record *r = &item->record;
	struct log_expunge expunge;
	const uint8_t *p;
	enum yb_err err =
		log_scan_peek(scan, item->at + LOG_RECORD_SIZE + r->extras_size,
			      sizeof expunge, &p);

	*ret_good = false;
	if (err != YB_OK || p == NULL || r->wire_size < sizeof expunge)
		return err;
	memcpy(&expunge, p, sizeof expunge);
	*ret_good = r->wire_size ==
		    sizeof expunge +
			    (uint64_t)expunge.count * sizeof(struct uid_range);
	return YB_OK;
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
	bool good;

	if (type == LOG_MESSAGE) {
		err = take_message(ld, item);
	} else if (type == LOG_EXPUNGE) {
		err = check_expunge(scan, item, &good);
		if (err == YB_OK && good)
			err = hide_ranges(ld, scan, item);
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
		if (item.kind != SCAN_RECORD)
			continue;
		if (ld->has_bad)
			tell_damage(ld, &ld->bad);
		ld->has_bad = false;
		err = take_record(ld, &scan, &item);
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
}

/* I6: the torn tail is kept in a file of its own before it is cut. */
static enum yb_err set_aside(struct load *ld)
{
	const struct os_storage *os = ld->os;
	int64_t now = clock_real_ns() / 1000000000;
	char name[48];
	int dir, fd = -1;
	enum yb_err err = files_open_folder(ld->f, ld->place, &dir);

	if (err != YB_OK)
		return err;
	err = YB_EXISTS;
	for (int n = 0; n < LOAD_TORN_NAMES && err == YB_EXISTS; n++) {
		(void)snprintf(name, sizeof name, "torn.%lld.%d",
			       (long long)now, n);
		err = os->open(os->ctx, dir, name, STORAGE_CREATE, &fd);
	}
	if (err == YB_OK) {
		err = files_copy(os, ld->l->log_fd, ld->bad.at,
				 ld->size - ld->bad.at, fd, 0);
		if (err == YB_OK)
			err = os->sync(os->ctx, fd);
		os->close(os->ctx, fd);
		if (err == YB_OK)
			err = os->sync_folder(os->ctx, dir);
		else /* half a copy is of no use */
			(void)os->remove(os->ctx, dir, name, false);
	}
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
