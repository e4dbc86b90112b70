/*
 * Threads for what blocks. Jobs are given and taken back by one thread, the
 * owner of the pool; in between one thread of the pool runs them. Without
 * threads the owner runs them itself, in order, in pool_take().
 */
#ifndef OS_POOL_H
#define OS_POOL_H

#include "base/err.h"
#include "base/list.h"

struct pool;

struct pool_job {
	struct list link;
	/* In a thread of the pool; touches nothing that others change. */
	void (*run)(struct pool_job *job);
	/* In the owner's thread, out of pool_take(). Frees the job. */
	void (*done)(struct pool_job *job);
	/* Copies and other long work: at most half of the threads at once,
	 * so that syncs never wait for it. */
	bool is_long;
};

/*
 * Starts the threads and returns once each has called `begin`, if that is not
 * NULL: what they want from the system is there before a cage closes. NOMEM,
 * or what making threads and an eventfd may say.
 */
YB_CHECKED enum yb_err pool_new(unsigned threads, void (*begin)(void),
				struct pool **ret);

/*
 * Ends the threads. Jobs that run are waited for, others not begun; no `done`
 * is called for either. Takes NULL.
 */
void pool_free(struct pool **pool);

void pool_give(struct pool *pool, struct pool_job *job);

/* Finishes jobs that have run; whether there were any. */
bool pool_take(struct pool *pool);

/* Waits until pool_take() has something; not while the pool is idle. */
void pool_wait(struct pool *pool);

/* Jobs given and not yet taken. */
size_t pool_busy(const struct pool *pool);

/* Readable when jobs have run; -1 without threads. */
int pool_fd(const struct pool *pool);

#endif
