#include "store/scan.h"

#include <stdlib.h>

enum {
	/* As much as a worker reads at a time; stays in the cache. */
	SCAN_WINDOW = 256 * 1024,
	SCAN_WINDOW_MIN = 4096,
};

enum yb_err log_scan_init(struct log_scan *s, const struct os_storage *os,
			  int fd, const struct log_keys *keys, uint64_t at,
			  uint64_t size, uint64_t seq)
{
	uint64_t span = size > at ? size - at : 0;

	*s = (struct log_scan){
		.os = os,
		.fd = fd,
		.keys = keys,
		.at = log_align(at), /* an end within damage may be odd */
		.size = size,
		.seq = seq,
		.window_cap = span < SCAN_WINDOW_MIN ? SCAN_WINDOW_MIN
			      : span < SCAN_WINDOW   ? (size_t)span
						     : SCAN_WINDOW,
	};
	s->window = malloc(s->window_cap);
	s->summer = log_summer_new(keys);
	if (s->window == NULL || s->summer == NULL) {
		log_scan_done(s);
		return YB_NOMEM;
	}
	return YB_OK;
}

void log_scan_done(struct log_scan *s)
{
	free(s->window);
	s->window = NULL;
	log_summer_free(&s->summer);
}

enum yb_err log_scan_peek(struct log_scan *s, uint64_t at, size_t n,
			  const uint8_t **ret)
{
	enum yb_err err;

	*ret = NULL;
	if (n > s->window_cap || at > s->size || n > s->size - at)
		return YB_OK;
	if (at < s->window_at || at + n > s->window_at + s->window_n) {
		s->window_n = 0;
		err = s->os->read(s->os->ctx, s->fd, s->window, s->window_cap,
				  at, &s->window_n);
		if (err != YB_OK)
			return err;
		s->window_at = at;
		if (s->window_n < n)
			return YB_OK;
	}
	*ret = s->window + (at - s->window_at);
	return YB_OK;
}

/* The header at `at`, if a good one of a later record is there. */
static enum yb_err try_head(struct log_scan *s, uint64_t at,
			    struct scan_item *item, bool *ret_good)
{
	const uint8_t *p;
	enum yb_err err = log_scan_peek(s, at, LOG_RECORD_SIZE, &p);

	*ret_good = false;
	if (err != YB_OK || p == NULL)
		return err;
	*ret_good = log_record_decode(s->keys, at, p, &item->record) &&
		    item->record.seq > s->seq;
	if (*ret_good)
		item->head_sum = log_record_sum(p);
	return YB_OK;
}

/* Whether the body behind the header at `at` is whole. */
static enum yb_err check_body(struct log_scan *s, uint64_t at,
			      const struct log_record *record, bool *ret_good)
{
	uint64_t left = log_body_size(record);

	*ret_good = false;
	/* Padding that is missing at the end of the file is no loss. */
	if (LOG_RECORD_SIZE + left > s->size - at)
		return YB_OK;
	at += LOG_RECORD_SIZE;
	log_summer_reset(s->summer, s->keys);
	while (left > 0) {
		size_t n = left < s->window_cap ? (size_t)left : s->window_cap;
		const uint8_t *p;
		enum yb_err err = log_scan_peek(s, at, n, &p);

		if (err != YB_OK || p == NULL)
			return err;
		log_summer_add(s->summer, span_of(p, n));
		at += n;
		left -= n;
	}
	*ret_good = log_summer_end(s->summer) == record->body_sum;
	return YB_OK;
}

/*
 * The first good record behind `at`: a sender cannot make one up, since the
 * sums are seeded with the log's secret id and the offset.
 */
static enum yb_err find_next(struct log_scan *s, uint64_t at, uint64_t *ret_at)
{
	struct scan_item item;

	for (at += LOG_ALIGN; at < s->size; at += LOG_ALIGN) {
		bool good;
		enum yb_err err = try_head(s, at, &item, &good);

		if (err != YB_OK)
			return err;
		if (good) {
			*ret_at = at;
			return YB_OK;
		}
	}
	*ret_at = s->size;
	return YB_OK;
}

enum yb_err log_scan_next(struct log_scan *s, struct scan_item *ret)
{
	struct scan_item item = { .at = s->at, .end = s->at };
	bool good = false;
	enum yb_err err;

	if (s->at >= s->size) {
		item.kind = SCAN_END;
		*ret = item;
		return YB_OK;
	}
	err = try_head(s, s->at, &item, &item.has_head);
	if (err == YB_OK && item.has_head)
		err = check_body(s, s->at, &item.record, &good);
	if (err != YB_OK)
		return err;
	if (good) {
		item.kind = SCAN_RECORD;
		item.end = s->at + log_record_size(&item.record);
		s->seq = item.record.seq;
	} else {
		/* Even a good header's size is not to be stepped over by: if
		 * the rest never arrived, later records may stand where its
		 * body would have been. */
		item.kind = SCAN_BAD;
		err = find_next(s, s->at, &item.end);
		if (err != YB_OK)
			return err;
	}
	s->at = item.end;
	*ret = item;
	return YB_OK;
}
