#include "proto/out.h"

#include <stdlib.h>

enum {
	/* What the dispatcher promises a command's short answer: 1 KiB. */
	ROOM_TEXT = 1024,
	/* RETR's answer takes a line and a range; TOP's ends with a third. */
	ROOM_PIECES = 3,
	PIECES_FIRST = 8,
};

void out_init(struct out_queue *q)
{
	*q = (struct out_queue){ 0 };
	buf_init(&q->text, OUT_TEXT_MAX);
}

void out_done(struct out_queue *q)
{
	buf_done(&q->text);
	free(q->ring);
	*q = (struct out_queue){ .text.ceiling = OUT_TEXT_MAX };
}

bool out_has_room(const struct out_queue *q)
{
	return buf_space(&q->text) + q->text_sent >= ROOM_TEXT &&
	       q->count + ROOM_PIECES <= OUT_PIECES_MAX;
}

bool out_is_empty(const struct out_queue *q)
{
	return q->count == 0;
}

static struct out_piece *piece_at(const struct out_queue *q, uint32_t i)
{
	/* `cap` is a power of two. */
	return &q->ring[(q->first + i) & (q->cap - 1)];
}

uint64_t out_pending(const struct out_queue *q)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < q->count; i++)
		n += piece_at(q, i)->n;
	return n;
}

/* Makes room for one more piece. */
static enum yb_err grow(struct out_queue *q)
{
	uint32_t cap = q->cap == 0 ? PIECES_FIRST : q->cap * 2;
	struct out_piece *ring;

	if (q->count < q->cap)
		return YB_OK;
	if (q->count >= OUT_PIECES_MAX)
		return YB_TOO_BIG;
	ring = malloc(cap * sizeof *ring);
	if (ring == NULL)
		return YB_NOMEM;
	for (uint32_t i = 0; i < q->count; i++)
		ring[i] = *piece_at(q, i);
	free(q->ring);
	q->ring = ring;
	q->first = 0;
	q->cap = cap;
	return YB_OK;
}

/* A new last piece, which is to be told where its octets are. */
static enum yb_err push(struct out_queue *q, enum out_kind kind, uint64_t n,
			struct out_piece **ret)
{
	enum yb_err err = grow(q);

	if (err != YB_OK)
		return err;
	q->count++;
	*ret = piece_at(q, q->count - 1);
	(*ret)->kind = kind;
	(*ret)->n = n;
	return YB_OK;
}

/* Moves unsent text to the front of the buffer. */
static void compact(struct out_queue *q)
{
	size_t gone = q->text_sent;

	if (gone == 0)
		return;
	for (uint32_t i = 0; i < q->count; i++)
		if (piece_at(q, i)->kind == OUT_TEXT)
			piece_at(q, i)->offset -= gone;
	buf_drop(&q->text, gone);
	q->text_sent = 0;
}

enum yb_err out_text(struct out_queue *q, struct span s)
{
	struct out_piece *last;
	enum yb_err err;

	if (s.n == 0)
		return YB_OK;
	if (s.n > buf_space(&q->text))
		compact(q);
	err = buf_reserve(&q->text, s.n);
	if (err != YB_OK)
		return err;
	last = q->count > 0 ? piece_at(q, q->count - 1) : NULL;
	if (last != NULL && last->kind == OUT_TEXT) {
		last->n += s.n;
	} else {
		err = push(q, OUT_TEXT, s.n, &last);
		if (err != YB_OK)
			return err;
		last->offset = q->text.n;
	}
	return buf_add(&q->text, s);
}

enum yb_err out_borrowed(struct out_queue *q, struct span s)
{
	struct out_piece *piece;
	enum yb_err err;

	if (s.n == 0)
		return YB_OK;
	err = push(q, OUT_BYTES, s.n, &piece);
	if (err == YB_OK)
		piece->p = s.p;
	return err;
}

enum yb_err out_range(struct out_queue *q, uint64_t offset, uint64_t n)
{
	struct out_piece *piece;
	enum yb_err err;

	if (n == 0)
		return YB_OK;
	err = push(q, OUT_RANGE, n, &piece);
	if (err == YB_OK)
		piece->offset = offset;
	return err;
}

size_t out_peek(const struct out_queue *q, struct out_piece *ret, size_t max)
{
	size_t n = q->count < max ? q->count : max;

	for (size_t i = 0; i < n; i++) {
		ret[i] = *piece_at(q, (uint32_t)i);
		if (ret[i].kind != OUT_TEXT)
			continue;
		/* Text moves when the queue grows: nobody keeps pointers. */
		ret[i].kind = OUT_BYTES;
		ret[i].p = q->text.p + ret[i].offset;
	}
	return n;
}

/* Takes `n` octets, at most all, off the first piece. */
static void drop_front(struct out_queue *q, uint64_t n)
{
	struct out_piece *front = piece_at(q, 0);

	if (front->kind == OUT_TEXT)
		q->text_sent += n;
	if (front->kind == OUT_BYTES)
		front->p += n;
	else
		front->offset += n;
	front->n -= n;
	if (front->n > 0)
		return;
	q->first = (q->first + 1) & (q->cap - 1);
	q->count--;
}

void out_sent(struct out_queue *q, uint64_t n)
{
	while (n > 0 && q->count > 0) {
		uint64_t part = piece_at(q, 0)->n;

		part = n < part ? n : part;
		drop_front(q, part);
		n -= part;
	}
	if (q->count == 0) {
		buf_clear(&q->text);
		q->text_sent = 0;
	}
}

void out_release(struct out_queue *q)
{
	if (q->count > 0)
		return;
	out_done(q);
}
