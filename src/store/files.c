#include "store/files.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/codec.h"

enum {
	FILES_COPY_CHUNK = 256 * 1024,
	FILES_DEPTH_MAX = 8, /* an account's folder has 3 levels */
};

void files_account(const struct account_id *id, char ret_parent[8],
		   char ret_name[40])
{
	hex_put((uint8_t *)ret_name, span_of(id->octets, 16));
	ret_name[32] = 0;
	(void)snprintf(ret_parent, 8, "%.2s/%.2s", ret_name, ret_name + 2);
}

void files_path(const struct store_place *place, const char *name,
		char dst[FILES_PATH_MAX])
{
	char parent[8], account[40];

	files_account(&place->account, parent, account);
	(void)snprintf(dst, FILES_PATH_MAX, "%s/%s/%lu%s%s", parent, account,
		       (unsigned long)place->mailbox, name ? "/" : "",
		       name ? name : "");
}

enum yb_err files_open_folder(const struct files *f,
			      const struct store_place *place, int *ret_dir)
{
	char path[FILES_PATH_MAX];

	files_path(place, NULL, path);
	return f->os->open(f->os->ctx, f->root, path, STORAGE_FOLDER, ret_dir);
}

/* The bit that says that level 0 or 1 of the way to `id` is synced. */
static _Atomic uint64_t *synced_word(struct files *f,
				     const struct account_id *id, int level,
				     uint64_t *ret_bit)
{
	unsigned n = id->octets[0];

	if (level == 1)
		n = n << 8 | id->octets[1];
	*ret_bit = (uint64_t)1 << n % 64;
	return level == 0 ? &f->synced.first[n / 64]
			  : &f->synced.second[n / 64];
}

/* Makes `name` in `dir` unless it is there, and syncs the name. */
static enum yb_err make_level(struct files *f, int dir, const char *name,
			      const struct account_id *id, int level)
{
	const struct os_storage *os = f->os;
	_Atomic uint64_t *word = NULL;
	uint64_t bit = 0;
	enum yb_err err;

	if (level < 2) {
		word = synced_word(f, id, level, &bit);
		if (atomic_load(word) & bit)
			return YB_OK;
	}
	err = os->make_folder(os->ctx, dir, name);
	if (err != YB_OK && err != YB_EXISTS)
		return err;
	/* A name that is there already may be one that a process killed
	 * before its sync has made: seeing it is not enough. */
	err = os->sync_folder(os->ctx, dir);
	if (err == YB_OK && word != NULL)
		(void)atomic_fetch_or(word, bit);
	return err;
}

enum yb_err files_make_folders(struct files *f, const struct store_place *place)
{
	const struct os_storage *os = f->os;
	char path[FILES_PATH_MAX];
	char *name = path;
	int dir = f->root;
	enum yb_err err = YB_OK;

	files_path(place, NULL, path);
	for (int level = 0; level < 4 && err == YB_OK; level++) {
		char *slash = strchr(name, '/');
		int next = -1;

		if (slash != NULL)
			*slash = 0;
		err = make_level(f, dir, name, &place->account, level);
		if (err == YB_OK)
			err = os->open(os->ctx, dir, name, STORAGE_FOLDER,
				       &next);
		if (dir != f->root)
			os->close(os->ctx, dir);
		dir = next;
		name = slash == NULL ? name : slash + 1;
	}
	if (dir >= 0 && dir != f->root)
		os->close(os->ctx, dir);
	return err;
}

enum yb_err files_sync_names(struct files *f, const struct store_place *place)
{
	const struct os_storage *os = f->os;
	int dir;
	enum yb_err err = files_make_folders(f, place);

	if (err == YB_OK)
		err = files_open_folder(f, place, &dir);
	if (err != YB_OK)
		return err;
	err = os->sync_folder(os->ctx, dir);
	os->close(os->ctx, dir);
	return err;
}

