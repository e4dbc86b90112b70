/*
 * The event loop of a process: descriptors (epoll), timers, and work put off
 * to the end of the turn. One thread; nothing is allocated after loop_new().
 *
 * An I/O watch is embedded in its owner and edge-triggered: `ready` is called
 * once for each change, and the owner remembers what it has not used up. Any
 * watch or timer may be removed within any callback, its own included.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <sys/epoll.h>

#include "base/err.h"
#include "base/list.h"
#include "base/span.h"

struct loop;

struct loop_io {
	int fd; /* -1 while not watched */
	/* `events` is a set of EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLERR... */
	void (*ready)(void *ctx, uint32_t events);
	void *ctx;
};

struct loop_timer {
	struct list link; /* in a slot of the wheel */
	uint64_t at_ms;   /* when to fire; later than the slot is fine */
	uint32_t slot;
	void (*fire)(void *ctx, uint64_t now_ms);
	void *ctx;
};

struct loop_task {
	struct list link;
	void (*run)(void *ctx);
	void *ctx;
};

YB_CHECKED enum yb_err loop_new(struct loop **ret);
void loop_free(struct loop **loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* One turn; waits at most `wait_ms` (-1: for ever) for something to do. */
void loop_turn(struct loop *loop, int wait_ms);

/* Monotonic milliseconds, read once a turn. */
uint64_t loop_now(const struct loop *loop);

/*
 * Watches `fd` for `events`; edge-triggered unless LOOP_LEVEL is among them.
 * Set `ready` and `ctx` first. IO, NOMEM.
 */
enum {
	LOOP_LEVEL = 1u << 20,
	/* One process of several that watch it is woken (listeners). */
	LOOP_EXCLUSIVE = EPOLLEXCLUSIVE,
};
YB_CHECKED enum yb_err loop_watch(struct loop *loop, struct loop_io *io, int fd,
				  uint32_t events);
YB_CHECKED enum yb_err loop_rewatch(struct loop *loop, struct loop_io *io,
				    uint32_t events);

/* Stops watching; harmless twice. The descriptor stays open. */
void loop_unwatch(struct loop *loop, struct loop_io *io);

/*
 * The same for a descriptor that is closed right after and that no other
 * process has: closing takes it off the kernel's list by itself.
 */
void loop_forget(struct loop *loop, struct loop_io *io);

void loop_timer_init(struct loop_timer *timer,
		     void (*fire)(void *ctx, uint64_t now_ms), void *ctx);

/*
 * Sets or moves the timer. Fires at most LOOP_TICK_MS late; moving it to a
 * later time costs a store. UINT64_MAX stops it.
 */
enum { LOOP_TICK_MS = 16 };
void loop_timer_set(struct loop *loop, struct loop_timer *timer,
		    uint64_t at_ms);
void loop_timer_stop(struct loop_timer *timer);

void loop_task_init(struct loop_task *task, void (*run)(void *ctx), void *ctx);

/* Runs the task at the end of this turn; once, however often it is asked. */
void loop_defer(struct loop *loop, struct loop_task *task);
void loop_task_cancel(struct loop_task *task);

#endif
