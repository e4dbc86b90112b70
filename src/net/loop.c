/*
 * Timers live in a wheel of slots, each LOOP_TICK_MS wide. A timer beyond the
 * wheel's reach waits in its last slot and is placed again from there. Moving
 * a timer to a later time only writes the time: it is placed again when its
 * old slot comes, so a busy session pays nothing for its idle timer.
 */
#include "net/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/fd.h"

enum {
	WHEEL_SLOTS = 4096, /* times LOOP_TICK_MS: 65 seconds */
	BATCH = 256,        /* events taken from the kernel at a time */
	NO_SLOT = UINT32_MAX,
};

struct loop {
	int epoll;
	bool stopped;
	uint64_t now_ms;
	uint64_t tick; /* slots up to here are done */
	struct list tasks;
	int batch_n, batch_at; /* of `batch`, being worked on */
	struct epoll_event batch[BATCH];
	uint64_t in_use[WHEEL_SLOTS / 64]; /* slots that may hold timers */
	struct list wheel[WHEEL_SLOTS];
};

enum yb_err loop_new(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof *loop);

	if (loop == NULL)
		return YB_NOMEM;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		enum yb_err err = err_from_errno(errno);

		free(loop);
		return err;
	}
	list_init(&loop->tasks);
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		list_init(&loop->wheel[i]);
	loop->now_ms = clock_mono_ms();
	loop->tick = loop->now_ms / LOOP_TICK_MS;
	*ret = loop;
	return YB_OK;
}

