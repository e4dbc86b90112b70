#include "store/journal_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/num.h"
#include "os/clock.h"
#include "os/random.h"

/* "YUBINJNL" and "YJNE" as they stand in the file. */
#define HEAD_MAGIC  0x4c4e4a4e49425559ull
#define ENTRY_MAGIC 0x454e4a59u

enum {
	HEAD_SIZE = 64,
	MAJOR = 1,
	FILL_CHUNK = 256 * 1024,
};

/* ---- octets ---- */

static void head_encode(const struct journal_file *j, uint8_t dst[HEAD_SIZE])
{
	memset(dst, 0, HEAD_SIZE);
	put_le64(dst, HEAD_MAGIC);
	put_le16(dst + 8, MAJOR);
	put_le64(dst + 16, j->key);
	put_le64(dst + 24, j->half);
	put_le64(dst + 56, log_sum(span_of(dst, 56), 0));
}

static enum yb_err head_decode(const uint8_t src[HEAD_SIZE],
			       struct journal_file *j)
{
	if (get_le64(src) != HEAD_MAGIC ||
	    get_le64(src + 56) != log_sum(span_of(src, 56), 0))
		return YB_CORRUPT;
	if (get_le16(src + 8) != MAJOR)
		return YB_VERSION;
	j->key = get_le64(src + 16);
	j->half = get_le64(src + 24);
	return YB_OK;
}

/* An entry is believed only at its place: what an older batch left behind,
 * or a sender wrote into a body, is none. */
static uint64_t entry_sum(const struct journal_file *j, uint64_t pos,
			  const uint8_t *src)
{
	uint8_t place[8];

	put_le64(place, pos);
	return log_sum(span_of(src, JOURNAL_ENTRY_SIZE - 8),
		       log_sum(span_of(place, sizeof place), j->key));
}

void journal_entry_encode(const struct journal_file *j, uint64_t pos,
			  struct journal_entry *e, const uint8_t *octets,
			  uint8_t dst[JOURNAL_ENTRY_SIZE])
{
	e->sum = log_sum(span_of(octets, e->n), j->key);
	memset(dst, 0, JOURNAL_ENTRY_SIZE);
	put_le32(dst, ENTRY_MAGIC);
	put_le32(dst + 4, e->place.mailbox);
	memcpy(dst + 8, e->place.account.octets, 16);
	memcpy(dst + 24, e->log_id, 16);
	put_le64(dst + 40, e->generation);
	put_le64(dst + 48, e->epoch);
	put_le64(dst + 56, e->at);
	put_le64(dst + 64, e->n);
	put_le64(dst + 72, e->sum);
	put_le64(dst + 88, entry_sum(j, pos, dst));
}

static bool entry_decode(const struct journal_file *j, uint64_t pos,
			 const uint8_t src[JOURNAL_ENTRY_SIZE],
			 struct journal_entry *ret)
{
	if (get_le32(src) != ENTRY_MAGIC ||
	    get_le64(src + 88) != entry_sum(j, pos, src))
		return false;
	*ret = (struct journal_entry){
		.place.mailbox = get_le32(src + 4),
		.generation = get_le64(src + 40),
		.epoch = get_le64(src + 48),
		.at = get_le64(src + 56),
		.n = get_le64(src + 64),
		.sum = get_le64(src + 72),
	};
	memcpy(ret->place.account.octets, src + 8, 16);
	memcpy(ret->log_id, src + 24, 16);
	return true;
}

/* ---- making it ---- */

static enum yb_err fill(const struct journal_file *j)
{
	const struct os_storage *os = j->os;
	AUTO_FREE uint8_t *zeros = calloc(1, FILL_CHUNK);
	uint64_t at = 0, end = journal_half_at(j, JOURNAL_HALVES);
	uint8_t head[HEAD_SIZE];
	struct iovec iov = { .iov_base = zeros };
	enum yb_err err = YB_OK;

	if (zeros == NULL)
		return YB_NOMEM;
	while (err == YB_OK && at < end) {
		iov.iov_len = end - at < FILL_CHUNK ? end - at : FILL_CHUNK;
		err = os->write(os->ctx, j->fd, &iov, 1, at);
		at += iov.iov_len;
	}
	head_encode(j, head);
	iov = (struct iovec){ head, sizeof head };
	if (err == YB_OK)
		err = os->write(os->ctx, j->fd, &iov, 1, 0);
	return err == YB_OK ? os->sync(os->ctx, j->fd) : err;
}

