#include "store/backup_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/num.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/storage.h"
#include "store/files.h"
#include "store/log.h"

enum {
	FORMAT = 1,
	/* A host's millions of mailboxes, a line each of some 150 octets. */
	LIST_MAX = 1024 * 1024 * 1024,
};

/* ---- the folder ---- */

static const char mark[] = "yubin-backup";

static enum yb_err make_mark(const struct backup *b)
{
	char path[BACKUP_PATH_MAX], text[32];

	(void)snprintf(path, sizeof path, "%s/%s", b->path, mark);
	(void)snprintf(text, sizeof text, "format %d\n", FORMAT);
	return file_replace(path, span_str(text), 0600);
}

static enum yb_err refuse_name(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return YB_INVALID;
}

/* Nothing but a new folder becomes a backup. */
static enum yb_err read_mark(const struct backup *b, bool make)
{
	char path[BACKUP_PATH_MAX];
	const struct os_storage *os = storage_disk();
	struct buf text;
	unsigned format = 0;
	enum yb_err err;

	(void)snprintf(path, sizeof path, "%s/%s", b->path, mark);
	buf_init(&text, 64);
	err = file_read(path, &text);
	if (err == YB_OK && buf_add_u8(&text, 0) != YB_OK)
		err = YB_INVALID;
	if (err == YB_OK &&
	    (sscanf((const char *)text.p, "format %u", &format) != 1))
		err = YB_INVALID;
	else if (err == YB_OK && format != FORMAT)
		err = YB_VERSION;
	buf_done(&text);
	if (err != YB_NOT_FOUND)
		return err;
	err = os->list(os->ctx, b->dir, refuse_name, NULL);
	if (err != YB_OK)
		return err;
	return make ? make_mark(b) : YB_INVALID;
}

static enum yb_err make_below(const struct backup *b, const char *name)
{
	char path[BACKUP_PATH_MAX];

	(void)snprintf(path, sizeof path, "%s/%s", b->path, name);
	return file_mkdir(path, 0700);
}

enum yb_err backup_open(const char *path, bool make, struct backup **ret)
{
	struct backup *b = calloc(1, sizeof *b);
	enum yb_err err = YB_OK;

