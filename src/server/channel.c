#include "server/channel.h"

#include <stdlib.h>

#include "os/fd.h"

enum {
	/* Bodies from here on are sent at once, without a copy. */
	LARGE_BODY = 4096,
	PARTS_MAX = 7,
	/* Packets taken in one go before others get their turn. */
	RECEIVE_BURST = 64,
};

/* A packet that waits for room in the socket. */
struct waiting {
	struct list link;
	size_t n, fds_n;
	int fds[PACKET_FDS_MAX];
	uint8_t octets[];
};

static const uint8_t padding[8];

/* ---- sending ---- */

static void end(struct channel *ch, enum yb_err why)
{
	if (ch->ended)
		return;
	channel_close(ch);
	ch->on_end(ch->ctx, why);
}

/* Packets carry passwords at times: none stays in memory behind its use. */
static void free_waiting(struct waiting *w)
{
	mem_wipe(w->octets, w->n);
	for (size_t i = 0; i < w->fds_n; i++)
		fd_close(&w->fds[i]);
	free(w);
}

/* Keeps a packet, with descriptors of its own, until the socket has room. */
static enum yb_err queue_packet(struct channel *ch, const struct span *parts,
				size_t parts_n, const int *fds, size_t fds_n)
{
	struct waiting *w;
	size_t n = 0;

	for (size_t i = 0; i < parts_n; i++)
		n += parts[i].n;
	if (n > CHANNEL_QUEUE_MAX - ch->queued ||
	    ch->queued_n == CHANNEL_PACKETS_MAX)
		return YB_OVERLOAD;
	w = malloc(sizeof *w + n);
	if (w == NULL)
		return YB_NOMEM;
	w->n = 0;
	w->fds_n = 0;
	for (size_t i = 0; i < parts_n; i++) {
		if (parts[i].n > 0)
			memcpy(w->octets + w->n, parts[i].p, parts[i].n);
		w->n += parts[i].n;
	}
	for (size_t i = 0; i < fds_n; i++) {
		enum yb_err err = fd_duplicate(fds[i], &w->fds[i]);

		if (err != YB_OK) {
			free_waiting(w);
			return err;
		}
		w->fds_n++;
	}
	list_push(&ch->queue, &w->link);
	ch->queued += n;
	ch->queued_n++;
	return YB_OK;
}

/*
 * Room in the socket is watched for only while packets wait: else every
 * message would wake its sender once more, when the other end has read it.
 */
