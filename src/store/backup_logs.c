#include "store/backup_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/codec.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/storage.h"
#include "store/load.h"
#include "store/scan.h"

enum {
	/* Large enough that calls cost nothing beside the disk. */
	COPY_CHUNK = 1024 * 1024,
	PATH_PART_MAX = 128,
	/* Holds a record's head at least, unless one message is larger; then
	 * the octets of that message differ. */
	TAIL_SIZE = 64 * 1024,
	/* So often nobody puts one store back to an earlier day. */
	FORKS_MAX = 1000,
};

/* ---- copies of logs ---- */

/* "logs/ab/<account>.<mailbox>.<generation>.<fork>" */
static void log_path(const struct backup_log *log, char ret[PATH_PART_MAX])
{
	const uint8_t *id = log->place.account.octets;
	char hex[2 * sizeof log->place.account.octets + 1];

	hex_put((uint8_t *)hex, span_of(id, sizeof log->place.account.octets));
	hex[sizeof hex - 1] = 0;
	(void)snprintf(ret, PATH_PART_MAX,
		       "logs/%.2s/%s.%" PRIu32 ".%" PRIu64 ".%" PRIu32, hex,
		       hex, log->place.mailbox, log->generation, log->fork);
}

static enum yb_err open_copy(const struct backup *b,
			     const struct backup_log *log, bool write,
			     int *ret_fd)
{
	char path[PATH_PART_MAX], folder[PATH_PART_MAX];
	int flags =
		(write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW;

	log_path(log, path);
	*ret_fd = openat(b->dir, path, flags, 0600);
	if (*ret_fd < 0 && errno == ENOENT && write) {
		memcpy(folder, path, sizeof folder);
		*strrchr(folder, '/') = 0;
		if (mkdirat(b->dir, folder, 0700) < 0 && errno != EEXIST)
			return err_from_errno(errno);
		*ret_fd = openat(b->dir, path, flags, 0600);
	}
	return *ret_fd < 0 ? err_from_errno(errno) : YB_OK;
}

/* The keys of the log that a descriptor holds. */
static enum yb_err read_head(int fd, struct log_head *head,
			     struct log_keys *keys)
{
	uint8_t octets[LOG_HEAD_SIZE];
	size_t n;
	enum yb_err err = storage_pread(fd, octets, sizeof octets, 0, &n);

	if (err == YB_OK)
		err = n == sizeof octets ? log_head_decode(octets, head)
					 : YB_CORRUPT;
	if (err == YB_OK)
		log_keys_init(keys, head->id);
	return err;
}

/* One step of both files; how many octets of it are the same. */
static enum yb_err compare_step(int from, int to, uint64_t at, size_t want,
				uint8_t *a, uint8_t *b, size_t *ret_same)
{
	size_t a_n, b_n, same = 0;
	enum yb_err err = storage_pread(from, a, want, at, &a_n);

	if (err == YB_OK)
		err = storage_pread(to, b, want, at, &b_n);
	if (err != YB_OK)
		return err;
	while (same < a_n && same < b_n && a[same] == b[same])
		same++;
	*ret_same = same;
	return YB_OK;
}

/* How far the copy is the log, from `at` on. */
static enum yb_err find_same(int from, int to, uint64_t *at, uint64_t upto)
{
	uint8_t *chunks = malloc(2 * COPY_CHUNK);
	enum yb_err err = chunks == NULL ? YB_NOMEM : YB_OK;
	size_t want = 0, same = 0;

	while (err == YB_OK && same == want && *at < upto) {
		want = upto - *at < COPY_CHUNK ? (size_t)(upto - *at)
					       : COPY_CHUNK;
		err = compare_step(from, to, *at, want, chunks,
				   chunks + COPY_CHUNK, &same);
		if (err == YB_OK)
			*at += same;
	}
	free(chunks);
	return err;
}

static enum yb_err copy_octets(int from, int to, uint64_t at, uint64_t upto)
{
	uint8_t *chunk = malloc(COPY_CHUNK);
	enum yb_err err = chunk == NULL ? YB_NOMEM : YB_OK;

	if (err == YB_OK && lseek(to, (off_t)at, SEEK_SET) != (off_t)at)
		err = err_from_errno(errno);
	while (err == YB_OK && at < upto) {
		size_t want = upto - at < COPY_CHUNK ? (size_t)(upto - at)
						     : COPY_CHUNK;
		size_t n;

		err = storage_pread(from, chunk, want, at, &n);
		if (err == YB_OK && n < want)
			err = YB_CORRUPT; /* the log was cut: never below it */
		if (err == YB_OK)
			err = file_write_all(to, span_of(chunk, n));
		at += want;
	}
	free(chunk);
	return err;
}

/* Checks every sum from `at` on, of the copy as it stands on the disk. */
static enum yb_err check_copy(int fd, uint64_t at, struct backup_log *log)
{
	const struct os_storage *os = storage_disk();
	struct scan_item item = { .kind = SCAN_RECORD };
	struct log_head head;
	struct log_keys keys;
	struct log_scan scan;
	enum yb_err err = read_head(fd, &head, &keys);

	if (err != YB_OK)
		return err;
	err = log_scan_init(&scan, os, fd, &keys, at, log->size, log->seq);
	while (err == YB_OK && item.kind != SCAN_END) {
		err = log_scan_next(&scan, &item);
		if (err == YB_OK && item.kind == SCAN_BAD)
			log->damaged++;
	}
	log->seq = scan.seq;
	log_scan_done(&scan);
	return err;
}

/*
 * Whether the log still goes on where the run before has left it: then what
 * lies before is the same, since message ids, which each record has, are
 * random. The head alone would not tell: a store that was put back to an
 * earlier day has it too, and may have grown beyond that end since. (If the
 * tail lies within one message, which came again at the same place, the copy
 * keeps it under the id that it had.)
 */
static bool goes_on(int from, int fd, const struct backup_log *before,
		    const struct backup_log *log)
{
	uint64_t at;

	if (before == NULL || before->generation != log->generation ||
	    before->fork != log->fork || before->size > log->size)
		return false;
	at = before->size > TAIL_SIZE ? before->size - TAIL_SIZE : 0;
	return find_same(from, fd, &at, before->size) == YB_OK &&
	       at == before->size;
}

/*
 * Opens the file that is the start of the log, or starts like it: nothing in
 * it is written over, since other runs may have it. `ret_at` is where the
 * log goes on, `ret_checked` how far a run before has checked it.
 */
static enum yb_err open_fork(const struct backup *b, int from,
			     const struct backup_log *before,
			     struct backup_log *log, int *ret_fd,
			     uint64_t *ret_at, uint64_t *ret_checked)
{
	for (log->fork = 0; log->fork < FORKS_MAX; log->fork++) {
		struct stat st;
		enum yb_err err = open_copy(b, log, true, ret_fd);

		if (err != YB_OK)
			return err;
		*ret_checked =
			goes_on(from, *ret_fd, before, log) ? before->size : 0;
		*ret_at = *ret_checked;
		err = find_same(from, *ret_fd, ret_at, log->size);
		if (err == YB_OK && fstat(*ret_fd, &st) < 0)
			err = err_from_errno(errno);
		if (err == YB_OK &&
		    (*ret_at == log->size || *ret_at == (uint64_t)st.st_size))
			return YB_OK;
		fd_close(ret_fd);
		if (err != YB_OK)
			return err;
	}
	return YB_EXISTS;
}

enum yb_err backup_copy(const struct backup *b, int from,
			const struct backup_log *before, struct backup_log *log,
			uint64_t *copied)
{
	uint64_t at, checked = 0;
	int fd;
	enum yb_err err = open_fork(b, from, before, log, &fd, &at, &checked);

	if (err != YB_OK)
		return err;
	log->seq = checked > 0 ? before->seq : 0;
	log->damaged = checked > 0 ? before->damaged : 0;
	if (at < log->size) {
		*copied += log->size - at;
		err = copy_octets(from, fd, at, log->size);
	}
	if (err == YB_OK && checked < log->size && fdatasync(fd) < 0)
		err = err_from_errno(errno);
	if (err == YB_OK && checked < log->size)
		err = check_copy(fd, checked > 0 ? checked : LOG_HEAD_SIZE,
				 log);
	fd_close(&fd);
	return err;
}

/* ---- taking out of it ---- */

/* Where the first record stands that is later than `until_ns`. */
static enum yb_err find_cut(int fd, const struct log_keys *keys,
			    const struct backup_log *log, int64_t until_ns,
			    uint64_t *ret)
{
	struct scan_item item = { .kind = SCAN_RECORD };
	struct log_scan scan;
	enum yb_err err;

	*ret = log->size;
	if (until_ns == INT64_MAX)
		return YB_OK;
	err = log_scan_init(&scan, storage_disk(), fd, keys, LOG_HEAD_SIZE,
			    log->size, 0);
	while (err == YB_OK) {
		err = log_scan_next(&scan, &item);
		if (err != YB_OK || item.kind == SCAN_END)
			break;
		if (item.kind == SCAN_RECORD &&
		    item.record.received_ns > until_ns) {
			*ret = item.at;
			break;
		}
	}
	log_scan_done(&scan);
	return err;
}

/* I4: what was given since the backup must not be taken for these. */
static void renew(struct log_head *head, const struct store_place *place)
{
	int64_t now_s = (int64_t)time(NULL);

	head->uidvalidity =
		now_s > (int64_t)head->uidvalidity && now_s <= UINT32_MAX
			? (uint32_t)now_s
			: head->uidvalidity + 1;
	head->generation++;
	head->place = *place;
}

static enum yb_err make_restored(struct files *files,
				 const struct log_head *head, int from,
				 uint64_t upto)
{
	const struct os_storage *os = files->os;
	int folder, fd;
	enum yb_err err = files_make_folders(files, &head->place);

	if (err == YB_OK)
		err = files_open_folder(files, &head->place, &folder);
	if (err != YB_OK)
		return err;
	err = os->open(os->ctx, folder, "log", STORAGE_READ, &fd);
	os->close(os->ctx, folder);
	if (err == YB_OK)
		os->close(os->ctx, fd);
	if (err != YB_NOT_FOUND)
		return err == YB_OK ? YB_EXISTS : err;
	err = files_make_log(files, head, from, upto, &fd);
	if (err == YB_OK)
		os->close(os->ctx, fd);
	return err;
}

enum yb_err backup_open_log(const struct backup *b,
			    const struct backup_log *log, int *ret_fd)
{
	struct stat st;
	enum yb_err err = open_copy(b, log, false, ret_fd);

	if (err == YB_OK &&
	    (fstat(*ret_fd, &st) < 0 || (uint64_t)st.st_size < log->size)) {
		fd_close(ret_fd);
		err = YB_CORRUPT;
	}
	return err;
}

enum yb_err backup_restore(int from, const struct backup_log *log,
			   const char *store, const struct store_place *place,
			   int64_t until_ns)
{
	struct files *files = calloc(1, sizeof *files);
	struct log_head head;
	struct log_keys keys;
	uint64_t upto;
	enum yb_err err = files == NULL ? YB_NOMEM : YB_OK;

	if (err == YB_OK)
		err = read_head(from, &head, &keys);
	if (err == YB_OK)
		err = find_cut(from, &keys, log, until_ns, &upto);
	if (err == YB_OK) {
		files->os = storage_disk();
		err = files->os->open_root(files->os->ctx, store, &files->root);
	}
	if (err == YB_OK) {
		renew(&head, place);
		err = make_restored(files, &head, from, upto);
		files->os->close(files->os->ctx, files->root);
	}
	free(files);
	return err;
}

enum yb_err backup_look(const char *store, const struct store_place *place,
			struct index_table *ret, int *ret_fd,
			struct buf *reports)
{
	struct files *files = calloc(1, sizeof *files);
	struct loaded loaded;
	enum yb_err err;

	if (files == NULL)
		return YB_NOMEM;
	files->os = storage_disk();
	err = files->os->open_root(files->os->ctx, store, &files->root);
	if (err != YB_OK) {
		free(files);
		return err;
	}
	loaded_init(&loaded);
	err = mailbox_load(files, place, false, &loaded);
	(void)buf_add(reports, buf_span(&loaded.reports));
	if (err == YB_OK && loaded.absent)
		err = YB_NOT_FOUND;
	if (err == YB_OK) {
		*ret = loaded.table;
		*ret_fd = fd_steal(&loaded.log_fd);
		loaded.table = (struct index_table){ 0 };
	}
	loaded_done(&loaded, files->os);
	files->os->close(files->os->ctx, files->root);
	free(files);
	return err;
}
