#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST = 64 };

void buf_init(struct buf *b, size_t ceiling)
{
	*b = (struct buf){ .ceiling = ceiling };
}

void buf_done(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
}

enum yb_err buf_reserve(struct buf *b, size_t more)
{
	size_t want;
	uint8_t *p;

	if (more > b->ceiling - b->n)
		return YB_TOO_BIG;
	if (more <= b->cap - b->n)
		return YB_OK;
	want = b->cap > b->ceiling / 2 ? b->ceiling : b->cap * 2;
	if (want < BUF_FIRST)
		want = BUF_FIRST < b->ceiling ? BUF_FIRST : b->ceiling;
	if (want < b->n + more)
		want = b->n + more;
	p = realloc(b->p, want);
	if (p == NULL)
		return YB_NOMEM;
	b->p = p;
	b->cap = want;
	return YB_OK;
}

enum yb_err buf_add(struct buf *b, struct span s)
{
	enum yb_err err;

	if (s.n == 0)
		return YB_OK;
	err = buf_reserve(b, s.n);
	if (err != YB_OK)
		return err;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	return YB_OK;
}

enum yb_err buf_add_u8(struct buf *b, uint8_t c)
{
	return buf_add(b, (struct span){ &c, 1 });
}

enum yb_err buf_addf(struct buf *b, const char *format, ...)
{
	va_list args, again;
	enum yb_err err;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	/* vsnprintf wants room for the NUL, which is not kept. */
	err = n < 0 ? YB_INVALID : buf_reserve(b, (size_t)n + 1);
	if (err == YB_OK) {
		(void)vsnprintf((char *)b->p + b->n, (size_t)n + 1, format,
				again);
		b->n += (size_t)n;
	}
	va_end(again);
	return err;
}

void buf_drop(struct buf *b, size_t n)
{
	if (n < b->n)
		memmove(b->p, b->p + n, b->n - n);
	b->n = n < b->n ? b->n - n : 0;
}

void buf_wipe(struct buf *b)
{
	mem_wipe(b->p, b->n);
	b->n = 0;
}

void mem_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}
