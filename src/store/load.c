#include "store/load.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "store/load_private.h"

/* What one load may report: enough to see what happened. */
enum { LOAD_REPORTS_MAX = 16 * 1024 };

/* What all torn tails of a log may have skipped: a million of a gigabyte. */
#define SEQ_SKIPS_MAX ((uint64_t)1 << 43)

void loaded_init(struct loaded *l)
{
	*l = (struct loaded){ .log_fd = -1, .index_fd = -1 };
	buf_init(&l->reports, LOAD_REPORTS_MAX);
}

void loaded_done(struct loaded *l, const struct os_storage *os)
{
	if (l->log_fd >= 0)
		os->close(os->ctx, l->log_fd);
	if (l->index_fd >= 0)
		os->close(os->ctx, l->index_fd);
	l->log_fd = l->index_fd = -1;
	index_table_done(&l->table);
	buf_done(&l->reports);
}

void load_report(struct load *ld, const char *format, ...)
{
	char path[FILES_PATH_MAX], text[160];
	va_list args;

	files_path(ld->place, NULL, path);
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* What does not fit is told by the lines that did. */
	(void)!buf_addf(&ld->l->reports, "mailbox %s: %s\n", path, text);
}

static enum yb_err open_file(struct load *ld, const char *name,
			     enum storage_how how, int *ret_fd)
{
	char path[FILES_PATH_MAX];

	files_path(ld->place, name, path);
	return ld->os->open(ld->os->ctx, ld->f->root, path, how, ret_fd);
}

/* ---- the log's header ---- */

static enum yb_err open_log(struct load *ld)
{
	struct loaded *l = ld->l;
	enum yb_err err = open_file(ld, "log", STORAGE_WRITE, &l->log_fd);
	int fd;

	if (err == YB_READ_ONLY) {
		l->read_only = true;
		err = open_file(ld, "log", STORAGE_READ, &l->log_fd);
	}
	/* A link, a FIFO, a file of somebody else's: never what we made. */
	if (err != YB_OK && err != YB_NOT_FOUND && err != YB_NOMEM)
		load_report(ld, "the log cannot be opened: %s", err_text(err));
	if (err != YB_NOT_FOUND)
		return err;
	l->absent = true;
	/* The index is made after the log's name is synced, so a log that is
	 * missing beside one was taken away. */
	if (open_file(ld, "index", STORAGE_READ, &fd) == YB_OK) {
		ld->os->close(ld->os->ctx, fd);
		load_report(ld, "the log is missing, though it has been there");
	}
	return YB_OK;
}

static enum yb_err read_head(struct load *ld)
{
	struct loaded *l = ld->l;
	uint8_t octets[LOG_HEAD_SIZE];
	size_t n;
	enum yb_err err = ld->os->size(ld->os->ctx, l->log_fd, &ld->size);

	if (err == YB_OK)
		err = ld->os->read(ld->os->ctx, l->log_fd, octets,
				   sizeof octets, 0, &n);
	if (err != YB_OK)
		return err;
	/* A log has its name only once its header is synced, so that a bad
	 * one is damage, never a power cut. */
	err = n < sizeof octets ? YB_CORRUPT
				: log_head_decode(octets, &l->head);
	if (err == YB_OK && (memcmp(&l->head.place.account, &ld->place->account,
				    sizeof ld->place->account) != 0 ||
			     l->head.place.mailbox != ld->place->mailbox))
		err = YB_CORRUPT;
	if (err == YB_VERSION)
		load_report(ld,
			    "the log is of format %u and this program knows "
			    "%u: use the version of Yubin that wrote it; "
			    "nothing was changed",
			    octets[8] | octets[9] << 8, LOG_MAJOR);
	else if (err != YB_OK)
		load_report(ld, "the log's header is damaged, or that of "
				"another mailbox");
	if (err != YB_OK)
		return err;
	if (l->head.incompat != 0 || l->head.ro_compat != 0) {
		l->read_only = true;
		load_report(ld,
			    "a newer program wrote the log "
			    "(%" PRIx32 ", %" PRIx32 "); it can only be read",
			    l->head.incompat, l->head.ro_compat);
	}
	log_keys_init(&ld->keys, l->head.id);
	return YB_OK;
}

/* ---- what the index is worth ---- */

static void start_table(struct load *ld)
{
	struct index_table *t = &ld->l->table;

	index_table_init(t, &ld->keys);
	ld->from = LOG_HEAD_SIZE;
	ld->changed = 0;
}

/*
 * Between the end of its last record and its own end an index passes over
 * damage, but over no record: that would be shown no more, and its uid given
 * again.
 */
static enum yb_err check_gap(struct load *ld, uint64_t from, uint64_t seq,
			     uint64_t upto)
{
	struct log_scan scan;
	struct scan_item item = { .kind = SCAN_BAD };
	enum yb_err err = log_scan_init(&scan, ld->os, ld->l->log_fd, &ld->keys,
					from, ld->size, seq);

	while (err == YB_OK && item.kind == SCAN_BAD)
		err = log_scan_next(&scan, &item);
	log_scan_done(&scan);
	if (err != YB_OK)
		return err;
	return item.kind == SCAN_RECORD && item.at < upto ? YB_CORRUPT : YB_OK;
}