enum yb_err journal_make(const struct files *f, uint64_t half,
			 struct journal_file *ret)
{
	const struct os_storage *os = f->os;
	struct journal_file j = { .os = os, .fd = -1, .half = half };
	enum yb_err err =
		files_create_afresh(os, f->root, "journal.new", &j.fd);

	if (err != YB_OK)
		return err;
	os_random(&j.key, sizeof j.key);
	err = fill(&j);
	/* One that is there has something to say: it is never replaced. */
	if (err == YB_OK)
		err = os->rename(os->ctx, f->root, "journal.new", f->root,
				 "journal", false);
	if (err != YB_OK)
		(void)!os->remove(os->ctx, f->root, "journal.new", false);
	else
		/* Or what it holds would be lost with its name. */
		err = os->sync_folder(os->ctx, f->root);
	if (err == YB_OK)
		*ret = j;
	else
		os->close(os->ctx, j.fd);
	return err;
}

enum yb_err journal_remove(const struct files *f)
{
	const struct os_storage *os = f->os;
	enum yb_err err = os->remove(os->ctx, f->root, "journal", false);

	return err == YB_OK ? os->sync_folder(os->ctx, f->root) : err;
}

/* ---- reading it ---- */

/* `octets`: the entry's, for the call's time; an error ends the walk. */
typedef enum yb_err each_entry_fn(void *ctx, const struct journal_entry *e,
				  const uint8_t *octets);

struct walk {
	const struct journal_file *j;
	uint64_t pos, end;
	uint64_t epoch; /* 0: not known yet */
	uint8_t *octets;
	size_t cap;
};

/* Whether a good entry of the walk's epoch is at its place. */
static enum yb_err read_entry(struct walk *w, struct journal_entry *e,
			      bool *ret_good)
{
	const struct os_storage *os = w->j->os;
	uint8_t head[JOURNAL_ENTRY_SIZE];
	uint8_t *grown;
	size_t got;
	enum yb_err err;

	*ret_good = false;
	if (w->end - w->pos < JOURNAL_ENTRY_SIZE)
		return YB_OK;
	err = os->read(os->ctx, w->j->fd, head, sizeof head, w->pos, &got);
	if (err != YB_OK || got < sizeof head ||
	    !entry_decode(w->j, w->pos, head, e) ||
	    e->n > w->end - w->pos - JOURNAL_ENTRY_SIZE ||
	    (w->epoch != 0 && e->epoch != w->epoch))
		return err;
	if (e->n > w->cap) {
		grown = realloc(w->octets, e->n);
		if (grown == NULL)
			return YB_NOMEM;
		w->octets = grown;
		w->cap = e->n;
	}
	err = os->read(os->ctx, w->j->fd, w->octets, e->n,
		       w->pos + JOURNAL_ENTRY_SIZE, &got);
	*ret_good = err == YB_OK && got == e->n &&
		    log_sum(span_of(w->octets, e->n), w->j->key) == e->sum;
	return err;
}