void loop_free(struct loop **loop)
{
	if (*loop == NULL)
		return;
	fd_close(&(*loop)->epoll);
	free(*loop);
	*loop = NULL;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

uint64_t loop_now(const struct loop *loop)
{
	return loop->now_ms;
}

/* ---- descriptors ---- */

static enum yb_err control(struct loop *loop, struct loop_io *io, int op,
			   uint32_t events)
{
	struct epoll_event ev = { .data.ptr = io };

	if ((events & LOOP_LEVEL) == 0)
		events |= EPOLLET;
	ev.events = events & ~(uint32_t)LOOP_LEVEL;
	if (epoll_ctl(loop->epoll, op, io->fd, &ev) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

enum yb_err loop_watch(struct loop *loop, struct loop_io *io, int fd,
		       uint32_t events)
{
	enum yb_err err;

	io->fd = fd;
	err = control(loop, io, EPOLL_CTL_ADD, events);
	if (err != YB_OK)
		io->fd = -1;
	return err;
}

enum yb_err loop_rewatch(struct loop *loop, struct loop_io *io, uint32_t events)
{
	return control(loop, io, EPOLL_CTL_MOD, events);
}

void loop_unwatch(struct loop *loop, struct loop_io *io)
{
	if (io->fd >= 0)
		/* Fails for a descriptor that is closed; then it is off. */
		(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, io->fd, NULL);
	loop_forget(loop, io);
}

void loop_forget(struct loop *loop, struct loop_io *io)
{
	io->fd = -1;
	for (int i = loop->batch_at; i < loop->batch_n; i++)
		if (loop->batch[i].data.ptr == io)
			loop->batch[i].data.ptr = NULL;
}

/* ---- timers ---- */

void loop_timer_init(struct loop_timer *timer,
		     void (*fire)(void *ctx, uint64_t now_ms), void *ctx)
{
	*timer = (struct loop_timer){
		.at_ms = UINT64_MAX, .slot = NO_SLOT, .fire = fire, .ctx = ctx
	};
	list_init(&timer->link);
}

static void place(struct loop *loop, struct loop_timer *timer)
{
	uint64_t due = timer->at_ms / LOOP_TICK_MS + 1;
	uint32_t slot;

	if (due <= loop->tick)
		due = loop->tick + 1;
	if (due > loop->tick + WHEEL_SLOTS - 1)
		due = loop->tick + WHEEL_SLOTS - 1;
	slot = (uint32_t)(due % WHEEL_SLOTS);
	list_remove(&timer->link);
	list_push(&loop->wheel[slot], &timer->link);
	timer->slot = slot;
	loop->in_use[slot / 64] |= 1ull << slot % 64;
}

/* How many ticks from now the slot comes. */
static uint64_t slot_distance(const struct loop *loop, uint32_t slot)
{
	uint64_t at = loop->tick % WHEEL_SLOTS;

	return (slot + WHEEL_SLOTS - at - 1) % WHEEL_SLOTS + 1;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms)
{
	timer->at_ms = at_ms;
	if (at_ms == UINT64_MAX) {
		loop_timer_stop(timer);
		return;
	}
	if (timer->slot != NO_SLOT &&
	    loop->tick + slot_distance(loop, timer->slot) <=
		    at_ms / LOOP_TICK_MS + 1)
		return; /* its slot comes first and places it again */
	place(loop, timer);
}

void loop_timer_stop(struct loop_timer *timer)
{
	timer->at_ms = UINT64_MAX;
	timer->slot = NO_SLOT;
	list_remove(&timer->link);
}

static void run_slot(struct loop *loop, uint32_t slot)
{
	struct list due;
	struct list *link;

	loop->in_use[slot / 64] &= ~(1ull << slot % 64);
	if (list_empty(&loop->wheel[slot]))
		return;
	/* Taken out first: a callback may set timers into this very slot. */
	list_init(&due);
	while ((link = list_pop(&loop->wheel[slot])) != NULL)
		list_push(&due, link);
	while ((link = list_pop(&due)) != NULL) {
		struct loop_timer *timer =
			list_entry(link, struct loop_timer, link);

		timer->slot = NO_SLOT;
		if (timer->at_ms > loop->now_ms) {
			place(loop, timer);
			continue;
		}
		timer->at_ms = UINT64_MAX;
		timer->fire(timer->ctx, loop->now_ms);
	}
}

static void run_timers(struct loop *loop)
{
	uint64_t now_tick = loop->now_ms / LOOP_TICK_MS;

	/* After a long sleep each slot needs to be seen only once. */
	if (now_tick > loop->tick + WHEEL_SLOTS)
		loop->tick = now_tick - WHEEL_SLOTS;
	while (loop->tick < now_tick) {
		uint32_t slot;

		loop->tick++;
		slot = (uint32_t)(loop->tick % WHEEL_SLOTS);
		if ((loop->in_use[slot / 64] >> slot % 64 & 1) != 0)
			run_slot(loop, slot);
	}
}

/* Milliseconds until the next slot that may hold a timer; -1 if none does. */
static int until_next_slot(const struct loop *loop)
{
	for (uint64_t d = 1; d < WHEEL_SLOTS;) {
		uint32_t slot = (uint32_t)((loop->tick + d) % WHEEL_SLOTS);
		uint64_t word = loop->in_use[slot / 64] >> slot % 64;
		uint64_t due;

		if (word == 0) {
			d += 64 - slot % 64;
			continue;
		}
		d += (uint64_t)__builtin_ctzll(word);
		due = (loop->tick + d) * LOOP_TICK_MS;
		return due > loop->now_ms ? (int)(due - loop->now_ms) : 0;
	}
	return -1;
}

/* ---- tasks and turns ---- */

void loop_task_init(struct loop_task *task, void (*run)(void *ctx), void *ctx)
{
	*task = (struct loop_task){ .run = run, .ctx = ctx };
	list_init(&task->link);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
	if (list_empty(&task->link))
		list_push(&loop->tasks, &task->link);
}

void loop_task_cancel(struct loop_task *task)
{
	list_remove(&task->link);
}

static void run_tasks(struct loop *loop)
{
	struct list due;
	struct list *link;

	/* What a task defers meanwhile belongs to the next turn. */
	list_init(&due);
	while ((link = list_pop(&loop->tasks)) != NULL)
		list_push(&due, link);
	while ((link = list_pop(&due)) != NULL) {
		struct loop_task *task =
			list_entry(link, struct loop_task, link);

		task->run(task->ctx);
	}
}

void loop_turn(struct loop *loop, int wait_ms)
{
	int next = until_next_slot(loop);

	if (wait_ms < 0 || (next >= 0 && next < wait_ms))
		wait_ms = next;
	if (!list_empty(&loop->tasks))
		wait_ms = 0;
	loop->batch_n = epoll_wait(loop->epoll, loop->batch, BATCH, wait_ms);
	loop->now_ms = clock_mono_ms();
	for (loop->batch_at = 0; loop->batch_at < loop->batch_n;) {
		struct epoll_event *ev = &loop->batch[loop->batch_at++];
		struct loop_io *io = ev->data.ptr;

		if (io != NULL)
			io->ready(io->ctx, ev->events);
	}
	loop->batch_n = loop->batch_at = 0;
	run_timers(loop);
	run_tasks(loop);
}

void loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped)
		loop_turn(loop, -1);
}