/*
 * The last record that the index knows has to be there in the log: that
 * tells an index of this log from one of a copy that went its own way. What
 * was given last is taken from the log, never from the index alone.
 */
static enum yb_err check_last(struct load *ld, const struct index_head *head)
{
	struct index_table *t = &ld->l->table;
	uint64_t at = head->totals.last_at, end = LOG_HEAD_SIZE;
	uint64_t covers = log_align(head->covers_upto);
	uint64_t known = ld->l->head.next_seq;
	uint8_t octets[LOG_RECORD_SIZE];
	struct log_record record = { .seq = 0 };
	size_t n;
	enum yb_err err;

	if (t->last_uid > LOG_UID_MAX || (at == 0 && t->count > 0))
		return YB_CORRUPT;
	if (at != 0) {
		err = ld->os->read(ld->os->ctx, ld->l->log_fd, octets,
				   sizeof octets, at, &n);
		if (err != YB_OK)
			return err;
		if (n < sizeof octets ||
		    !log_record_decode(&ld->keys, at, octets, &record) ||
		    log_record_sum(octets) != head->totals.last_sum)
			return YB_CORRUPT;
		end = at + log_record_size(&record);
	}
	if (record.seq > t->last_seq)
		t->last_seq = record.seq;
	if (record.uid > t->last_uid)
		t->last_uid = record.uid;
	/* Torn tails skip some; who says more wants an end of them. */
	if (t->last_seq >= LOG_SEQ_MAX ||
	    t->last_seq > known + record.seq + SEQ_SKIPS_MAX)
		return YB_CORRUPT;
	if (covers <= end)
		return covers < end ? YB_CORRUPT : YB_OK;
	return check_gap(ld, end, record.seq, head->covers_upto);
}

/*
 * Whether every entry lies within what the index covers, and their numbers
 * rise, to none that could still be given: a compaction takes them over.
 */
static bool entries_fit(const struct index_table *t, uint64_t upto)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct index_entry *e = &t->entries[i];

		if (e->offset > upto || e->wire_size > upto - e->offset ||
		    e->wire_size < 3 || e->dots > e->wire_size - 3 ||
		    e->header_size > e->wire_size - 3 || e->uid > t->last_uid ||
		    e->seq > t->last_seq || e->gone_seq > t->last_seq ||
		    (i > 0 && (e->uid <= t->entries[i - 1].uid ||
			       e->seq <= t->entries[i - 1].seq)))
			return false;
	}
	return true;
}

static enum yb_err use_index(struct load *ld, const struct index_head *head)
{
	struct index_table *t = &ld->l->table;
	enum yb_err err;

	/* Of another account, another log, another generation. */
	if (memcmp(head->log_id, ld->l->head.id, sizeof head->log_id) != 0 ||
	    head->generation != ld->l->head.generation)
		return YB_CORRUPT;
	if (head->covers_upto > ld->size || head->durable_upto > ld->size ||
	    head->covers_upto < LOG_HEAD_SIZE) {
		load_report(ld,
			    "the log ends at %" PRIu64
			    ", but was synced up to %" PRIu64,
			    ld->size, head->durable_upto);
		return YB_CORRUPT;
	}
	err = index_read_entries(ld->os, ld->l->index_fd, head, t);
	/* The header has a sum of its own: what it says of syncs holds even
	 * if a power cut tore the entries. */
	if (err == YB_CORRUPT || err == YB_OK) {
		ld->index_lost = false;
		ld->durable = head->durable_upto;
	}
	if (err == YB_OK) {
		err = check_last(ld, head);
		if (err == YB_OK && !entries_fit(t, head->covers_upto))
			err = YB_CORRUPT;
		if (err == YB_OK) {
			ld->from = head->covers_upto;
			ld->changed = t->count;
			return YB_OK;
		}
		/* It is the index of another history of this log. */
		ld->index_lost = true;
		ld->durable = UINT64_MAX;
	}
	index_table_done(t);
	start_table(ld);
	return err;
}

/* Threat 56: it costs nothing but time, yet somebody should know. An empty one
 * was just begun when the power went. */
static void tell_index(struct load *ld)
{
	uint64_t size = 0;

	if (ld->os->size(ld->os->ctx, ld->l->index_fd, &size) == YB_OK &&
	    size > 0)
		load_report(ld, "the index is torn, damaged or of another log: "
				"it is made anew");
}

/* Fails with NOMEM only: whatever the index is, the log is the truth (I5). */
static enum yb_err read_index(struct load *ld)
{
	size_t told = ld->l->reports.n;
	struct index_head head;
	enum yb_err err;

