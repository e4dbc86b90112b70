#include "auth/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/fd.h"

struct hash_pool {
	pthread_mutex_t lock;     /* guards all below but `threads` */
	pthread_cond_t submitted; /* a job came, or `closing` */
	pthread_cond_t warm;      /* a thread is ready */
	struct list todo;
	struct list done;
	unsigned ready;
	bool closing;
	int fd;
	unsigned threads_n;
	pthread_t threads[POOL_THREADS_MAX];
};

static void hash(struct hash_job *job)
{
	uint8_t salted[SCRAM_KEY_LEN];

	job->err = scram_salted_password(job->password, job->salt,
					 job->iterations, salted);
	if (job->err == YB_OK)
		job->err = scram_verifier_of(salted, &job->ret);
	mem_wipe(salted, sizeof salted);
}

static void warm_up(void)
{
	struct hash_job job = { .password = SPAN_LIT("warm"),
				.salt = SPAN_LIT("up"),
				.iterations = 1 };

	hash(&job);
}

static void announce(struct hash_pool *p)
{
	const uint64_t one = 1;

	/* Fails only if 2^64 - 1 were not read: then it is readable anyway. */
	if (p->fd >= 0 && write(p->fd, &one, sizeof one) < 0)
		return;
}

static void *run(void *arg)
{
	struct hash_pool *p = arg;

	warm_up();
	pthread_mutex_lock(&p->lock);
	p->ready++;
	pthread_cond_signal(&p->warm);
	for (;;) {
		struct list *link;
		struct hash_job *job;

		while (list_empty(&p->todo) && !p->closing)
			pthread_cond_wait(&p->submitted, &p->lock);
		if (p->closing)
			break;
		link = list_pop(&p->todo);
		job = list_entry(link, struct hash_job, link);
		pthread_mutex_unlock(&p->lock);
		hash(job);
		pthread_mutex_lock(&p->lock);
		list_push(&p->done, &job->link);
		announce(p);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are for the thread that runs the loop. */
static bool start_thread(struct hash_pool *p)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	if (pthread_attr_init(&attr) != 0)
		return false;
	(void)pthread_attr_setstacksize(&attr, POOL_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&p->threads[p->threads_n], &attr, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		p->threads_n++;
	return rc == 0;
}

static enum yb_err start_all(struct hash_pool *p, unsigned threads)
{
	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->fd < 0)
		return YB_IO;
	while (p->threads_n < threads)
		if (!start_thread(p))
			return YB_NOMEM;
	pthread_mutex_lock(&p->lock);
	while (p->ready < threads)
		pthread_cond_wait(&p->warm, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return YB_OK;
}

enum yb_err hash_pool_open(unsigned threads, struct hash_pool **ret)
{
	struct hash_pool *p;
	enum yb_err err;

	if (threads > POOL_THREADS_MAX)
		return YB_INVALID;
	p = calloc(1, sizeof *p);
	if (p == NULL)
		return YB_NOMEM;
	p->fd = -1;
	list_init(&p->todo);
	list_init(&p->done);
	(void)pthread_mutex_init(&p->lock, NULL); /* never fails on Linux */
	(void)pthread_cond_init(&p->submitted, NULL);
	(void)pthread_cond_init(&p->warm, NULL);
	warm_up();
	err = threads > 0 ? start_all(p, threads) : YB_OK;
	if (err != YB_OK)
		hash_pool_close(&p);
	else
		*ret = p;
	return err;
}

void hash_pool_close(struct hash_pool **pool)
{
	struct hash_pool *p = *pool;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->submitted);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->threads_n; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->warm);
	pthread_cond_destroy(&p->submitted);
	pthread_mutex_destroy(&p->lock);
	fd_close(&p->fd);
	free(p);
	*pool = NULL;
}

int hash_pool_fd(const struct hash_pool *p)
{
	return p->fd;
}

void hash_pool_submit(struct hash_pool *p, struct hash_job *job)
{
	list_init(&job->link);
	if (p->threads_n == 0) {
		hash(job);
		list_push(&p->done, &job->link);
		return;
	}
	pthread_mutex_lock(&p->lock);
	list_push(&p->todo, &job->link);
	pthread_cond_signal(&p->submitted);
	pthread_mutex_unlock(&p->lock);
}

struct hash_job *hash_pool_take(struct hash_pool *p)
{
	struct list *link;
	uint64_t count;

	pthread_mutex_lock(&p->lock);
	link = list_pop(&p->done);
	/* Quiet only while the lock keeps others from announcing. */
	if (link == NULL && p->fd >= 0 && read(p->fd, &count, sizeof count) < 0)
		count = 0; /* nothing was announced */
	pthread_mutex_unlock(&p->lock);
	return link == NULL ? NULL : list_entry(link, struct hash_job, link);
}