/* The next entry, in this batch or at the start of the next one. */
static enum yb_err next_entry(struct walk *w, struct journal_entry *e,
			      bool *ret_good)
{
	uint64_t block =
		(w->pos + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK * JOURNAL_BLOCK;
	enum yb_err err = read_entry(w, e, ret_good);

	if (err == YB_OK && !*ret_good && block != w->pos && block < w->end) {
		w->pos = block;
		err = read_entry(w, e, ret_good);
	}
	return err;
}

/*
 * What stands behind the last good entry was never acknowledged: a batch is
 * begun only once the one before it is synced.
 */
static enum yb_err walk_half(const struct journal_file *j, unsigned half,
			     each_entry_fn *each, void *ctx)
{
	struct walk w = { .j = j,
			  .pos = journal_half_at(j, half),
			  .end = journal_half_at(j, half + 1) };
	struct journal_entry e;
	bool good = true;
	enum yb_err err = YB_OK;

	while (err == YB_OK && good) {
		err = next_entry(&w, &e, &good);
		if (err != YB_OK || !good)
			break;
		w.epoch = e.epoch;
		w.pos += journal_entry_size(e.n);
		err = each(ctx, &e, w.octets);
	}
	free(w.octets);
	return err;
}

static enum yb_err note_epoch(void *ctx, const struct journal_entry *e,
			      const uint8_t *octets)
{
	(void)octets;
	*(uint64_t *)ctx = e->epoch;
	return YB_NOT_FOUND; /* enough seen */
}

/* Older octets first: a log's later ones lie behind them. */
static enum yb_err walk_all(const struct journal_file *j, each_entry_fn *each,
			    void *ctx)
{
	uint64_t epochs[JOURNAL_HALVES] = { 0 };
	unsigned first;
	enum yb_err err;

	for (unsigned i = 0; i < JOURNAL_HALVES; i++) {
		err = walk_half(j, i, note_epoch, &epochs[i]);
		if (err != YB_OK && err != YB_NOT_FOUND)
			return err;
	}
	first = epochs[0] > epochs[1];
	err = walk_half(j, first, each, ctx);
	return err == YB_OK ? walk_half(j, !first, each, ctx) : err;
}

/* ---- one log, from a journal in use ---- */

struct restoring {
	const struct os_storage *os;
	const struct store_place *place;
	uint64_t generation;
	int fd;
};

static enum yb_err restore_entry(void *ctx, const struct journal_entry *e,
				 const uint8_t *octets)
{
	const struct restoring *r = ctx;
	struct iovec iov = { (void *)(uintptr_t)octets, e->n };

	if (e->generation != r->generation ||
	    memcmp(&e->place, r->place, sizeof *r->place) != 0)
		return YB_OK;
	return r->os->write(r->os->ctx, r->fd, &iov, 1, e->at);
}

enum yb_err journal_restore(const struct journal_file *j,
			    const struct store_place *place,
			    uint64_t generation, int fd)
{
	struct restoring r = { j->os, place, generation, fd };

	return walk_all(j, restore_entry, &r);
}

/* ---- all logs, after a crash ---- */

struct recovery {
	const struct files *f;
	struct map logs; /* touched: struct store_place, the keys and values */
	struct buf *reports;
	uint64_t put;  /* entries that are in their logs now */
	uint64_t left; /* entries that could not be put there */
};

/* The log that the entry is meant for; NOT_FOUND if that is no more. */
static enum yb_err open_log(const struct files *f,
			    const struct journal_entry *e, int *ret_fd)
{
	const struct os_storage *os = f->os;
	uint8_t octets[LOG_HEAD_SIZE];
	char path[FILES_PATH_MAX];
	struct log_head head;
	size_t got;
	int fd;
	enum yb_err err;

	files_path(&e->place, "log", path);
	err = os->open(os->ctx, f->root, path, STORAGE_WRITE, &fd);
	if (err != YB_OK)
		return err;
	err = os->read(os->ctx, fd, octets, sizeof octets, 0, &got);
	if (err == YB_OK && got < sizeof octets)
		err = YB_CORRUPT;
	if (err == YB_OK)
		err = log_head_decode(octets, &head);
	/* I9: a newer generation has all that this one had, and was synced. */
	if (err == YB_OK && (head.generation != e->generation ||
			     memcmp(head.id, e->log_id, sizeof head.id) != 0))
		err = YB_NOT_FOUND;
	if (err == YB_OK)
		*ret_fd = fd;
	else
		os->close(os->ctx, fd);
	return err;
}

/*
 * I1: octets go only where nothing else is. A record that is whole and not
 * the entry's was written by somebody who did not know of the journal; and
 * behind a gap nothing of this generation can ever have been.
 */
static enum yb_err may_write(const struct os_storage *os, int fd,
			     const struct journal_entry *e,
			     const uint8_t *octets)
{
	uint8_t found[LOG_RECORD_SIZE];
	struct log_record record;
	struct log_keys keys;
	uint64_t size;
	size_t got;
	enum yb_err err = os->size(os->ctx, fd, &size);

	if (err == YB_OK && size < e->at)
		return YB_CORRUPT;
	if (err == YB_OK)
		err = os->read(os->ctx, fd, found, sizeof found, e->at, &got);
	if (err != YB_OK || got < sizeof found || e->n < sizeof found)
		return err;
	log_keys_init(&keys, e->log_id);
	if (log_record_decode(&keys, e->at, found, &record) &&
	    memcmp(found, octets, sizeof found) != 0)
		return YB_EXISTS;
	return YB_OK;
}

static enum yb_err put_octets(struct recovery *r, const struct journal_entry *e,
			      const uint8_t *octets)
{
	const struct os_storage *os = r->f->os;
	struct iovec iov = { (void *)(uintptr_t)octets, e->n };
	int fd;
	enum yb_err err = open_log(r->f, e, &fd);

	if (err != YB_OK)
		return err;
	err = may_write(os, fd, e, octets);
	/* Also if they are there: what was only read is not certain to reach
	 * the disk with a sync, if one that failed went before. */
	if (err == YB_OK)
		err = os->write(os->ctx, fd, &iov, 1, e->at);
	r->put += err == YB_OK;
	os->close(os->ctx, fd);
	return err;
}

/* Its log is to be synced, once. */
static enum yb_err note_log(struct recovery *r, const struct journal_entry *e)
{
	struct span key = span_of(&e->place, sizeof e->place);
	struct journal_entry *copy;
	enum yb_err err;

	if (map_get(&r->logs, key) != NULL)
		return YB_OK;
	copy = malloc(sizeof *copy);
	if (copy == NULL)
		return YB_NOMEM;
	*copy = *e;
	err = map_put(&r->logs, key, copy);
	if (err != YB_OK)
		free(copy);
	return err;
}

static enum yb_err recover_entry(void *ctx, const struct journal_entry *e,
				 const uint8_t *octets)
{
	struct recovery *r = ctx;
	enum yb_err err = put_octets(r, e, octets);

	if (err == YB_OK)
		err = note_log(r, e);
	/* Removed, compacted, or made anew since. */
	if (err == YB_NOT_FOUND)
		return YB_OK;
	if (err == YB_OK || err == YB_NOMEM || err == YB_READ_ONLY ||
	    err == YB_FULL)
		return err;
	r->left++;
	return YB_OK;
}

static enum yb_err sync_logs(struct recovery *r)
{
	const struct os_storage *os = r->f->os;
	struct journal_entry *e;
	size_t at = 0;

	while ((e = map_next(&r->logs, &at)) != NULL) {
		int fd;
		enum yb_err err = open_log(r->f, e, &fd);

		if (err == YB_OK) {
			err = os->sync(os->ctx, fd);
			os->close(os->ctx, fd);
		}
		r->left += err != YB_OK;
		free(e);
	}
	map_done(&r->logs);
	return YB_OK;
}

static enum yb_err set_aside(const struct recovery *r)
{
	const struct os_storage *os = r->f->os;
	char name[48];

	(void)snprintf(name, sizeof name, "journal.kept.%lld",
		       (long long)(clock_real_ns() / 1000000000));
	(void)buf_addf(r->reports,
		       "%llu parts of logs could not be brought out of the "
		       "journal, which is kept as %s\n",
		       (unsigned long long)r->left, name);
	return os->rename(os->ctx, r->f->root, "journal", r->f->root, name,
			  false);
}

/* Reads its header; CORRUPT if it is no journal. */
static enum yb_err open_journal(const struct files *f, struct journal_file *j)
{
	const struct os_storage *os = f->os;
	uint8_t head[HEAD_SIZE];
	uint64_t size = 0;
	size_t got;
	enum yb_err err =
		os->open(os->ctx, f->root, "journal", STORAGE_READ, &j->fd);

	if (err != YB_OK)
		return err;
	j->os = os;
	err = os->read(os->ctx, j->fd, head, sizeof head, 0, &got);
	if (err == YB_OK && got < sizeof head)
		err = YB_CORRUPT;
	if (err == YB_OK)
		err = head_decode(head, j);
	if (err == YB_OK)
		err = os->size(os->ctx, j->fd, &size);
	if (err == YB_OK && (j->half == 0 || j->half % JOURNAL_BLOCK != 0 ||
			     size < JOURNAL_BLOCK ||
			     j->half > (size - JOURNAL_BLOCK) / JOURNAL_HALVES))
		err = YB_CORRUPT;
	if (err != YB_OK)
		os->close(os->ctx, j->fd);
	return err;
}

enum yb_err journal_recover(const struct files *f, struct buf *reports)
{
	struct recovery r = { .f = f, .reports = reports };
	struct journal_file j = { .fd = -1 };
	enum yb_err err = open_journal(f, &j);

	if (err == YB_NOT_FOUND)
		return YB_OK;
	if (err == YB_CORRUPT) {
		r.left = 1;
		return set_aside(&r);
	}
	if (err != YB_OK)
		return err;
	map_init(&r.logs, os_random_u64());
	err = walk_all(&j, recover_entry, &r);
	f->os->close(f->os->ctx, j.fd);
	(void)!sync_logs(&r);
	if (err != YB_OK)
		return err;
	if (r.put > 0)
		(void)buf_addf(reports,
			       "%llu parts of logs were brought out of the "
			       "journal after a crash\n",
			       (unsigned long long)r.put);
	return r.left > 0 ? set_aside(&r) : journal_remove(f);
}
