#include "proto/line.h"

#include "base/cleanup.h"

void line_init(struct line_reader *r)
{
	*r = (struct line_reader){ .discarding = false };
	buf_init(&r->held, LINE_HOLD_MAX);
}

void line_free(struct line_reader *r)
{
	buf_wipe(&r->held);
	buf_done(&r->held);
	r->discarding = false;
}

/* Appends to the held line; what a larger buffer replaces is wiped. */
static enum yb_err hold(struct buf *held, struct span part)
{
	size_t n = held->n + part.n;
	struct buf larger;
	enum yb_err err;

	if (n <= held->cap)
		return buf_add(held, part);
	buf_init(&larger, LINE_HOLD_MAX);
	err = buf_reserve(&larger, n < LINE_HOLD_FIRST ? LINE_HOLD_FIRST : n);
	if (err == YB_OK)
		err = buf_add(&larger, buf_span(held));
	if (err == YB_OK)
		err = buf_add(&larger, part);
	if (err != YB_OK) {
		buf_done(&larger);
		return err;
	}
	buf_wipe(held);
	buf_done(held);
	*held = larger;
	return YB_OK;
}

static enum line_got take_part(struct line_reader *r, struct span part,
			       size_t max, bool whole, struct span *ret_line)
{
	enum yb_err err;

	if (r->discarding) {
		r->discarding = !whole;
		r->discarded += part.n;
		return r->discarded > LINE_DISCARD_MAX ? LINE_ENDLESS
						       : LINE_PART;
	}
	if (r->held.n + part.n > max) {
		buf_wipe(&r->held);
		r->discarding = !whole;
		r->discarded = part.n;
		return LINE_TOO_LONG;
	}
	if (whole && r->held.n == 0) {
		*ret_line = part;
		return LINE_WHOLE;
	}
	err = hold(&r->held, part);
	if (err != YB_OK)
		return err == YB_TOO_BIG ? LINE_TOO_LONG : LINE_NOMEM;
	*ret_line = buf_span(&r->held);
	return whole ? LINE_WHOLE : LINE_PART;
}

size_t line_take(struct line_reader *r, struct span in, size_t max,
		 enum line_got *ret_got, struct span *ret_line)
{
	/* No further than it takes to see that the line is too long. */
	size_t room = r->discarding ? in.n : max - r->held.n + 1;
	struct span window = span_head(in, room);
	size_t at = span_find(window, '\n');
	bool whole = at < window.n;
	struct span part = span_head(in, whole ? at + 1 : at);

	*ret_got = take_part(r, part, max, whole, ret_line);
	return part.n;
}

void line_done(struct line_reader *r)
{
	buf_wipe(&r->held);
}

void line_release(struct line_reader *r)
{
	if (r->held.n == 0)
		buf_done(&r->held);
}

bool line_starts(const struct line_reader *r, struct span in, struct span with)
{
	struct span held = span_head(buf_span(&r->held), with.n);
	struct span rest = span_skip(with, held.n);

	return span_eq_nocase(held, span_head(with, held.n)) &&
	       span_starts_nocase(in, rest);
}

bool line_is_http(struct span line)
{
	static const char *const verbs[] = {
		"GET ",   "POST ",    "PUT ",    "HEAD ",    "TRACE ",
		"PATCH ", "OPTIONS ", "DELETE ", "CONNECT ",
	};

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (span_starts_nocase(line, span_str(verbs[i])))
			return true;
	return false;
}
