#include "os/pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/fd.h"

struct pool {
	pthread_mutex_t lock; /* guards the lists and the counts below */
	/*
	 * Threads sleep here, each until it is woken. Not at a condition: those
	 * of glibc before 2.41 can lose a signal where several threads wait
	 * (its bug 25847), and a job would wait for the next one to come.
	 */
	sem_t work;
	unsigned asleep;             /* at `work`, and not woken yet */
	pthread_cond_t begun, ended; /* one waits at each: the owner */
	struct list ready, ready_long, ran;
	unsigned long_running, long_max;
	unsigned begun_n;
	bool ending;
	/* The owner's. */
	void (*begin)(void);
	pthread_t *threads;
	unsigned threads_n;
	size_t busy;
	int fd;
};

/* The next job that may start now, or NULL. */
static struct pool_job *next_job(struct pool *pool)
{
	struct list *link = list_pop(&pool->ready);

	if (link == NULL && pool->long_running < pool->long_max) {
		link = list_pop(&pool->ready_long);
		if (link != NULL)
			pool->long_running++;
	}
	return link == NULL ? NULL : list_entry(link, struct pool_job, link);
}

/* Whether somebody sleeps who is to be woken now. */
static bool take_sleeper(struct pool *pool)
{
	if (pool->asleep == 0)
		return false;
	pool->asleep--;
	return true;
}

static void sleep_until_woken(struct pool *pool)
{
	pool->asleep++;
	(void)pthread_mutex_unlock(&pool->lock);
	while (sem_wait(&pool->work) < 0)
		; /* interrupted, as by a debugger */
	(void)pthread_mutex_lock(&pool->lock);
}

/* Puts a job where the owner finds it; wakes the owner for the first. */
static void hand_back(struct pool *pool, struct pool_job *job)
{
	bool first = list_empty(&pool->ran);
	uint64_t one = 1;

	list_push(&pool->ran, &job->link);
	if (job->is_long)
		pool->long_running--;
	if (first)
		(void)pthread_cond_signal(&pool->ended);
	/* An eventfd takes this always: it never gets near its ceiling. */
	if (first && pool->fd >= 0)
		(void)!write(pool->fd, &one, sizeof one);
}

static void *thread_main(void *arg)
{
	struct pool *pool = arg;

	if (pool->begin != NULL)
		pool->begin();
	(void)pthread_mutex_lock(&pool->lock);
	pool->begun_n++;
	(void)pthread_cond_signal(&pool->begun);
	while (!pool->ending) {
		struct pool_job *job = next_job(pool);

		if (job != NULL) {
			(void)pthread_mutex_unlock(&pool->lock);
			job->run(job);
			(void)pthread_mutex_lock(&pool->lock);
			hand_back(pool, job);
			/* A long job that had to wait may start now. */
			if (job->is_long && !list_empty(&pool->ready_long) &&
			    take_sleeper(pool))
				(void)sem_post(&pool->work);
			continue;
		}
		sleep_until_woken(pool);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Signals are the owner's: no thread of the pool takes one. */
static enum yb_err start_threads(struct pool *pool, unsigned threads)
{
	sigset_t all, before;
	int failed = 0;

	pool->threads = calloc(threads, sizeof *pool->threads);
	pool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->threads == NULL || pool->fd < 0)
		return pool->threads == NULL ? YB_NOMEM : err_from_errno(errno);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (pool->threads_n < threads && failed == 0) {
		failed = pthread_create(&pool->threads[pool->threads_n], NULL,
					thread_main, pool);
		pool->threads_n += failed == 0;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_mutex_lock(&pool->lock);
	while (pool->begun_n < pool->threads_n)
		(void)pthread_cond_wait(&pool->begun, &pool->lock);
	(void)pthread_mutex_unlock(&pool->lock);
	return failed == 0 ? YB_OK : err_from_errno(failed);
}

enum yb_err pool_new(unsigned threads, void (*begin)(void), struct pool **ret)
{
	struct pool *pool = calloc(1, sizeof *pool);
	enum yb_err err = YB_OK;

	if (pool == NULL)
		return YB_NOMEM;
	pool->fd = -1;
	pool->begin = begin;
	pool->long_max = threads < 2 ? 1 : threads / 2;
	list_init(&pool->ready);
	list_init(&pool->ready_long);
	list_init(&pool->ran);
	(void)pthread_mutex_init(&pool->lock, NULL); /* cannot fail here */
	(void)sem_init(&pool->work, 0, 0);           /* nor can this */
	(void)pthread_cond_init(&pool->begun, NULL);
	(void)pthread_cond_init(&pool->ended, NULL);
	if (threads > 0)
		err = start_threads(pool, threads);
	if (err == YB_OK)
		*ret = pool;
	else
		pool_free(&pool);
	return err;
}

void pool_free(struct pool **pool_at)
{
	struct pool *pool = *pool_at;

	if (pool == NULL)
		return;
	(void)pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	while (take_sleeper(pool))
		(void)sem_post(&pool->work);
	(void)pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->threads_n; i++)
		(void)pthread_join(pool->threads[i], NULL);
	(void)sem_destroy(&pool->work);
	(void)pthread_cond_destroy(&pool->begun);
	(void)pthread_cond_destroy(&pool->ended);
	(void)pthread_mutex_destroy(&pool->lock);
	fd_close(&pool->fd);
	free(pool->threads);
	free(pool);
	*pool_at = NULL;
}

void pool_give(struct pool *pool, struct pool_job *job)
{
	bool wake;

	pool->busy++;
	(void)pthread_mutex_lock(&pool->lock);
	list_push(job->is_long ? &pool->ready_long : &pool->ready, &job->link);
	wake = take_sleeper(pool);
	(void)pthread_mutex_unlock(&pool->lock);
	/* Who is woken wants the lock at once. */
	if (wake)
		(void)sem_post(&pool->work);
}

/* Without threads: runs one job here. */
static void run_one(struct pool *pool)
{
	struct pool_job *job = next_job(pool);

	if (job == NULL)
		return;
	job->run(job);
	hand_back(pool, job);
}

bool pool_take(struct pool *pool)
{
	struct list *link;
	struct list taken;
	uint64_t count;

	list_init(&taken);
	if (pool->threads_n == 0)
		run_one(pool);
	else
		(void)!read(pool->fd, &count, sizeof count); /* or EAGAIN */
	(void)pthread_mutex_lock(&pool->lock);
	while ((link = list_pop(&pool->ran)) != NULL)
		list_push(&taken, link);
	(void)pthread_mutex_unlock(&pool->lock);
	if (list_empty(&taken))
		return false;
	while ((link = list_pop(&taken)) != NULL) {
		struct pool_job *job = list_entry(link, struct pool_job, link);

		pool->busy--;
		job->done(job);
	}
	return true;
}

void pool_wait(struct pool *pool)
{
	if (pool->threads_n == 0 || pool->busy == 0)
		return;
	(void)pthread_mutex_lock(&pool->lock);
	while (list_empty(&pool->ran))
		(void)pthread_cond_wait(&pool->ended, &pool->lock);
	(void)pthread_mutex_unlock(&pool->lock);
}

size_t pool_busy(const struct pool *pool)
{
	return pool->busy;
}

int pool_fd(const struct pool *pool)
{
	return pool->fd;
}