enum yb_err files_copy(const struct os_storage *os, int from, uint64_t at,
		       uint64_t n, int to, uint64_t to_at)
{
	size_t cap = n < FILES_COPY_CHUNK ? (size_t)n : FILES_COPY_CHUNK;
	AUTO_FREE uint8_t *chunk = malloc(cap > 0 ? cap : 1);

	if (chunk == NULL)
		return YB_NOMEM;
	while (n > 0) {
		size_t step = n < cap ? (size_t)n : cap, got;
		struct iovec iov = { .iov_base = chunk };
		enum yb_err err =
			os->read(os->ctx, from, chunk, step, at, &got);

		if (err == YB_OK && got < step)
			err = YB_CORRUPT;
		iov.iov_len = got;
		if (err == YB_OK)
			err = os->write(os->ctx, to, &iov, 1, to_at);
		if (err != YB_OK)
			return err;
		at += got;
		to_at += got;
		n -= got;
	}
	return YB_OK;
}

enum yb_err files_create_afresh(const struct os_storage *os, int dir,
				const char *name, int *ret_fd)
{
	enum yb_err err = os->open(os->ctx, dir, name, STORAGE_CREATE, ret_fd);

	if (err != YB_EXISTS)
		return err;
	err = os->remove(os->ctx, dir, name, false);
	if (err != YB_OK)
		return err;
	return os->open(os->ctx, dir, name, STORAGE_CREATE, ret_fd);
}

static enum yb_err fill_log(const struct os_storage *os, int fd,
			    const struct log_head *head, int from,
			    uint64_t upto)
{
	uint8_t octets[LOG_HEAD_SIZE];
	struct iovec iov = { .iov_base = octets, .iov_len = sizeof octets };
	enum yb_err err;

	log_head_encode(head, octets);
	err = os->write(os->ctx, fd, &iov, 1, 0);
	/* Offsets stay, and with them the sums that depend on them. */
	if (err == YB_OK && from >= 0)
		err = files_copy(os, from, LOG_HEAD_SIZE, upto - LOG_HEAD_SIZE,
				 fd, LOG_HEAD_SIZE);
	if (err == YB_OK)
		err = os->sync(os->ctx, fd);
	return err;
}

enum yb_err files_make_log(const struct files *f, const struct log_head *head,
			   int from, uint64_t upto, int *ret_fd)
{
	const struct os_storage *os = f->os;
	int dir, fd;
	enum yb_err err = files_open_folder(f, &head->place, &dir);

	if (err != YB_OK)
		return err;
	err = files_create_afresh(os, dir, "log.new", &fd);
	if (err == YB_OK) {
		err = fill_log(os, fd, head, from, upto);
		if (err == YB_OK)
			err = os->rename(os->ctx, dir, "log.new", dir, "log",
					 from >= 0);
		if (err != YB_OK)
			(void)os->remove(os->ctx, dir, "log.new", false);
		else
			err = os->sync_folder(os->ctx, dir);
		if (err == YB_OK)
			*ret_fd = fd;
		else
			os->close(os->ctx, fd);
	}
	os->close(os->ctx, dir);
	return err;
}

struct removal {
	const struct os_storage *os;
	int dir;
	int depth;
};

static enum yb_err remove_name(void *ctx, const char *name)
{
	struct removal *r = ctx;
	const struct os_storage *os = r->os;
	struct removal inner = { .os = os, .dir = -1, .depth = r->depth + 1 };
	enum yb_err err;

	err = os->open(os->ctx, r->dir, name, STORAGE_FOLDER, &inner.dir);
	if (err != YB_OK) /* not a folder; whatever it is, the name goes */
		return os->remove(os->ctx, r->dir, name, false);
	if (inner.depth < FILES_DEPTH_MAX)
		err = os->list(os->ctx, inner.dir, remove_name, &inner);
	os->close(os->ctx, inner.dir);
	return err == YB_OK ? os->remove(os->ctx, r->dir, name, true) : err;
}

enum yb_err files_remove_tree(const struct os_storage *os, int dir,
			      const char *name)
{
	struct removal r = { .os = os, .dir = dir };

	return remove_name(&r, name);
}