static enum yb_err watch_room(struct channel *ch, bool on)
{
	return loop_rewatch(ch->loop, &ch->io,
			    on ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* Sends a packet behind those that wait. */
static enum yb_err send_packet(struct channel *ch, const struct span *parts,
			       size_t parts_n, const int *fds, size_t fds_n)
{
	bool first = list_empty(&ch->queue);
	enum yb_err err = YB_AGAIN;

	if (first)
		err = packet_send(ch->fd, parts, parts_n, fds, fds_n);
	if (err != YB_AGAIN)
		return err;
	err = queue_packet(ch, parts, parts_n, fds, fds_n);
	if (err == YB_OK && first)
		err = watch_room(ch, true);
	return err;
}

/* What was accepted into the batch stays there until it could be sent. */
static enum yb_err send_batch(struct channel *ch)
{
	struct span batch = span_of(ch->batch, ch->batch_n);
	enum yb_err err = YB_OK;

	if (batch.n > 0)
		err = send_packet(ch, &batch, 1, NULL, 0);
	if (err == YB_OK) {
		mem_wipe(ch->batch, ch->batch_n);
		ch->batch_n = 0;
	}
	return err;
}

static void flush_task(void *ctx)
{
	struct channel *ch = ctx;
	enum yb_err err = send_batch(ch);

	/* Behind a full queue it waits until send_waiting() has made room. */
	if (err != YB_OK && err != YB_OVERLOAD)
		end(ch, err);
}

void channel_flush(struct channel *ch)
{
	if (!ch->ended && ch->batch_n > 0)
		loop_defer(ch->loop, &ch->flush);
}

static void add_to_batch(struct channel *ch, const struct span *parts,
			 size_t parts_n)
{
	for (size_t i = 0; i < parts_n; i++) {
		if (parts[i].n > 0)
			memcpy(ch->batch + ch->batch_n, parts[i].p, parts[i].n);
		ch->batch_n += parts[i].n;
	}
}

static enum yb_err put(struct channel *ch, enum message_type type, uint64_t id,
		       const struct span *parts, size_t parts_n, const int *fds,
		       size_t fds_n)
{
	struct span all[PARTS_MAX + 2];
	struct message_head head = { .type = (uint16_t)type,
				     .fds = (uint16_t)fds_n,
				     .id = id };
	size_t body = 0, pad;
	enum yb_err err;

	if (ch->ended)
		return YB_GONE;
	if (parts_n > PARTS_MAX)
		return YB_TOO_BIG;
	all[0] = span_of(&head, sizeof head);
	for (size_t i = 0; i < parts_n; i++) {
		all[i + 1] = parts[i];
		body += parts[i].n;
	}
	if (body > CHANNEL_BODY_MAX)
		return YB_TOO_BIG;
	pad = -body & 7;
	all[parts_n + 1] = span_of(padding, pad);
	head.size = (uint32_t)(sizeof head + body + pad);
	/* Messages arrive in the order they were sent in. */
	if (fds_n > 0 || body >= LARGE_BODY ||
	    head.size > PACKET_MAX - ch->batch_n) {
		err = send_batch(ch);
		if (err != YB_OK)
			return err;
	}
	if (fds_n > 0 || body >= LARGE_BODY)
		return send_packet(ch, all, parts_n + 2, fds, fds_n);
	add_to_batch(ch, all, parts_n + 2);
	return YB_OK;
}

enum yb_err channel_send(struct channel *ch, enum message_type type,
			 uint64_t id, const struct span *parts, size_t parts_n,
			 const int *fds, size_t fds_n)
{
	enum yb_err err = put(ch, type, id, parts, parts_n, fds, fds_n);

	if (err == YB_OK)
		channel_flush(ch);
	return err;
}

enum yb_err channel_send_fields(struct channel *ch, enum message_type type,
				uint64_t id, const struct message_writer *w)
{
	struct span body = message_written(w);

	return channel_send(ch, type, id, &body, 1, NULL, 0);
}

enum yb_err channel_send_lazily(struct channel *ch, enum message_type type,
				uint64_t id, const struct message_writer *w)
{
	struct span body = message_written(w);

	return put(ch, type, id, &body, 1, NULL, 0);
}

static void send_waiting(struct channel *ch)
{
	if (list_empty(&ch->queue))
		return;
	while (!list_empty(&ch->queue)) {
		struct waiting *w =
			list_entry(ch->queue.next, struct waiting, link);
		struct span packet = span_of(w->octets, w->n);
		enum yb_err err =
			packet_send(ch->fd, &packet, 1, w->fds, w->fds_n);

		if (err == YB_AGAIN)
			return;
		if (err != YB_OK) {
			end(ch, err);
			return;
		}
		ch->queued -= w->n;
		ch->queued_n--;
		list_remove(&w->link);
		free_waiting(w);
	}
	if (watch_room(ch, false) != YB_OK) {
		end(ch, YB_IO);
		return;
	}
	channel_flush(ch);
}

bool channel_is_drained(const struct channel *ch)
{
	return ch->ended || (ch->batch_n == 0 && list_empty(&ch->queue));
}

/* ---- receiving ---- */

/* Takes the messages of one packet apart; false if it is malformed. */
static bool take_packet(struct channel *ch, struct span packet, int *fds,
			size_t fds_n)
{
	while (packet.n > 0) {
		struct message_head head;
		struct message m;

		if (packet.n < sizeof head)
			return false;
		memcpy(&head, packet.p, sizeof head);
		if (head.size < sizeof head || head.size > packet.n ||
		    head.size % 8 != 0 || head.fds > fds_n ||
		    head.type == MESSAGE_NONE ||
		    head.type >= MESSAGE_TYPE_COUNT)
			return false;
		m = (struct message){
			.type = (enum message_type)head.type,
			.id = head.id,
			.body = span_of(packet.p + sizeof head,
					head.size - sizeof head),
			.fds = fds,
			.fds_n = head.fds,
		};
		if (!ch->on_message(ch->ctx, &m))
			return false;
		if (ch->ended)
			return true;
		packet = span_skip(packet, head.size);
		fds += head.fds;
		fds_n -= head.fds;
	}
	return fds_n == 0;
}

static bool receive_one(struct channel *ch)
{
	/* One buffer for all channels: each packet is used up at once. The
	 * heads in it are read through memcpy, bodies are aligned to 8. */
	static _Alignas(16) uint8_t buffer[PACKET_MAX];
	int fds[PACKET_FDS_MAX];
	size_t n, fds_n = 0;
	enum yb_err err = packet_receive(ch->fd, buffer, &n, fds, &fds_n);
	bool good;

	if (err == YB_AGAIN)
		return false;
	if (err != YB_OK) {
		end(ch, err);
		return false;
	}
	good = take_packet(ch, span_of(buffer, n), fds, fds_n);
	mem_wipe(buffer, n);
	for (size_t i = 0; i < fds_n; i++)
		fd_close(&fds[i]); /* those that nobody took */
	if (!good)
		end(ch, YB_INVALID);
	return !ch->ended;
}

static void ready(void *ctx, uint32_t events)
{
	struct channel *ch = ctx;

	if ((events & EPOLLOUT) != 0)
		send_waiting(ch);
	if ((events & ~(uint32_t)EPOLLOUT) == 0)
		return;
	for (int i = 0; i < RECEIVE_BURST; i++)
		if (!receive_one(ch))
			return;
	/* The edge is used up but the socket is not: go on next turn. */
	loop_defer(ch->loop, &ch->resume);
}

static void resume_task(void *ctx)
{
	ready(ctx, EPOLLIN);
}

/* ---- life ---- */

enum yb_err channel_open(struct channel *ch, struct loop *loop, int fd)
{
	enum yb_err err;

	ch->loop = loop;
	ch->fd = fd;
	ch->ended = false;
	ch->batch_n = 0;
	ch->queued = ch->queued_n = 0;
	list_init(&ch->queue);
	loop_task_init(&ch->flush, flush_task, ch);
	loop_task_init(&ch->resume, resume_task, ch);
	ch->io = (struct loop_io){ .fd = -1, .ready = ready, .ctx = ch };
	ch->batch = malloc(PACKET_MAX);
	if (ch->batch == NULL)
		err = YB_NOMEM;
	else
		err = loop_watch(loop, &ch->io, fd, EPOLLIN);
	if (err != YB_OK)
		channel_close(ch);
	return err;
}

void channel_close(struct channel *ch)
{
	struct list *link;

	if (ch->ended)
		return;
	ch->ended = true;
	loop_unwatch(ch->loop, &ch->io);
	loop_task_cancel(&ch->flush);
	loop_task_cancel(&ch->resume);
	while ((link = list_pop(&ch->queue)) != NULL)
		free_waiting(list_entry(link, struct waiting, link));
	if (ch->batch != NULL)
		mem_wipe(ch->batch, ch->batch_n);
	free(ch->batch);
	ch->batch = NULL;
	fd_close(&ch->fd);
}
