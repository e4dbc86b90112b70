#include "store/compact_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/clock.h"
#include "store/load_private.h"
#include "store/set_aside.h"

enum {
	/* Written at a time, and copied at a time of large messages. */
	COMPACT_CHUNK = 256 * 1024,
	/* Synced at a time, so that no sync has much to do. */
	COMPACT_SYNC = 1024 * 1024,
	COMPACT_REPORTS = 16 * 1024,
	/* What was set aside is kept so long. */
	COMPACT_ASIDE_DAYS = 30,
};

static const char new_log[] = "log.compact";
static const char new_index[] = "index.new";

void compact_init(struct compact *c, struct files *files,
		  const struct log_head *head, int from)
{
	*c = (struct compact){ .files = files,
			       .head = *head,
			       .from = from,
			       .dir = -1,
			       .fd = -1,
			       .index_fd = -1 };
	log_keys_init(&c->keys, head->id);
	index_table_init(&c->table, &c->keys);
	buf_init(&c->reports, COMPACT_REPORTS);
}

static void close_fd(const struct compact *c, int *fd)
{
	if (*fd >= 0)
		c->files->os->close(c->files->os->ctx, *fd);
	*fd = -1;
}

void compact_done(struct compact *c)
{
	close_fd(c, &c->dir);
	close_fd(c, &c->fd);
	close_fd(c, &c->index_fd);
	index_table_done(&c->table);
	buf_done(&c->reports);
	free(c->out);
	c->out = NULL;
}

void compact_report(struct compact *c, const char *format, ...)
{
	char path[FILES_PATH_MAX], text[160];
	va_list args;

	files_path(&c->head.place, NULL, path);
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* What does not fit is told by the lines that did. */
	(void)!buf_addf(&c->reports, "mailbox %s: %s\n", path, text);
}

/* ---- writing ---- */

static enum yb_err sync_new(struct compact *c)
{
	const struct os_storage *os = c->files->os;
	enum yb_err err = YB_OK;

	if (c->synced < c->tail)
		err = os->sync(os->ctx, c->fd);
	if (err == YB_OK)
		c->synced = c->tail;
	return err;
}

static enum yb_err flush(struct compact *c)
{
	const struct os_storage *os = c->files->os;
	struct iovec iov = { c->out, c->out_n };
	uint64_t began = c->began_ns;
	enum yb_err err;

	if (atomic_load(&c->files->stopping))
		return YB_GONE;
	if (c->out_n == 0)
		return YB_OK;
	err = os->write(os->ctx, c->fd, &iov, 1, c->tail - c->out_n);
	c->out_n = 0;
	if (err == YB_OK && c->tail - c->synced >= COMPACT_SYNC)
		err = sync_new(c);
	/* As long as this took, the disk is left alone. */
	if (c->slowly)
		clock_sleep_ns(clock_mono_ns() - began);
	c->began_ns = clock_mono_ns();
	return err;
}

/* Room for `n` octets, at most COMPACT_CHUNK; they count as written. */
static enum yb_err put_room(struct compact *c, size_t n, uint8_t **ret)
{
	if (c->out_n + n > COMPACT_CHUNK) {
		enum yb_err err = flush(c);

		if (err != YB_OK)
			return err;
	}
	*ret = c->out + c->out_n;
	c->out_n += n;
	c->tail += n;
	return YB_OK;
}

static enum yb_err put(struct compact *c, const void *p, size_t n)
{
	while (n > 0) {
		size_t step = n < COMPACT_CHUNK ? n : COMPACT_CHUNK;
		uint8_t *to;
		enum yb_err err = put_room(c, step, &to);

		if (err != YB_OK)
			return err;
		memcpy(to, p, step);
		p = (const uint8_t *)p + step;
		n -= step;
	}
	return YB_OK;
}

static enum yb_err put_padding(struct compact *c)
{
	static const uint8_t zeros[LOG_ALIGN];

	return put(c, zeros, log_align(c->tail) - c->tail);
}

/* Octets of the old log. */
static enum yb_err put_old(struct compact *c, uint64_t at, uint64_t n)
{
	const struct os_storage *os = c->files->os;