	ld->index_lost = true;
	ld->durable = UINT64_MAX;
	start_table(ld);
	err = open_file(ld, "index",
			ld->l->read_only ? STORAGE_READ : STORAGE_WRITE,
			&ld->l->index_fd);
	if (err == YB_OK)
		err = index_read_head(ld->os, ld->l->index_fd, &head);
	if (err == YB_OK)
		err = use_index(ld, &head);
	if (err == YB_CORRUPT && ld->l->reports.n == told)
		tell_index(ld);
	return err == YB_NOMEM ? err : YB_OK;
}

/*
 * I2: nothing above `durable` is shown before a sync. I11: if that fails,
 * the same descriptor is not synced again; what was read is good by its
 * sums, and is copied into a new generation.
 */
static enum yb_err make_durable(struct load *ld)
{
	const struct os_storage *os = ld->os;
	struct loaded *l = ld->l;
	struct log_head head = l->head;
	enum yb_err err = YB_OK;
	int fd;

	/* Without an index nothing says that the names were ever synced. */
	if (ld->index_lost)
		err = files_sync_names(ld->f, ld->place);
	if (err != YB_OK)
		return err;
	if (!ld->distrust && !ld->index_lost && ld->size <= ld->durable)
		return YB_OK;
	if (!ld->distrust && os->sync(os->ctx, l->log_fd) == YB_OK)
		return YB_OK;
	if (l->read_only)
		return YB_IO;
	head.generation++;
	err = files_make_log(ld->f, &head, l->log_fd,
			     l->tail < ld->size ? l->tail : ld->size, &fd);
	if (err != YB_OK)
		return err;
	load_report(ld,
		    "a sync of the log had failed; it was copied to "
		    "generation %" PRIu64 " (%" PRIu64 " octets)",
		    head.generation, l->tail);
	os->close(os->ctx, l->log_fd);
	l->log_fd = fd;
	l->head = head;
	return YB_OK;
}

/* ---- the index anew ---- */

void load_make_index(const struct files *f, const struct store_place *place,
		     const struct index_head *head, const struct index_table *t,
		     int *ret_fd)
{
	const struct os_storage *os = f->os;
	int dir, fd = -1;
	enum yb_err err;

	*ret_fd = -1;
	if (files_open_folder(f, place, &dir) != YB_OK)
		return;
	/* Whatever has the name is not an index of this log. */
	(void)os->remove(os->ctx, dir, "index", false);
	err = os->open(os->ctx, dir, "index", STORAGE_CREATE, &fd);
	if (err == YB_OK)
		err = index_write_entries(os, fd, t,
					  (struct index_range){ 0, t->count });
	if (err == YB_OK)
		err = index_write_head(os, fd, head, t);
	if (err != YB_OK && fd >= 0) {
		os->close(os->ctx, fd);
		(void)os->remove(os->ctx, dir, "index", false);
	} else {
		*ret_fd = fd;
	}
	os->close(os->ctx, dir);
}

/* A failure costs the next opening a scan and nothing else (I5). */
static void write_index(struct load *ld)
{
	struct loaded *l = ld->l;
	const struct index_table *t = &l->table;
	struct index_head head = { .generation = l->head.generation,
				   .covers_upto = l->tail,
				   .durable_upto = l->tail };
	bool anew = ld->from == LOG_HEAD_SIZE || l->index_fd < 0;
	enum yb_err err;

	memcpy(head.log_id, l->head.id, sizeof head.log_id);
	/* Padding behind damage is not in the file yet. */
	if (head.durable_upto > ld->size)
		head.covers_upto = head.durable_upto = ld->size;
	if (!anew) {
		err = index_write_entries(
			ld->os, l->index_fd, t,
			(struct index_range){ ld->changed, t->count });
		if (err == YB_OK)
			err = index_write_head(ld->os, l->index_fd, &head, t);
		if (err == YB_OK)
			return;
	}
	if (l->index_fd >= 0)
		ld->os->close(ld->os->ctx, l->index_fd);
	l->index_fd = -1;
	load_make_index(ld->f, ld->place, &head, t, &l->index_fd);
}

enum yb_err mailbox_load(struct files *f, const struct store_place *place,
			 bool distrust, struct loaded *l)
{
	struct load ld = { .f = f,
			   .os = f->os,
			   .place = place,
			   .l = l,
			   .distrust = distrust };
	enum yb_err err = open_log(&ld);
	uint64_t generation;

	if (err != YB_OK || l->absent)
		return err;
	err = read_head(&ld);
	if (err == YB_OK)
		err = read_index(&ld);
	if (err == YB_OK)
		err = load_scan(&ld);
	if (err != YB_OK)
		return err;
	generation = l->head.generation;
	load_treat_tail(&ld);
	err = make_durable(&ld);
	if (err != YB_OK || l->read_only)
		return err;
	/* A mailbox opened in peace has its index as it should be. */
	if (ld.index_lost || ld.from < ld.size || ld.durable < ld.size ||
	    ld.has_bad || l->head.generation != generation)
		write_index(&ld);
	return YB_OK;
}
