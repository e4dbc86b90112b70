/*
 * Calls of the store that wait for their answers, for tests.
 */
#ifndef TESTS_STORE_STORE_HELP_H
#define TESTS_STORE_STORE_HELP_H

#include <poll.h>
#include <unistd.h>

#include "unit/unit.h"

#include "mime/listing.h"
#include "os/storage.h"
#include "store/store.h"

static inline struct store_place help_place(uint8_t account)
{
	struct store_place place = { .mailbox = STORE_INBOX };

	memset(place.account.octets, account, sizeof place.account.octets);
	return place;
}

struct help_answer {
	bool done;
	enum yb_err err;
	struct store_snapshot *snapshot;
	struct store_totals totals;
	struct store_change change;
};

static inline void help_wait(struct store *st, const bool *done)
{
	while (!*done) {
		struct pollfd p = { .fd = store_fd(st), .events = POLLIN };

		if (p.fd >= 0)
			assert_int_equal(poll(&p, 1, 20000), 1);
		store_run(st);
	}
}

static inline void help_on_done(void *ctx, enum yb_err err)
{
	struct help_answer *a = ctx;

	assert_false(a->done);
	a->done = true;
	a->err = err;
}

static inline void help_on_changed(void *ctx, enum yb_err err,
				   struct store_change change)
{
	((struct help_answer *)ctx)->change = change;
	help_on_done(ctx, err);
}

/* The outcome for all places must be one; that is `err`. */
static inline void help_on_delivered(void *ctx, const enum yb_err *errs,
				     size_t n)
{
	for (size_t i = 1; i < n; i++)
		assert_int_equal(errs[i], errs[0]);
	help_on_done(ctx, errs[0]);
}

static inline void help_on_opened(void *ctx, enum yb_err err,
				  struct store_snapshot *snapshot)
{
	((struct help_answer *)ctx)->snapshot = snapshot;
	help_on_done(ctx, err);
}

static inline void help_on_totals(void *ctx, enum yb_err err,
				  struct store_totals totals)
{
	((struct help_answer *)ctx)->totals = totals;
	help_on_done(ctx, err);
}

static inline enum yb_err help_deliver_to(struct store *st,
					  const struct store_place *places,
					  size_t n, const char *wire)
{
	struct help_answer a = { 0 };
	struct store_delivery d = { .mode = STORE_ALL_OR_NONE,
				    .places = places,
				    .places_n = n,
				    .wire = span_str(wire),
				    .fd = -1,
				    .received_ns = 1 };

	store_deliver(st, &d, help_on_delivered, &a);
	help_wait(st, &a.done);
	return a.err;
}

static inline enum yb_err
help_deliver(struct store *st, struct store_place place, const char *wire)
{
	return help_deliver_to(st, &place, 1, wire);
}

static inline enum yb_err help_open(struct store *st, struct store_place place,
				    struct store_snapshot **ret)
{
	struct help_answer a = { 0 };

	store_snapshot_open(st, place, STORE_MAIN_DEVICE, help_on_opened, &a);
	help_wait(st, &a.done);
	*ret = a.snapshot;
	return a.err;
}

static inline enum yb_err help_expunge(struct store *st,
				       struct store_snapshot *s, uint32_t first,
				       uint32_t last)
{
	struct help_answer a = { 0 };
	struct uid_range range = { first, last };

	store_expunge(s, NULL, &range, 1, help_on_changed, &a);
	help_wait(st, &a.done);
	return a.err;
}

static inline enum yb_err help_totals(struct store *st,
				      struct store_place place,
				      struct store_totals *ret)
{
	struct help_answer a = { 0 };

	store_totals(st, place, help_on_totals, &a);
	help_wait(st, &a.done);
	*ret = a.totals;
	return a.err;
}

static inline enum yb_err help_remove(struct store *st,
				      struct store_place place)
{
	struct help_answer a = { 0 };

	store_remove_account(st, place.account, help_on_done, &a);
	help_wait(st, &a.done);
	return a.err;
}

static inline struct listing help_listing(const struct store_snapshot *s)
{
	struct listing l;

	assert_ok(listing_view(store_snapshot_listing(s), &l));
	return l;
}

/* The wire form of row `i` as a string; free it. */
static inline char *help_read(const struct os_storage *os,
			      struct store_snapshot *s, uint32_t i)
{
	struct listing l = help_listing(s);
	size_t n = l.rows[i].wire_size, got;
	char *text = calloc(1, n + 1);
	int fd;

	assert_non_null(text);
	assert_ok(store_snapshot_log(s, &fd));
	assert_ok(os->read(os->ctx, fd, text, n, l.rows[i].offset, &got));
	assert_int_equal(got, n);
	return text;
}

/* What a mailbox holds now, all messages in a row; free it. */
static inline char *help_all(struct store *st, const struct os_storage *os,
			     struct store_place place)
{
	struct store_snapshot *s;
	char *all = calloc(1, 1);
	struct listing l;

	assert_ok(help_open(st, place, &s));
	l = help_listing(s);
	for (uint32_t i = 0; i < l.head->count; i++) {
		char *text = help_read(os, s, i);

		all = realloc(all, strlen(all) + strlen(text) + 1);
		assert_non_null(all);
		strcat(all, text);
		free(text);
	}
	store_snapshot_close(&s);
	return all;
}

static inline void help_expect(struct store *st, const struct os_storage *os,
			       struct store_place place, const char *want)
{
	char *all = help_all(st, os, place);

	assert_string_equal(all, want);
	free(all);
}

/* A store on `os`, its reports in `log` (or NULL), without threads. */
static inline struct store *help_store(const struct os_storage *os,
				       store_report_fn *report, void *ctx)
{
	struct store_config config = {
		.path = "/",
		.os = os,
		.undelete_days = 7,
		.report = report,
		.ctx = ctx,
	};
	struct store *st;

	assert_ok(store_open(&config, &st));
	return st;
}

/* The same whose every sync goes through the journal, once that is made. */
static inline struct store *help_journalled(const struct os_storage *os)
{
	struct store_config config = {
		.path = "/",
		.os = os,
		.undelete_days = 7,
		.journal_least = 1,
		.journal_octets = 16 * 1024,
		.journal_at_once = true,
	};
	struct store *st;

	assert_ok(store_open(&config, &st));
	return st;
}

#endif
