#include "cli/recipients.h"

#include "mime/address.h"

/* One mailbox of a list as it is being read. */
struct reader {
	struct span rest;
	recipient_fn *each;
	void *ctx;
	uint8_t text[ADDRESS_MAX]; /* outside of angles: a name, or it */
	size_t n;
	bool too_long;
	uint8_t angle[ADDRESS_MAX]; /* between < and > */
	size_t angle_n;
	bool has_angle, in_angle, angle_too_long;
};

static void reset(struct reader *r)
{
	r->n = r->angle_n = 0;
	r->too_long = r->has_angle = r->in_angle = r->angle_too_long = false;
}

static void add(struct reader *r, uint8_t c)
{
	if (r->in_angle) {
		if (r->angle_n < sizeof r->angle)
			r->angle[r->angle_n++] = c;
		else
			r->angle_too_long = true;
	} else {
		if (r->n < sizeof r->text)
			r->text[r->n++] = c;
		else
			r->too_long = true;
	}
}

/* Comments nest (RFC 5322 section 3.2.2). False if one does not end. */
static bool skip_comment(struct span *rest)
{
	size_t depth = 0;

	while (rest->n > 0) {
		uint8_t c = rest->p[0];

		*rest = span_skip(*rest, c == '\\' ? 2 : 1);
		if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return true;
	}
	return false;
}

/* From `open` to `close`, backslashes heeded. False if it does not end. */
static bool copy_quoted(struct reader *r, uint8_t close)
{
	add(r, r->rest.p[0]);
	r->rest = span_skip(r->rest, 1);
	while (r->rest.n > 0) {
		uint8_t c = r->rest.p[0];

		r->rest = span_skip(r->rest, 1);
		if (c == '\r' || c == '\n')
			continue; /* a fold */
		add(r, c);
		if (c == close)
			return true;
		if (c == '\\' && r->rest.n > 0) {
			add(r, r->rest.p[0]);
			r->rest = span_skip(r->rest, 1);
		}
	}
	return false;
}

/* The end of one mailbox: what stood between < and >, else all of it. */
static enum yb_err end_mailbox(struct reader *r)
{
	struct span address = r->has_angle ? span_of(r->angle, r->angle_n)
					   : span_of(r->text, r->n);
	bool too_long = r->has_angle ? r->angle_too_long : r->too_long;
	bool go_on = true;

	if (r->in_angle)
		return YB_SYNTAX;
	if (too_long)
		return YB_TOO_BIG;
	if (address.n > 0)
		go_on = r->each(r->ctx, address);
	reset(r);
	return go_on ? YB_OK : YB_TOO_BIG;
}

/* A colon ends the name of a group, or the route in front of an address. */
static void on_colon(struct reader *r)
{
	if (r->in_angle) {
		r->angle_n = 0;
		r->angle_too_long = false;
	} else {
		reset(r);
	}
}

static enum yb_err on_special(struct reader *r, uint8_t c)
{
	switch (c) {
	case '<':
		if (r->in_angle || r->has_angle)
			return YB_SYNTAX;
		r->in_angle = r->has_angle = true;
		return YB_OK;
	case '>':
		if (!r->in_angle)
			return YB_SYNTAX;
		r->in_angle = false;
		return YB_OK;
	case ':':
		on_colon(r);
		return YB_OK;
	case ',':
		/* Within a route: "<@a,@b:user@c>". */
		return r->in_angle ? YB_OK : end_mailbox(r);
	case ';':
		return end_mailbox(r);
	default:
		add(r, c);
		return YB_OK;
	}
}

enum yb_err recipients_parse(struct span list, recipient_fn *each, void *ctx)
{
	struct reader r = { .rest = list, .each = each, .ctx = ctx };
	enum yb_err err = YB_OK;

	while (err == YB_OK && r.rest.n > 0) {
		uint8_t c = r.rest.p[0];

		if (c == '(') {
			if (!skip_comment(&r.rest))
				return YB_SYNTAX;
		} else if (c == '"' || c == '[') {
			if (!copy_quoted(&r, c == '"' ? '"' : ']'))
				return YB_SYNTAX;
		} else {
			r.rest = span_skip(r.rest, 1);
			if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
				err = on_special(&r, c);
		}
	}
	return err == YB_OK ? end_mailbox(&r) : err;
}

/* ---- fields ---- */

/* A field with its folded lines, line ends included. */
static struct span cut_field(struct span *header)
{
	struct span all = *header;
	size_t n = 0;

	do {
		struct span line = span_skip(all, n);
		size_t end = span_find(line, '\n');

		n += end < line.n ? end + 1 : line.n;
	} while (n < all.n && (all.p[n] == ' ' || all.p[n] == '\t'));
	*header = span_skip(all, n);
	return span_head(all, n);
}

static bool is_named(struct span field, struct span name)
{
	struct span before = span_trim(span_head(field, span_find(field, ':')));

	return before.n < field.n && span_eq_nocase(before, name);
}

enum yb_err recipients_of_header(struct span header, recipient_fn *each,
				 void *ctx, struct buf *out)
{
	enum yb_err err = YB_OK;

	while (err == YB_OK && header.n > 0) {
		struct span field = cut_field(&header);
		bool bcc = is_named(field, SPAN_LIT("Bcc"));

		if (bcc || is_named(field, SPAN_LIT("To")) ||
		    is_named(field, SPAN_LIT("Cc")))
			err = recipients_parse(
				span_skip(field, span_find(field, ':') + 1),
				each, ctx);
		if (err == YB_OK && !bcc)
			err = buf_add(out, field);
	}
	return err;
}
