#include "bench/answer.h"

#include <assert.h>
#include <stdio.h>

#include "base/num.h"

/* ---- lines ---- */

void answer_line_init(struct answer_line *l)
{
	l->n = 0;
	l->whole = false;
}

/* Takes the line end off; WRONG if it is not CRLF. */
static enum answer_step finish_line(struct span line, struct span *ret)
{
	*ret = span_head(line, line.n - 1);
	if (line.n < 2 || line.p[line.n - 2] != '\r')
		return ANSWER_WRONG;
	ret->n--;
	return ANSWER_DONE;
}

enum answer_step answer_line_take(struct answer_line *l, struct span *in,
				  struct span *ret)
{
	size_t lf = span_find(*in, '\n');
	struct span part = span_head(*in, lf + 1);

	if (l->whole)
		answer_line_init(l);
	if (l->n + part.n > ANSWER_LINE_MAX) {
		*ret = l->n > 0 ? span_of(l->p, l->n)
				: span_head(part, ANSWER_LINE_MAX);
		return ANSWER_WRONG;
	}
	*in = span_skip(*in, part.n);
	if (l->n == 0 && lf < part.n)
		return finish_line(part, ret); /* whole, where it lies */
	if (part.n > 0)
		memcpy(l->p + l->n, part.p, part.n);
	l->n += part.n;
	if (lf == part.n)
		return ANSWER_MORE;
	l->whole = true;
	return finish_line(span_of(l->p, l->n), ret);
}

bool answer_is_ok(struct span line)
{
	struct span rest = span_skip(line, 3);

	return span_starts(line, SPAN_LIT("+OK")) &&
	       (rest.n == 0 || rest.p[0] == ' ');
}

static bool take_number(struct span *line, uint64_t *ret)
{
	return num_parse(span_cut(line, ' '), UINT64_MAX, ret);
}

bool answer_stat(struct span line, uint64_t *ret_messages, uint64_t *ret_octets)
{
	if (!span_starts(line, SPAN_LIT("+OK ")))
		return false;
	line = span_skip(line, 4);
	return take_number(&line, ret_messages) &&
	       take_number(&line, ret_octets);
}

bool answer_scan_line(struct span line, uint64_t *ret_number,
		      uint64_t *ret_octets)
{
	return take_number(&line, ret_number) && take_number(&line, ret_octets);
}

bool answer_uidl_line(struct span line, uint64_t *ret_number)
{
	if (!take_number(&line, ret_number) || line.n < 1 || line.n > 70)
		return false;
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < 0x21 || line.p[i] > 0x7e)
			return false;
	return true;
}

bool answer_reply(struct span line, unsigned *ret_code, bool *ret_last,
		  struct span *ret_text)
{
	uint64_t code;

	if (!num_parse(span_head(line, 3), 599, &code) || code < 200)
		return false;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return false;
	*ret_code = (unsigned)code;
	*ret_last = line.n == 3 || line.p[3] == ' ';
	*ret_text = span_skip(line, 4);
	return true;
}

/* ---- bodies ---- */

void answer_body_init(struct answer_body *b)
{
	*b = (struct answer_body){ .at = AT_LINE };
}

/* Where a body stands behind `s`, which holds no dot at a line's start. */
static enum answer_at state_behind(enum answer_at before, struct span s)
{
	uint8_t last;

	if (s.n == 0)
		return before;
	last = s.p[s.n - 1];
	if (last == '\r')
		return AT_CR;
	if (last != '\n')
		return AT_TEXT;
	if (s.n > 1)
		return s.p[s.n - 2] == '\r' ? AT_LINE : AT_TEXT;
	return before == AT_CR ? AT_LINE : AT_TEXT;
}

/*
 * Walks to the next dot that starts a line: most text holds few dots, and
 * nothing else in it can be of interest.
 */
static void skip_text(struct answer_body *b, struct span *in)
{
	size_t from = 0;

	for (;;) {
		struct span rest = span_skip(*in, from);
		size_t dot = from + span_find(rest, '.');
		enum answer_at at = state_behind(b->at, span_head(*in, dot));

		if (dot < in->n && at != AT_LINE) {
			from = dot + 1;
			continue;
		}
		b->at = at;
		if (dot < in->n) {
			b->at = AT_DOT;
			dot++;
		}
		b->size += dot;
		*in = span_skip(*in, dot);
		return;
	}
}

enum answer_step answer_body_take(struct answer_body *b, struct span *in)
{
	while (in->n > 0) {
		uint8_t c = in->p[0];

		if (b->at < AT_DOT) {
			skip_text(b, in);
			continue;
		}
		*in = span_skip(*in, 1);
		b->size++;
		if (b->at == AT_DOT && c == '.') {
			b->dots++;
			b->at = AT_TEXT;
		} else if (b->at == AT_DOT && c == '\r') {
			b->at = AT_DOT_CR;
		} else {
			return b->at == AT_DOT_CR && c == '\n' ? ANSWER_DONE
							       : ANSWER_WRONG;
		}
	}
	return ANSWER_MORE;
}

/* ---- showing ---- */

enum { ESCAPED = 4, DOTS = 3 };

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '\\';
}

/* Whether all of `s` takes at most `room` octets. */
static bool fits(struct span s, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n <= room; i++)
		n += is_plain(s.p[i]) ? 1 : ESCAPED;
	return n <= room;
}

void answer_show(struct span s, char *dst, size_t cap)
{
	size_t n = 0, room = cap - 1;
	bool whole = fits(s, room);

	assert(cap > DOTS);
	if (!whole)
		room -= DOTS;
	for (size_t i = 0; i < s.n; i++) {
		size_t need = is_plain(s.p[i]) ? 1 : ESCAPED;

		if (need > room - n)
			break;
		if (need == 1)
			dst[n] = (char)s.p[i];
		else
			(void)snprintf(dst + n, ESCAPED + 1, "\\x%02x", s.p[i]);
		n += need;
	}
	if (!whole) {
		memcpy(dst + n, "...", DOTS);
		n += DOTS;
	}
	dst[n] = 0;
}
