/*
 * Plays a server for a dialog: rows of what the dialog must have said (its
 * output so far must end exactly there) and what is answered, in pieces of a
 * given size.
 */
#ifndef TESTS_UNIT_BENCH_TALK_H
#define TESTS_UNIT_BENCH_TALK_H

#include "unit/unit.h"

#include "base/cleanup.h"
#include "bench/dialog.h"

struct talk_row {
	const char *said; /* NULL: whatever it was */
	const char *answer;
};

struct talk {
	struct bench_plan plan;
	struct dialog_world world;
	struct dialog *d;
	uint64_t serial, tickets; /* next, and how many there are */
	unsigned began, timed, counted, secured, settled;
};

static inline bool talk_ticket(void *ctx, uint64_t *ret_serial)
{
	struct talk *t = ctx;

	if (t->serial >= t->tickets)
		return false;
	*ret_serial = t->serial++;
	return true;
}

static inline void talk_begin(struct talk *t, const char *name)
{
	t->plan.what = bench_case_find(name);
	assert_non_null(t->plan.what);
	assert_ok(pattern_parse("u%d", &t->plan.users));
	t->plan.accounts = 3;
	t->plan.password = "pass word";
	t->world = (struct dialog_world){ .ctx = t,
					  .ticket = talk_ticket,
					  .body = SPAN_LIT("b\r\n.\r\n"),
					  .date = "today" };
	if (t->d == NULL)
		assert_ok(dialog_new(t->plan.what->kind, &t->plan, &t->world,
				     &t->d));
	buf_clear(&t->d->out);
	t->d->tail = SPAN_NONE;
	t->d->wrong[0] = 0;
	t->d->secure = false;
	t->began = t->timed = t->counted = t->secured = 0;
	t->settled = 0;
	t->d->kind->begin(t->d, 1);
}

static inline void talk_said(struct talk *t, const char *want)
{
	struct span out = buf_span(&t->d->out);

	if (want != NULL && !span_eq(out, span_str(want)))
		fail_msg("said \"%.*s\", not \"%s\"", (int)out.n,
			 (const char *)out.p, want);
	buf_clear(&t->d->out);
	t->d->tail = SPAN_NONE;
}

/* Feeds one piece; false once something is wrong. */
static inline bool talk_feed(struct talk *t, struct span in)
{
	while (in.n > 0) {
		switch (t->d->kind->feed(t->d, &in)) {
		case DIALOG_MORE:
			assert_int_equal(in.n, 0);
			break;
		case DIALOG_BEGAN:
			t->began++;
			break;
		case DIALOG_TIMED:
			t->timed++;
			break;
		case DIALOG_COUNT:
			t->counted++;
			break;
		case DIALOG_SECURE:
			assert_int_equal(in.n, 0);
			t->secured++;
			t->d->secure = true;
			t->d->kind->secured(t->d);
			break;
		case DIALOG_SETTLED:
			t->settled++;
			break;
		case DIALOG_WRONG:
			assert_true(t->d->wrong[0] != 0);
			return false;
		}
	}
	return true;
}

/* Plays all rows with answers in pieces of `piece`; whether all was well. */
static inline bool talk_play(struct talk *t, const struct talk_row *rows,
			     size_t n, size_t piece)
{
	for (size_t i = 0; i < n; i++) {
		struct span in = span_str(rows[i].answer);

		talk_said(t, rows[i].said);
		for (; in.n > 0; in = span_skip(in, piece))
			if (!talk_feed(t, span_head(in, piece)))
				return false;
	}
	return true;
}

static inline bool talk_is_over(const struct talk *t)
{
	char name[DIALOG_NAME_MAX];

	return !t->d->kind->awaits(t->d, name);
}

static inline void talk_done(struct talk *t)
{
	dialog_free(&t->d);
	assert_null(t->d);
	dialog_free(&t->d); /* takes NULL */
}

#endif
