#include "store/private.h"

#include <stdlib.h>

#include "base/cleanup.h"

static void close_fd(struct log_file *log, int *fd)
{
	if (*fd < 0)
		return;
	log->st->os->close(log->st->os->ctx, *fd);
	log->st->fds_n--;
	*fd = -1;
}

static void take_fd(struct log_file *log, int *holder, int fd)
{
	close_fd(log, holder);
	*holder = fd;
	log->st->fds_n += fd >= 0;
}

/* A quiet mailbox does not sit on blocks that it may never need. */
static void close_log(struct log_file *log)
{
	if (log->fd >= 0 && log->trim > 0)
		(void)log->st->os->cut(log->st->os->ctx, log->fd, log->trim);
	log->trim = 0;
	close_fd(log, &log->fd);
	close_fd(log, &log->index_fd);
}

/* Keeps the list of those that could close something in order of use. */
static void touch(struct log_file *log)
{
	bool spare = (log->pins == 0 && (log->fd >= 0 || log->index_fd >= 0)) ||
		     (log->readers == 0 && log->read_fd >= 0);

	list_remove(&log->closable);
	if (spare)
		list_push(&log->st->closable, &log->closable);
}

struct log_file *log_file_new(struct store *st, uint64_t generation, int fd,
			      int index_fd)
{
	struct log_file *log = calloc(1, sizeof *log);

	if (log == NULL) {
		st->os->close(st->os->ctx, fd);
		if (index_fd >= 0)
			st->os->close(st->os->ctx, index_fd);
		return NULL;
	}
	*log = (struct log_file){ .st = st,
				  .refs = 1,
				  .fd = -1,
				  .index_fd = -1,
				  .read_fd = -1,
				  .generation = generation };
	list_init(&log->closable);
	log_file_adopt(log, fd, index_fd);
	return log;
}

struct close_job {
	struct pool_job job;
	const struct os_storage *os;
	int fds[3];
};

static void close_run(struct pool_job *job)
{
	struct close_job *j = list_entry(job, struct close_job, job);

	for (size_t i = 0; i < ARRAY_LEN(j->fds); i++)
		if (j->fds[i] >= 0)
			j->os->close(j->os->ctx, j->fds[i]);
}

static void close_done(struct pool_job *job)
{
	free(list_entry(job, struct close_job, job));
}

static int steal_fd(struct log_file *log, int *fd)
{
	int stolen = *fd;

	*fd = -1;
	log->st->fds_n -= stolen >= 0;
	return stolen;
}

/* The last one to close a large file without a name waits until all of its
 * blocks are free: not the thread that everybody waits for. */
static void close_elsewhere(struct log_file *log)
{
	struct store *st = log->st;
	struct close_job *j = NULL;

	if (st->config.threads > 0 && !atomic_load(&st->files.stopping))
		j = calloc(1, sizeof *j);
	if (j == NULL)
		return;
	j->os = st->os;
	j->fds[0] = steal_fd(log, &log->fd);
	j->fds[1] = steal_fd(log, &log->index_fd);
	j->fds[2] = steal_fd(log, &log->read_fd);
	j->job.run = close_run;
	j->job.done = close_done;
	j->job.is_long = true;
	pool_give(st->pool, &j->job);
}

void log_file_unref(struct log_file **log_at)
{
	struct log_file *log = *log_at;

	*log_at = NULL;
	if (log == NULL || --log->refs > 0)
		return;
	list_remove(&log->closable);
	if (log->replaced)
		close_elsewhere(log);
	close_log(log);
	close_fd(log, &log->read_fd);
	free(log);
}

void log_file_adopt(struct log_file *log, int fd, int index_fd)
{
	take_fd(log, &log->fd, fd);
	take_fd(log, &log->index_fd, index_fd);
	touch(log);
}

void log_file_adopt_reader(struct log_file *log, int read_fd)
{
	take_fd(log, &log->read_fd, read_fd);
	touch(log);
}

void log_file_close_index(struct log_file *log)
{
	close_fd(log, &log->index_fd);
}

void log_file_pin(struct log_file *log)
{
	log->refs++;
	log->pins++;
	touch(log);
}

void log_file_unpin(struct log_file *log)
{
	log->pins--;
	touch(log);
	log_file_unref(&log);
}

void log_file_add_reader(struct log_file *log)
{
	log->readers++;
	touch(log);
}

void log_file_drop_reader(struct log_file *log)
{
	log->readers--;
	touch(log);
}

enum yb_err log_file_make_room(struct store *st)
{
	while (st->fds_n >= st->config.fds_max) {
		struct list *link = list_pop(&st->closable);
		struct log_file *log;

		/* Indexes that are behind hold their logs open. */
		if (link == NULL && st->lagging_n > 0) {
			indexes_catch_up(st, 0);
			continue;
		}
		if (link == NULL)
			return YB_OVERLOAD;
		log = list_entry(link, struct log_file, closable);
		if (log->pins == 0)
			close_log(log);
		if (log->readers == 0)
			close_fd(log, &log->read_fd);
	}
	return YB_OK;
}

enum yb_err log_file_open(const struct files *f, const struct log_head *head,
			  enum storage_how how, int *ret_fd)
{
	const struct os_storage *os = f->os;
	uint8_t octets[LOG_HEAD_SIZE];
	char path[FILES_PATH_MAX];
	struct log_head found;
	size_t n;
	int fd;
	enum yb_err err;

	files_path(&head->place, "log", path);
	err = os->open(os->ctx, f->root, path, how, &fd);
	if (err != YB_OK)
		return err;
	err = os->read(os->ctx, fd, octets, sizeof octets, 0, &n);
	if (err == YB_OK && n < sizeof octets)
		err = YB_CORRUPT;
	if (err == YB_OK)
		err = log_head_decode(octets, &found);
	/* I7: another generation has its messages elsewhere. */
	if (err == YB_OK && (found.generation != head->generation ||
			     memcmp(found.id, head->id, sizeof found.id) != 0))
		err = YB_SNAPSHOT_GONE;
	if (err == YB_OK)
		*ret_fd = fd;
	else
		os->close(os->ctx, fd);
	return err;
}