	while (n > 0) {
		size_t step = n < COMPACT_CHUNK ? (size_t)n : COMPACT_CHUNK;
		size_t got = 0;
		uint8_t *to;
		enum yb_err err = put_room(c, step, &to);

		if (err == YB_OK)
			err = os->read(os->ctx, c->from, to, step, at, &got);
		if (err == YB_OK && got < step)
			err = YB_IO;
		if (err != YB_OK)
			return err;
		at += step;
		n -= step;
	}
	return YB_OK;
}

enum yb_err compact_put_record(struct compact *c, const struct log_record *r,
			       const void *body, uint64_t body_at)
{
	uint8_t head[LOG_RECORD_SIZE];
	uint64_t at = c->tail;
	uint64_t sum = log_record_encode(&c->keys, at, r, head);
	enum yb_err err = put(c, head, sizeof head);

	if (err == YB_OK)
		err = body != NULL ? put(c, body, log_body_size(r))
				   : put_old(c, body_at, log_body_size(r));
	if (err == YB_OK)
		err = put_padding(c);
	if (err == YB_OK)
		index_table_note(&c->table, r, at, sum);
	return err;
}

/* ---- the index ---- */

/* Whether it comes to be or not, mail is there (I5). */
static void write_index(struct compact *c, size_t first)
{
	const struct os_storage *os = c->files->os;
	struct index_range range = { first, c->table.count };

	if (c->index_fd >= 0 &&
	    index_write_entries(os, c->index_fd, &c->table, range) != YB_OK)
		close_fd(c, &c->index_fd);
}

static void finish_index(struct compact *c)
{
	const struct os_storage *os = c->files->os;
	struct index_head head = { .generation = c->head.generation,
				   .covers_upto = c->tail,
				   .durable_upto = c->tail };

	memcpy(head.log_id, c->head.id, sizeof head.log_id);
	if (c->index_fd >= 0 &&
	    (index_write_head(os, c->index_fd, &head, &c->table) != YB_OK ||
	     os->rename(os->ctx, c->dir, new_index, c->dir, "index", true) !=
		     YB_OK)) {
		close_fd(c, &c->index_fd);
		(void)os->remove(os->ctx, c->dir, new_index, false);
	}
}

/* ---- the steps ---- */

static enum yb_err open_files(struct compact *c)
{
	const struct os_storage *os = c->files->os;
	uint8_t octets[LOG_HEAD_SIZE];
	enum yb_err err;

	c->out = malloc(COMPACT_CHUNK);
	if (c->out == NULL)
		return YB_NOMEM;
	err = files_open_folder(c->files, &c->head.place, &c->dir);
	if (err == YB_OK)
		err = files_create_afresh(os, c->dir, new_log, &c->fd);
	if (err != YB_OK)
		return err;
	if (files_create_afresh(os, c->dir, new_index, &c->index_fd) != YB_OK)
		c->index_fd = -1;
	log_head_encode(&c->head, octets);
	return put(c, octets, sizeof octets);
}

enum yb_err compact_begin(struct compact *c, uint64_t upto)
{
	enum yb_err err;

	c->began_ns = clock_mono_ns();
	if (c->now_s > 0)
		compact_clean(c->files, &c->head.place, c->now_s, &c->reports);
	err = open_files(c);
	if (err == YB_OK)
		err = compact_copy(c, upto);
	if (err == YB_OK)
		err = flush(c);
	if (err == YB_OK)
		err = sync_new(c);
	if (err != YB_OK)
		return err;
	/* What was given and is gone was given even so (I4). */
	if (c->table.last_seq < c->old_seq)
		c->table.last_seq = c->old_seq;
	write_index(c, 0);
	c->done = upto;
	return YB_OK;
}

struct following {
	struct compact *c;
	struct load load;
	struct loaded loaded;
	size_t entries;
};

/* A record of the old log's end, which has changed the table already. */
static enum yb_err follow_item(void *ctx, const struct scan_item *item)
{
	struct following *w = ctx;
	struct compact *c = w->c;
	struct index_table *t = &w->loaded.table;
	uint64_t at = c->tail;
	enum yb_err err;

