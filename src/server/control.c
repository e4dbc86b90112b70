#include "server/control.h"

#include <assert.h>

#include "base/num.h"
#include "os/fd.h"

void control_writer_init(struct control_writer *w)
{
	buf_init(&w->out, CONTROL_MESSAGE_MAX);
	w->fd = -1;
	w->failed = false;
}

void control_writer_done(struct control_writer *w)
{
	buf_wipe(&w->out);
	buf_done(&w->out);
	fd_close(&w->fd);
}

static void put_octets(struct control_writer *w, struct span s)
{
	/*
	 * All storage is taken at once: growing would leave copies of a
	 * password behind that nobody wipes.
	 */
	if (!w->failed && w->out.cap == 0)
		w->failed = buf_reserve(&w->out, CONTROL_MESSAGE_MAX) != YB_OK;
	if (!w->failed)
		w->failed = buf_add(&w->out, s) != YB_OK;
}

void control_begin(struct control_writer *w, enum control_type type)
{
	struct control_head head = { .type = (uint16_t)type };

	buf_wipe(&w->out);
	fd_close(&w->fd);
	w->failed = false;
	put_octets(w, span_of(&head, sizeof head));
}

void control_put(struct control_writer *w, struct span field)
{
	uint8_t n[4];

	/* All of a field or nothing: a half one would eat what follows. */
	if (!w->failed && buf_space(&w->out) < sizeof n + field.n)
		w->failed = true;
	put_le32(n, (uint32_t)field.n);
	put_octets(w, span_of(n, sizeof n));
	put_octets(w, field);
}

void control_put_u64(struct control_writer *w, uint64_t v)
{
	uint8_t octets[8];

	put_le64(octets, v);
	control_put(w, span_of(octets, sizeof octets));
}

void control_put_str(struct control_writer *w, const char *text)
{
	control_put(w, span_str(text));
}

void control_put_fd(struct control_writer *w, int fd)
{
	fd_close(&w->fd);
	w->fd = fd;
}

void control_set_head(struct control_writer *w, enum yb_err err, bool more)
{
	struct control_head head;

	if (w->out.n < sizeof head)
		return;
	memcpy(&head, w->out.p, sizeof head);
	head.err = (uint32_t)err;
	head.more = more;
	memcpy(w->out.p, &head, sizeof head);
}

bool control_has_room(const struct control_writer *w)
{
	return !w->failed && buf_space(&w->out) >= CONTROL_ROW_MAX;
}

enum yb_err control_read(struct span message, struct control_head *ret_head,
			 struct control_reader *ret)
{
	struct control_head head;

	if (message.n < sizeof head)
		return YB_INVALID;
	memcpy(&head, message.p, sizeof head);
	if (head.type == 0 || head.type >= CONTROL_TYPES || head.more > 1 ||
	    head.err >= YB_ERR_COUNT)
		return YB_INVALID;
	*ret_head = head;
	*ret = (struct control_reader){ .rest = span_skip(message,
							  sizeof head) };
	return YB_OK;
}

struct span control_get(struct control_reader *r)
{
	struct span field;
	uint32_t n;

	if (r->bad || r->rest.n < sizeof n) {
		r->bad = true;
		return SPAN_NONE;
	}
	n = get_le32(r->rest.p);
	r->rest = span_skip(r->rest, sizeof n);
	if (n > r->rest.n) {
		r->bad = true;
		return SPAN_NONE;
	}
	field = span_head(r->rest, n);
	r->rest = span_skip(r->rest, n);
	return field;
}

void control_get_into(struct control_reader *r, void *dst, size_t n)
{
	struct span field = control_get(r);

	if (field.n != n)
		r->bad = true;
	if (r->bad)
		memset(dst, 0, n);
	else if (n > 0)
		memcpy(dst, field.p, n);
}

uint64_t control_get_u64(struct control_reader *r)
{
	uint8_t octets[8];

	control_get_into(r, octets, sizeof octets);
	return get_le64(octets);
}

void control_get_str(struct control_reader *r, char *dst, size_t cap)
{
	struct span field = control_get(r);

	if (!span_to_str(field, dst, cap))
		r->bad = true;
	if (r->bad)
		*dst = 0;
}

void control_reply(struct control_call *call, enum yb_err err)
{
	assert(call->replied != NULL);
	call->replied(call, err);
}
