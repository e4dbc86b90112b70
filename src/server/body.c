#include "server/body.h"

#include "os/fd.h"
#include "os/file.h"

void body_init(struct body *b, uint64_t *pool, uint64_t pool_max)
{
	*b = (struct body){ .pool = pool, .pool_max = pool_max, .file = -1 };
	buf_init(&b->memory, BODY_MEMORY_MAX + BODY_SLACK);
}

static void charge(struct body *b)
{
	*b->pool += b->memory.cap;
	*b->pool -= b->charged;
	b->charged = b->memory.cap;
}

void body_reset(struct body *b)
{
	buf_done(&b->memory);
	charge(b);
	fd_close(&b->file);
	b->file_n = 0;
}

static enum yb_err write_out(struct body *b, struct span s)
{
	enum yb_err err = file_write_all(b->file, s);

	if (err == YB_OK)
		b->file_n += s.n;
	return err;
}

enum yb_err body_finish(struct body *b)
{
	enum yb_err err = YB_OK;

	if (b->file < 0 || b->memory.n == 0)
		return YB_OK;
	err = write_out(b, buf_span(&b->memory));
	buf_clear(&b->memory);
	return err;
}

enum yb_err body_add(struct body *b, struct span s)
{
	enum yb_err err = YB_OK;

	if (b->file >= 0 && b->memory.n + s.n > BODY_BEHIND)
		err = body_finish(b);
	if (err == YB_OK && b->file >= 0 && s.n > BODY_BEHIND)
		return write_out(b, s);
	if (err == YB_OK)
		err = buf_add(&b->memory, s);
	charge(b);
	return err == YB_TOO_BIG ? YB_OVERLOAD : err;
}

bool body_wants_file(const struct body *b)
{
	return b->file < 0 && b->memory.n > 0 &&
	       (b->memory.n > BODY_MEMORY_MAX || *b->pool > b->pool_max);
}

enum yb_err body_use_file(struct body *b, int fd)
{
	enum yb_err err;

	b->file = fd;
	b->file_n = 0;
	err = body_finish(b);
	buf_done(&b->memory);
	charge(b);
	return err;
}

uint64_t body_size(const struct body *b)
{
	return b->file_n + b->memory.n;
}