	/* What it brings back may have been left behind. */
	if (item->kind == SCAN_BAD || item->record.type == LOG_UNDELETE)
		return YB_AGAIN;
	c->old_seq = item->record.seq;
	err = compact_put_record(c, &item->record, NULL,
				 item->at + LOG_RECORD_SIZE);
	if (err == YB_OK && t->count > w->entries)
		index_table_place(t, t->count - 1,
				  at + LOG_RECORD_SIZE +
					  item->record.extras_size);
	w->entries = t->count;
	return err;
}

enum yb_err compact_follow(struct compact *c, uint64_t upto)
{
	struct following w = { .c = c, .entries = c->table.count };
	size_t changed = c->table.count;
	uint64_t last_at, last_sum;
	enum yb_err err;

	if (upto <= c->done)
		return YB_OK;
	loaded_init(&w.loaded);
	w.load = (struct load){ .f = c->files,
				.os = c->files->os,
				.place = &c->head.place,
				.l = &w.loaded,
				.keys = c->keys,
				.size = upto,
				.from = c->done,
				.changed = changed,
				.seen = follow_item,
				.seen_ctx = &w };
	w.loaded.log_fd = c->from;
	w.loaded.table = c->table;
	err = load_scan(&w.load);
	/* compact_put_record() has noted where the new ones are. */
	last_at = c->table.last_at;
	last_sum = c->table.last_sum;
	c->table = w.loaded.table;
	c->table.last_at = last_at;
	c->table.last_sum = last_sum;
	index_table_init(&w.loaded.table, &c->keys);
	w.loaded.log_fd = -1;
	if (w.load.has_bad && err == YB_OK)
		err = YB_AGAIN;
	changed = w.load.changed;
	loaded_done(&w.loaded, c->files->os);
	if (err == YB_OK)
		err = flush(c);
	if (err == YB_OK)
		err = sync_new(c);
	if (err != YB_OK)
		return err;
	write_index(c, changed);
	c->done = upto;
	return YB_OK;
}

enum yb_err compact_switch(struct compact *c, uint64_t upto)
{
	const struct os_storage *os = c->files->os;
	enum yb_err err;

	c->slowly = false; /* others wait for this */
	err = compact_follow(c, upto);
	if (err != YB_OK)
		return err;
	c->name = COMPACT_UNSURE;
	err = os->rename(os->ctx, c->dir, new_log, c->dir, "log", true);
	if (err != YB_OK)
		return err;
	c->name = COMPACT_NEW;
	err = os->sync_folder(os->ctx, c->dir);
	if (err == YB_OK)
		finish_index(c);
	return err;
}

void compact_drop(struct compact *c)
{
	const struct os_storage *os = c->files->os;

	close_fd(c, &c->fd);
	close_fd(c, &c->index_fd);
	if (c->dir < 0)
		return;
	(void)os->remove(os->ctx, c->dir, new_log, false);
	(void)os->remove(os->ctx, c->dir, new_index, false);
}

/* ---- what lies about ---- */

struct cleaning {
	const struct os_storage *os;
	const struct store_place *place;
	int dir;
	int64_t before_s;
	struct buf *reports;
};

static enum yb_err clean_name(void *ctx, const char *name)
{
	struct cleaning *w = ctx;
	char path[FILES_PATH_MAX];
	int64_t when;

	if (strcmp(name, new_log) == 0 || strcmp(name, new_index) == 0) {
		(void)w->os->remove(w->os->ctx, w->dir, name, false);
		return YB_OK;
	}
	if (!set_aside_when(name, &when) || when >= w->before_s ||
	    w->os->remove(w->os->ctx, w->dir, name, false) != YB_OK)
		return YB_OK;
	files_path(w->place, name, path);
	(void)!buf_addf(w->reports,
			"%s is removed: it was set aside more than %d days "
			"ago\n",
			path, COMPACT_ASIDE_DAYS);
	return YB_OK;
}

void compact_clean(const struct files *f, const struct store_place *place,
		   int64_t now_s, struct buf *reports)
{
	struct cleaning w = {
		.os = f->os,
		.place = place,
		.before_s = now_s - (int64_t)COMPACT_ASIDE_DAYS * 86400,
		.reports = reports,
	};

	if (files_open_folder(f, place, &w.dir) != YB_OK)
		return;
	(void)!f->os->list(f->os->ctx, w.dir, clean_name, &w);
	f->os->close(f->os->ctx, w.dir);
}
