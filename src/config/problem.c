#include "config/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void problem_add(struct problems *ps, struct place at, const char *format, ...)
{
	struct config_problem *p;
	va_list args;

	if (ps->n == CONFIG_PROBLEMS_MAX) {
		ps->extra++;
		return;
	}
	p = &ps->list[ps->n++];
	p->line = at.line;
	p->column = at.column;
	va_start(args, format);
	(void)vsnprintf(p->text, sizeof p->text, format, args);
	va_end(args);
}

static bool comes_behind(const struct config_problem *a,
			 const struct config_problem *b)
{
	return a->line > b->line ||
	       (a->line == b->line && a->column > b->column);
}

/* Few and nearly in order: insertion keeps those of one place as they came. */
static void sort(struct problems *ps)
{
	for (size_t i = 1; i < ps->n; i++) {
		struct config_problem p = ps->list[i];
		size_t at = i;

		for (; at > 0 && comes_behind(&ps->list[at - 1], &p); at--)
			ps->list[at] = ps->list[at - 1];
		ps->list[at] = p;
	}
}

void problems_tell(struct problems *ps, config_problem_fn *problem, void *ctx)
{
	struct config_problem more = { 0 };

	sort(ps);
	for (size_t i = 0; i < ps->n; i++)
		problem(ctx, &ps->list[i]);
	if (ps->extra == 0)
		return;
	(void)snprintf(more.text, sizeof more.text,
		       "and %zu more problems like these", ps->extra);
	problem(ctx, &more);
}

struct shown show_span(struct span s)
{
	enum { ROOM = sizeof((struct shown *)NULL)->text };
	struct shown ret;
	size_t n = 0;

	/* An escape takes 4 octets, the final mark 3 and a NUL. */
	for (size_t i = 0; i < s.n; i++) {
		if (n + 4 + 4 > ROOM) {
			n += (size_t)snprintf(ret.text + n, ROOM - n, "...");
			break;
		}
		if (s.p[i] >= 0x20 && s.p[i] < 0x7f)
			ret.text[n++] = (char)s.p[i];
		else
			n += (size_t)snprintf(ret.text + n, ROOM - n, "\\x%02x",
					      s.p[i]);
	}
	ret.text[n] = 0;
	return ret;
}
