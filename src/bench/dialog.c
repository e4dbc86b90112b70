#include "bench/dialog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A full window of RETRs fits into it, or any command with its names. */
enum { OUT_MAX = 64 * 1024 };

enum yb_err dialog_new(const struct dialog_kind *kind,
		       const struct bench_plan *plan,
		       const struct dialog_world *world, struct dialog **ret)
{
	struct dialog *d = calloc(1, kind->size);

	if (d == NULL)
		return YB_NOMEM;
	d->kind = kind;
	d->plan = plan;
	d->world = world;
	buf_init(&d->out, OUT_MAX);
	*ret = d;
	return YB_OK;
}

void dialog_free(struct dialog **d)
{
	if (*d == NULL)
		return;
	if ((*d)->kind->done != NULL)
		(*d)->kind->done(*d);
	buf_done(&(*d)->out);
	free(*d);
	*d = NULL;
}

void dialog_say(struct dialog *d, const char *format, ...)
{
	enum { COMMAND_MAX = 2048 };
	char text[COMMAND_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n < 0 || n >= COMMAND_MAX ||
	    buf_add(&d->out, span_of(text, (size_t)n)) != YB_OK)
		(void)dialog_wrong(d, "a command is too long to be sent");
}

enum dialog_step dialog_wrong(struct dialog *d, const char *format, ...)
{
	va_list args;

	if (d->wrong[0] != 0)
		return DIALOG_WRONG;
	va_start(args, format);
	(void)vsnprintf(d->wrong, sizeof d->wrong, format, args);
	va_end(args);
	return DIALOG_WRONG;
}

enum dialog_step dialog_wrong_answer(struct dialog *d, const char *command,
				     struct span answer)
{
	char shown[256];

	answer_show(answer, shown, sizeof shown);
	return dialog_wrong(d, "answer to %s: \"%s\"", command, shown);
}

/* Numbers in no order (splitmix64): the same ones in every run. */
static uint64_t shuffled(uint64_t n)
{
	n += 0x9e3779b97f4a7c15;
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
	n = (n ^ n >> 27) * 0x94d049bb133111eb;
	return n ^ n >> 31;
}

void dialog_user(const struct dialog *d, uint64_t serial,
		 char dst[PATTERN_NAME_MAX + 1])
{
	uint64_t order = d->plan->random ? shuffled(serial) : serial;
	uint64_t number = order % d->plan->accounts;

	dst[pattern_put(&d->plan->users, number, dst)] = 0;
}
