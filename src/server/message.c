#include "server/message.h"

#include <assert.h>

/* clang-format off */
static const char *const names[MESSAGE_TYPE_COUNT] = {
	[MESSAGE_NONE] = "NONE",
#define X(name) [MESSAGE_##name] = #name,
	MESSAGE_TYPES(X)
#undef X
};
/* clang-format on */

const char *message_name(unsigned type)
{
	return type < MESSAGE_TYPE_COUNT ? names[type] : "UNKNOWN";
}

void message_read(struct message_reader *r, const struct message *m)
{
	*r = (struct message_reader){ .rest = m->body };
}

void message_read_into(struct message_reader *r, void *dst, size_t n)
{
	if (r->bad || r->rest.n < n) {
		r->bad = true;
		memset(dst, 0, n);
		return;
	}
	if (n > 0)
		memcpy(dst, r->rest.p, n);
	r->rest = span_skip(r->rest, n);
}

uint8_t message_read_u8(struct message_reader *r)
{
	uint8_t v;

	message_read_into(r, &v, sizeof v);
	return v;
}

uint32_t message_read_u32(struct message_reader *r)
{
	uint32_t v;

	message_read_into(r, &v, sizeof v);
	return v;
}

uint64_t message_read_u64(struct message_reader *r)
{
	uint64_t v;

	message_read_into(r, &v, sizeof v);
	return v;
}

struct span message_read_octets(struct message_reader *r)
{
	uint32_t n = message_read_u32(r);
	struct span s;

	if (r->bad || r->rest.n < n) {
		r->bad = true;
		return SPAN_NONE;
	}
	s = span_head(r->rest, n);
	r->rest = span_skip(r->rest, n);
	return s;
}

enum yb_err message_read_err(struct message_reader *r)
{
	uint32_t v = message_read_u32(r);

	if (v >= YB_ERR_COUNT) {
		r->bad = true;
		return YB_INVALID;
	}
	return (enum yb_err)v;
}

bool message_read_ended(const struct message_reader *r)
{
	return !r->bad && r->rest.n < 8;
}

void message_write(struct message_writer *w)
{
	w->n = 0;
	w->full = false;
}

void message_write_raw(struct message_writer *w, const void *p, size_t n)
{
	/* What is written here is bounded by the caller's own limits. */
	assert(n <= sizeof w->octets - w->n);
	if (n > sizeof w->octets - w->n) {
		w->full = true;
		return;
	}
	if (n > 0)
		memcpy(w->octets + w->n, p, n);
	w->n += n;
}

void message_write_u8(struct message_writer *w, uint8_t v)
{
	message_write_raw(w, &v, sizeof v);
}

void message_write_u32(struct message_writer *w, uint32_t v)
{
	message_write_raw(w, &v, sizeof v);
}

void message_write_u64(struct message_writer *w, uint64_t v)
{
	message_write_raw(w, &v, sizeof v);
}

void message_write_octets(struct message_writer *w, struct span s)
{
	message_write_u32(w, (uint32_t)s.n);
	message_write_raw(w, s.p, s.n);
}