	if (b == NULL)
		return YB_NOMEM;
	b->dir = -1;
	if (!span_to_str(span_str(path), b->path, sizeof b->path))
		err = YB_TOO_BIG;
	if (err == YB_OK && make)
		err = file_mkdir(path, 0700);
	if (err == YB_OK) {
		b->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (b->dir < 0)
			err = err_from_errno(errno);
	}
	if (err == YB_OK && make && flock(b->dir, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? YB_BUSY : err_from_errno(errno);
	if (err == YB_OK)
		err = read_mark(b, make);
	if (err == YB_OK && make)
		err = make_below(b, "logs");
	if (err == YB_OK && make)
		err = make_below(b, "runs");
	if (err != YB_OK) {
		backup_close(&b);
		return err;
	}
	*ret = b;
	return YB_OK;
}

void backup_close(struct backup **b)
{
	if (*b == NULL)
		return;
	fd_close(&(*b)->dir);
	free(*b);
	*b = NULL;
}

/* ---- runs ---- */

static enum yb_err sync_folder(const char *path)
{
	AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

static enum yb_err take_name(void *ctx, const char *name)
{
	struct buf *names = ctx;

	/* "new" is a run that was not finished. */
	if (strlen(name) != BACKUP_NAME_LEN)
		return YB_OK;
	return buf_add(names, span_of(name, BACKUP_NAME_LEN + 1));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

enum yb_err backup_runs(const struct backup *b, backup_name_fn *each, void *ctx)
{
	const struct os_storage *os = storage_disk();
	AUTO_FD dir =
		openat(b->dir, "runs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct buf names;
	enum yb_err err;
	size_t n;

	if (dir < 0) /* nothing was ever finished */
		return errno == ENOENT ? YB_OK : err_from_errno(errno);
	buf_init(&names, LIST_MAX);
	err = os->list(os->ctx, dir, take_name, &names);
	n = names.n / (BACKUP_NAME_LEN + 1);
	if (err == YB_OK && n > 0)
		qsort(names.p, n, BACKUP_NAME_LEN + 1, by_name);
	for (size_t i = 0; err == YB_OK && i < n; i++)
		if (!each(ctx,
			  (const char *)names.p + i * (BACKUP_NAME_LEN + 1)))
			break;
	buf_done(&names);
	return err;
}

/* ---- the list of a run ---- */

static int by_place(const void *x, const void *y)
{
	const struct backup_log *a = x, *b = y;
	int order = memcmp(a->place.account.octets, b->place.account.octets,
			   sizeof a->place.account.octets);

	if (order != 0)
		return order;
	return (a->place.mailbox > b->place.mailbox) -
	       (a->place.mailbox < b->place.mailbox);
}

static enum yb_err print_list(const struct backup_run *run, struct buf *out)
{
	enum yb_err err = buf_addf(out, "%s %d\n", mark, FORMAT);

	for (size_t i = 0; err == YB_OK && i < backup_run_count(run); i++) {
		const struct backup_log *l = backup_run_log(run, i);
		char id[2 * sizeof l->place.account.octets + 1];

		hex_put((uint8_t *)id, span_of(l->place.account.octets,
					       sizeof l->place.account.octets));
		id[sizeof id - 1] = 0;
		err = buf_addf(out,
			       "%s %" PRIu32 " %" PRIu64 " %" PRIu32 " %" PRIu64
			       " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
			       " %s\n",
			       id, l->place.mailbox, l->generation, l->fork,
			       l->size, l->seq, l->totals.messages,
			       l->totals.octets, l->damaged, l->address);
	}
	if (err == YB_OK)
		err = buf_addf(out, "end %zu %016" PRIx64 "\n",
			       backup_run_count(run),
			       log_sum(buf_span(out), 0));
	return err;
}

static bool parse_line(struct span line, struct backup_log *ret)
{
	uint64_t numbers[8];
	struct span id = span_cut(&line, ' ');

	*ret = (struct backup_log){ 0 };
	if (id.n != 2 * sizeof ret->place.account.octets ||
	    !hex_parse(id, ret->place.account.octets,
		       sizeof ret->place.account.octets))
		return false;
	for (size_t i = 0; i < 8; i++)
		if (!num_parse(span_cut(&line, ' '), UINT64_MAX, &numbers[i]))
			return false;
	if (numbers[0] == 0 || numbers[0] > UINT32_MAX ||
	    numbers[2] > UINT32_MAX || numbers[3] < LOG_HEAD_SIZE ||
	    numbers[3] > INT64_MAX)
		return false;
	ret->place.mailbox = (uint32_t)numbers[0];
	ret->generation = numbers[1];
	ret->fork = (uint32_t)numbers[2];
	ret->size = numbers[3];
	ret->seq = numbers[4];
	ret->totals = (struct store_totals){ numbers[5], numbers[6] };
	ret->damaged = numbers[7];
	return span_to_str(line, ret->address, sizeof ret->address);
}

/* Splits off the last line, and checks that it names the sum of the rest. */
static bool check_end(struct span *text, uint64_t *ret_count)
{
	struct span end = *text, word;
	char sum[17];
	size_t at = text->n;

	if (at == 0 || text->p[--at] != '\n')
		return false;
	while (at > 0 && text->p[at - 1] != '\n')
		at--;
	end = span_skip(end, at);
	*text = span_head(*text, at);
	(void)snprintf(sum, sizeof sum, "%016" PRIx64, log_sum(*text, 0));
	if (!span_eq(span_cut(&end, ' '), SPAN_LIT("end")))
		return false;
	word = span_cut(&end, ' ');
	return num_parse(word, UINT64_MAX, ret_count) &&
	       span_eq(span_cut(&end, '\n'), span_str(sum)) && end.n == 0;
}

enum yb_err backup_list_parse(struct span text, struct backup_run *run)
{
	struct span head;
	uint64_t count;
	char first[32];

	if (!check_end(&text, &count))
		return YB_CORRUPT;
	(void)snprintf(first, sizeof first, "%s %d", mark, FORMAT);
	head = span_cut(&text, '\n');
	if (!span_eq(head, span_str(first)))
		return YB_VERSION;
	while (text.n > 0) {
		struct backup_log log;
		enum yb_err err;

		if (!parse_line(span_cut(&text, '\n'), &log))
			return YB_CORRUPT;
		err = buf_add(&run->logs, span_of(&log, sizeof log));
		if (err != YB_OK)
			return err;
	}
	return count == backup_run_count(run) ? YB_OK : YB_CORRUPT;
}

enum yb_err backup_run_read(const struct backup *b, const char *name,
			    struct backup_run *ret)
{
	char path[BACKUP_PATH_MAX];
	struct buf text;
	enum yb_err err;

	*ret = (struct backup_run){ 0 };
	buf_init(&ret->logs, LIST_MAX);
	if (strlen(name) != BACKUP_NAME_LEN || strchr(name, '/') != NULL)
		return YB_NOT_FOUND;
	memcpy(ret->name, name, BACKUP_NAME_LEN + 1);
	(void)snprintf(path, sizeof path, "%s/runs/%s/list", b->path, name);
	buf_init(&text, LIST_MAX);
	err = file_read(path, &text);
	if (err == YB_OK)
		err = backup_list_parse(buf_span(&text), ret);
	buf_done(&text);
	if (err != YB_OK)
		backup_run_done(ret);
	return err;
}

void backup_run_done(struct backup_run *run)
{
	buf_done(&run->logs);
}

const struct backup_log *backup_run_find(const struct backup_run *run,
					 const struct store_place *place)
{
	struct backup_log key = { .place = *place };

	if (run->logs.n == 0)
		return NULL;
	return bsearch(&key, run->logs.p, backup_run_count(run), sizeof key,
		       by_place);
}

/* ---- a run being made ---- */

static void new_path(const struct backup *b, char ret[BACKUP_PATH_MAX])
{
	(void)snprintf(ret, BACKUP_PATH_MAX, "%s/runs/new", b->path);
}

enum yb_err backup_begin(const struct backup *b, char ret_path[BACKUP_PATH_MAX])
{
	const struct os_storage *os = storage_disk();
	AUTO_FD dir =
		openat(b->dir, "runs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum yb_err err;

	if (dir < 0)
		return err_from_errno(errno);
	err = files_remove_tree(os, dir, "new");
	if (err != YB_OK && err != YB_NOT_FOUND)
		return err;
	new_path(b, ret_path);
	return file_mkdir(ret_path, 0700);
}

static enum yb_err sync_name(void *ctx, const char *name)
{
	char path[BACKUP_PATH_MAX + 16];

	(void)snprintf(path, sizeof path, "%s/%s", (const char *)ctx, name);
	return sync_folder(path);
}

/* Folders of copies are new at times; there are 256 at most. */
static enum yb_err sync_logs(const struct backup *b)
{
	const struct os_storage *os = storage_disk();
	char path[BACKUP_PATH_MAX];
	AUTO_FD dir =
		openat(b->dir, "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum yb_err err;

	(void)snprintf(path, sizeof path, "%s/logs", b->path);
	if (dir < 0)
		return err_from_errno(errno);
	err = os->list(os->ctx, dir, sync_name, path);
	return err == YB_OK ? sync_folder(path) : err;
}

/*
 * Logs are synced as they are copied; then the names of the logs, then the
 * list, then the run's own name: a run that can be seen is whole.
 */
enum yb_err backup_commit(const struct backup *b, const struct backup_run *run)
{
	char fresh[BACKUP_PATH_MAX], path[BACKUP_PATH_MAX];
	struct buf text;
	enum yb_err err;

	if (run->logs.n > 0)
		qsort(run->logs.p, backup_run_count(run),
		      sizeof(struct backup_log), by_place);
	new_path(b, fresh);
	buf_init(&text, LIST_MAX);
	err = print_list(run, &text);
	if (err == YB_OK)
		err = sync_logs(b);
	if (err == YB_OK) {
		(void)snprintf(path, sizeof path, "%s/runs/new/list", b->path);
		err = file_replace(path, buf_span(&text), 0600);
	}
	buf_done(&text);
	if (err == YB_OK)
		err = sync_folder(fresh);
	(void)snprintf(path, sizeof path, "%s/runs/%s", b->path, run->name);
	if (err == YB_OK && access(path, F_OK) == 0)
		err = YB_EXISTS;
	if (err == YB_OK && rename(fresh, path) < 0)
		err = err_from_errno(errno);
	(void)snprintf(path, sizeof path, "%s/runs", b->path);
	if (err == YB_OK)
		err = sync_folder(path);
	return err == YB_OK ? sync_folder(b->path) : err;
}
