/*
 * A disk in memory behind the table of os/storage.h. It keeps what a program
 * sees and, in order, every call that changes something, with marks set by
 * the test. From these a state after a power cut at any point can be built:
 * what was synced is there, what was not is lost, kept, torn or garbage.
 *
 * Strict about names: a name is on the disk only once its own folder was
 * synced, whatever happened to the file.
 */
#ifndef TESTS_STORE_SIM_DISK_H
#define TESTS_STORE_SIM_DISK_H

#include <assert.h>

#include "unit/unit.h"

#include "os/storage.h"

enum {
	SIM_FDS = 512,
	SIM_NAME_MAX = 80,
	SIM_SECTOR = 512,
	SIM_ROOT = 0,
};

struct sim_data {
	uint8_t *p;
	size_t n, cap;
};

struct sim_name {
	char name[SIM_NAME_MAX];
	size_t inode;
};

struct sim_inode {
	bool folder;
	size_t reserved; /* blocks, beyond the end too */
	struct sim_data data;
	struct sim_name *names;
	size_t names_n;
};

enum sim_event_kind {
	SIM_NEW, /* inode made; no name yet */
	SIM_WRITE,
	SIM_CUT,
	SIM_SYNC,
	SIM_LINK, /* name in folder `inode` now means `target` */
	SIM_UNLINK,
	SIM_SYNC_FOLDER,
	SIM_MARK,
};

struct sim_event {
	enum sim_event_kind kind;
	size_t inode, target;
	uint64_t at;
	struct sim_data data;
	char name[SIM_NAME_MAX];
};

/* Faults that the power-cut test has to find. */
enum sim_fault {
	SIM_NO_FAULT,
	SIM_SYNC_LIES,        /* fdatasync does nothing */
	SIM_SYNC_LATE,        /* it takes effect at the next sync call */
	SIM_FOLDER_SYNC_LIES, /* fsync of a folder does nothing */
};

struct sim_disk {
	struct os_storage table;
	struct sim_inode *inodes;
	size_t inodes_n;
	struct sim_event *events;
	size_t events_n, events_cap;
	size_t fds[SIM_FDS]; /* inode + 1, or 0 */
	enum sim_fault fault;
	size_t late; /* inode + 1 whose sync is still to come */
	/* Error injection: the call of number fail_at fails. */
	size_t calls, fail_at;
	/* The process dies after this many calls, if not 0: the last write
	 * is half done, later calls do nothing. What was written stays. */
	size_t lifetime;
	bool dead;
	enum yb_err fail_err;
	unsigned fail_kinds; /* bits of enum sim_event_kind; 0: all */
	bool fail_for_good;  /* and all behind it */
	size_t open_fds;
	/* Octets that fit onto it, if not 0; then blocks can be reserved. */
	size_t capacity;
	/* Called once behind the next sync, before it returns. */
	void (*behind_sync)(void *ctx);
	void *behind_ctx;
};

static void sim_put(struct sim_data *d, uint64_t at, const void *p, size_t n)
{
	if (at + n > d->cap) {
		d->cap = (at + n) * 2;
		d->p = realloc(d->p, d->cap);
		assert(d->p != NULL);
	}
	if (at > d->n)
		memset(d->p + d->n, 0, at - d->n);
	if (n > 0)
		memcpy(d->p + at, p, n);
	if (at + n > d->n)
		d->n = at + n;
}

static void sim_truncate(struct sim_data *d, uint64_t size)
{
	if (size > d->n)
		sim_put(d, size, NULL, 0);
	d->n = size;
}

static struct sim_event *sim_record(struct sim_disk *s,
				    enum sim_event_kind kind, size_t inode)
{
	struct sim_event *e;

	if (s->events_n == s->events_cap) {
		s->events_cap = s->events_cap * 2 + 64;
		s->events =
			realloc(s->events, s->events_cap * sizeof *s->events);
		assert(s->events != NULL);
	}
	e = &s->events[s->events_n++];
	*e = (struct sim_event){ .kind = kind, .inode = inode };
	return e;
}

/* Remembers a moment, such as an acknowledgement; returns its position. */
static inline size_t sim_mark(struct sim_disk *s)
{
	(void)sim_record(s, SIM_MARK, 0);
	return s->events_n - 1;
}

static bool sim_fails(struct sim_disk *s, enum sim_event_kind kind)
{
	if (s->dead || (s->lifetime > 0 && --s->lifetime == 0)) {
		s->fail_err = YB_IO;
		return s->dead = true;
	}
	if (s->fail_kinds != 0 && !(s->fail_kinds >> kind & 1))
		return false;
	s->calls++;
	return s->calls == s->fail_at ||
	       (s->fail_for_good && s->calls > s->fail_at);
}

static size_t sim_new_inode(struct sim_disk *s, bool folder)
{
	s->inodes = realloc(s->inodes, (s->inodes_n + 1) * sizeof *s->inodes);
	assert(s->inodes != NULL);
	s->inodes[s->inodes_n] = (struct sim_inode){ .folder = folder };
	sim_record(s, SIM_NEW, s->inodes_n)->at = folder;
	return s->inodes_n++;
}

static struct sim_name *sim_find(struct sim_inode *dir, const char *name)
{
	for (size_t i = 0; i < dir->names_n; i++)
		if (strcmp(dir->names[i].name, name) == 0)
			return &dir->names[i];
	return NULL;
}

static void sim_set_name(struct sim_inode *dir, const char *name, size_t inode)
{
	struct sim_name *found = sim_find(dir, name);

	if (found == NULL) {
		dir->names = realloc(dir->names,
				     (dir->names_n + 1) * sizeof *dir->names);
		assert(dir->names != NULL);
		found = &dir->names[dir->names_n++];
		(void)snprintf(found->name, sizeof found->name, "%s", name);
	}
	found->inode = inode;
}

static void sim_drop_name(struct sim_inode *dir, const char *name)
{
	struct sim_name *found = sim_find(dir, name);

	if (found != NULL)
		*found = dir->names[--dir->names_n];
}

static void sim_link(struct sim_disk *s, size_t dir, const char *name,
		     size_t inode)
{
	struct sim_event *e = sim_record(s, SIM_LINK, dir);

	e->target = inode;
	(void)snprintf(e->name, sizeof e->name, "%s", name);
	sim_set_name(&s->inodes[dir], name, inode);
}

static void sim_unlink(struct sim_disk *s, size_t dir, const char *name)
{
	struct sim_event *e = sim_record(s, SIM_UNLINK, dir);

	(void)snprintf(e->name, sizeof e->name, "%s", name);
	sim_drop_name(&s->inodes[dir], name);
}

static int sim_new_fd(struct sim_disk *s, size_t inode)
{
	for (int i = 3; i < SIM_FDS; i++)
		if (s->fds[i] == 0) {
			s->fds[i] = inode + 1;
			s->open_fds++;
			return i;
		}
	abort();
}

static size_t sim_inode_of(const struct sim_disk *s, int fd)
{
	assert(fd >= 3 && fd < SIM_FDS && s->fds[fd] > 0);
	return s->fds[fd] - 1;
}

/* ---- room ---- */

/* What has neither a name nor a descriptor takes none. */
static bool sim_is_used(const struct sim_disk *s, size_t inode)
{
	for (int i = 3; i < SIM_FDS; i++)
		if (s->fds[i] == inode + 1)
			return true;
	for (size_t i = 0; i < s->inodes_n; i++)
		for (size_t k = 0; k < s->inodes[i].names_n; k++)
			if (s->inodes[i].names[k].inode == inode)
				return true;
	return false;
}

static size_t sim_space(const struct sim_inode *inode)
{
	return inode->data.n > inode->reserved ? inode->data.n
					       : inode->reserved;
}

/* Whether the file may take up to `end` octets. */
static inline bool sim_has_room(const struct sim_disk *s, size_t inode,
				uint64_t end)
{
	size_t used = 0;

	if (s->capacity == 0 || end <= sim_space(&s->inodes[inode]))
		return true;
	for (size_t i = 0; i < s->inodes_n; i++)
		if (i != inode && sim_is_used(s, i))
			used += sim_space(&s->inodes[i]);
	return used + end <= s->capacity;
}

/* ---- the table ---- */

static enum yb_err sim_open_root(void *ctx, const char *path, int *ret_fd)
{
	(void)path;
	*ret_fd = sim_new_fd(ctx, SIM_ROOT);
	return YB_OK;
}

/* The inode that `path` names; false if there is none. */
static bool sim_walk(struct sim_disk *s, size_t dir, const char *path,
		     size_t *ret_inode)
{
	char part[SIM_NAME_MAX];

	for (;;) {
		const char *slash = strchr(path, '/');
		struct sim_name *found;
		size_t n = slash ? (size_t)(slash - path) : strlen(path);

		assert(n < sizeof part);
		memcpy(part, path, n);
		part[n] = 0;
		found = sim_find(&s->inodes[dir], part);
		if (found == NULL)
			return false;
		dir = found->inode;
		if (slash == NULL)
			break;
		path = slash + 1;
	}
	*ret_inode = dir;
	return true;
}

static enum yb_err sim_open(void *ctx, int dir_fd, const char *path,
			    enum storage_how how, int *ret_fd)
{
	struct sim_disk *s = ctx;
	size_t dir = sim_inode_of(s, dir_fd), inode;
	bool found = sim_walk(s, dir, path, &inode);

	if (how == STORAGE_CREATE) {
		assert(strchr(path, '/') == NULL);
		if (found)
			return YB_EXISTS;
		if (sim_fails(s, SIM_NEW))
			return s->fail_err;
		inode = sim_new_inode(s, false);
		sim_link(s, dir, path, inode);
	} else if (!found ||
		   s->inodes[inode].folder != (how == STORAGE_FOLDER)) {
		return YB_NOT_FOUND;
	}
	*ret_fd = sim_new_fd(s, inode);
	return YB_OK;
}

static enum yb_err sim_open_unnamed(void *ctx, int dir, int *ret_fd)
{
	(void)dir;
	*ret_fd = sim_new_fd(ctx, sim_new_inode(ctx, false));
	return YB_OK;
}

static void sim_close(void *ctx, int fd)
{
	struct sim_disk *s = ctx;

	(void)sim_inode_of(s, fd);
	s->fds[fd] = 0;
	s->open_fds--;
}

static enum yb_err sim_lock(void *ctx, int fd)
{
	(void)ctx, (void)fd;
	return YB_OK;
}

static enum yb_err sim_size(void *ctx, int fd, uint64_t *ret_size)
{
	struct sim_disk *s = ctx;

	*ret_size = s->inodes[sim_inode_of(s, fd)].data.n;
	return YB_OK;
}

static enum yb_err sim_read(void *ctx, int fd, void *p, size_t n, uint64_t at,
			    size_t *ret_n)
{
	struct sim_disk *s = ctx;
	const struct sim_data *d = &s->inodes[sim_inode_of(s, fd)].data;

	if (at >= d->n)
		n = 0;
	else if (n > d->n - at)
		n = d->n - at;
	if (n > 0)
		memcpy(p, d->p + at, n);
	*ret_n = n;
	return YB_OK;
}

static enum yb_err sim_write(void *ctx, int fd, const struct iovec *iov,
			     int iov_n, uint64_t at)
{
	struct sim_disk *s = ctx;
	size_t inode = sim_inode_of(s, fd);
	struct sim_data all = { 0 };
	bool dead = s->dead, fails = sim_fails(s, SIM_WRITE);
	struct sim_event *e;

	if (dead)
		return YB_IO;

	for (int i = 0; i < iov_n; i++)
		sim_put(&all, all.n, iov[i].iov_base, iov[i].iov_len);
	if (!fails && !sim_has_room(s, inode, at + all.n)) {
		s->fail_err = YB_FULL;
		fails = true;
	}
	/* A write that fails may have written a part. */
	if (fails && s->fail_err == YB_FULL)
		all.n = 0;
	if (fails)
		all.n /= 2;
	sim_put(&s->inodes[inode].data, at, all.p, all.n);
	e = sim_record(s, SIM_WRITE, inode);
	e->at = at;
	e->data = all;
	return fails ? s->fail_err : YB_OK;
}

static enum yb_err sim_reserve(void *ctx, int fd, uint64_t at, uint64_t n)
{
	struct sim_disk *s = ctx;
	size_t inode = sim_inode_of(s, fd);

	if (s->capacity == 0)
		return YB_UNSUPPORTED;
	if (!sim_has_room(s, inode, at + n))
		return YB_FULL;
	if (s->inodes[inode].reserved < at + n)
		s->inodes[inode].reserved = at + n;
	return YB_OK;
}

static enum yb_err sim_room(void *ctx, int dir, uint64_t *ret_octets)
{
	struct sim_disk *s = ctx;
	size_t used = 0;

	(void)dir;
	*ret_octets = UINT64_MAX;
	if (s->capacity == 0)
		return YB_OK;
	for (size_t i = 0; i < s->inodes_n; i++)
		if (sim_is_used(s, i))
			used += sim_space(&s->inodes[i]);
	*ret_octets = s->capacity > used ? s->capacity - used : 0;
	return YB_OK;
}

static enum yb_err sim_cut(void *ctx, int fd, uint64_t size)
{
	struct sim_disk *s = ctx;
	size_t inode = sim_inode_of(s, fd);

	if (sim_fails(s, SIM_CUT))
		return s->fail_err;
	sim_record(s, SIM_CUT, inode)->at = size;
	sim_truncate(&s->inodes[inode].data, size);
	s->inodes[inode].reserved = 0;
	return YB_OK;
}

static enum yb_err sim_sync(void *ctx, int fd)
{
	struct sim_disk *s = ctx;
	size_t inode = sim_inode_of(s, fd);

	if (sim_fails(s, SIM_SYNC))
		return s->fail_err;
	if (s->late > 0)
		(void)sim_record(s, SIM_SYNC, s->late - 1);
	s->late = s->fault == SIM_SYNC_LATE ? inode + 1 : 0;
	if (s->fault != SIM_SYNC_LIES && s->fault != SIM_SYNC_LATE)
		(void)sim_record(s, SIM_SYNC, inode);
	if (s->behind_sync != NULL) {
		void (*call)(void *) = s->behind_sync;

		s->behind_sync = NULL;
		call(s->behind_ctx);
	}
	return YB_OK;
}

static enum yb_err sim_sync_folder(void *ctx, int fd)
{
	struct sim_disk *s = ctx;

	if (sim_fails(s, SIM_SYNC_FOLDER))
		return s->fail_err;
	if (s->fault != SIM_FOLDER_SYNC_LIES)
		(void)sim_record(s, SIM_SYNC_FOLDER, sim_inode_of(s, fd));
	return YB_OK;
}

static enum yb_err sim_make_folder(void *ctx, int dir_fd, const char *name)
{
	struct sim_disk *s = ctx;
	size_t dir = sim_inode_of(s, dir_fd);

	if (sim_find(&s->inodes[dir], name) != NULL)
		return YB_EXISTS;
	if (sim_fails(s, SIM_NEW))
		return s->fail_err;
	sim_link(s, dir, name, sim_new_inode(s, true));
	return YB_OK;
}

static enum yb_err sim_rename(void *ctx, int from_dir, const char *from,
			      int to_dir, const char *to, bool replace)
{
	struct sim_disk *s = ctx;
	size_t a = sim_inode_of(s, from_dir), b = sim_inode_of(s, to_dir);
	struct sim_name *found = sim_find(&s->inodes[a], from);
	size_t inode;

	if (found == NULL)
		return YB_NOT_FOUND;
	if (!replace && sim_find(&s->inodes[b], to) != NULL)
		return YB_EXISTS;
	if (sim_fails(s, SIM_LINK))
		return s->fail_err;
	inode = found->inode;
	sim_link(s, b, to, inode);
	sim_unlink(s, a, from);
	return YB_OK;
}

static enum yb_err sim_remove(void *ctx, int dir_fd, const char *name,
			      bool folder)
{
	struct sim_disk *s = ctx;
	size_t dir = sim_inode_of(s, dir_fd);
	struct sim_name *found = sim_find(&s->inodes[dir], name);

	if (found == NULL)
		return YB_NOT_FOUND;
	assert(s->inodes[found->inode].folder == folder);
	if (folder && s->inodes[found->inode].names_n > 0)
		return YB_EXISTS;
	if (sim_fails(s, SIM_UNLINK))
		return s->fail_err;
	sim_unlink(s, dir, name);
	return YB_OK;
}

static enum yb_err sim_list(void *ctx, int dir_fd, storage_name_fn *each,
			    void *each_ctx)
{
	struct sim_disk *s = ctx;
	size_t dir = sim_inode_of(s, dir_fd);
	size_t n = s->inodes[dir].names_n;
	enum yb_err err = YB_OK;
	struct sim_name *copy = calloc(n + 1, sizeof *copy);

	assert(copy != NULL);
	if (n > 0)
		memcpy(copy, s->inodes[dir].names, n * sizeof *copy);
	for (size_t i = 0; i < n && err == YB_OK; i++)
		err = each(each_ctx, copy[i].name);
	free(copy);
	return err;
}

/* ---- life ---- */

static struct sim_disk *sim_new_empty(void)
{
	struct sim_disk *s = calloc(1, sizeof *s);

	assert(s != NULL);
	s->table = (struct os_storage){
		.ctx = s,
		.open_root = sim_open_root,
		.open = sim_open,
		.open_unnamed = sim_open_unnamed,
		.close = sim_close,
		.lock = sim_lock,
		.size = sim_size,
		.read = sim_read,
		.write = sim_write,
		.reserve = sim_reserve,
		.room = sim_room,
		.cut = sim_cut,
		.sync = sim_sync,
		.sync_folder = sim_sync_folder,
		.make_folder = sim_make_folder,
		.rename = sim_rename,
		.remove = sim_remove,
		.list = sim_list,
	};
	return s;
}

/* A disk with an empty root folder. */
static inline struct sim_disk *sim_new(void)
{
	struct sim_disk *s = sim_new_empty();

	(void)sim_new_inode(s, true);
	s->events_n = 0;
	return s;
}

static void sim_free_inodes(struct sim_inode *inodes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(inodes[i].data.p);
		free(inodes[i].names);
	}
	free(inodes);
}

static inline void sim_free(struct sim_disk **at)
{
	struct sim_disk *s = *at;

	*at = NULL;
	for (size_t i = 0; i < s->events_n; i++)
		free(s->events[i].data.p);
	free(s->events);
	sim_free_inodes(s->inodes, s->inodes_n);
	free(s);
}

/* The file at `path`, to be looked at or damaged; NULL if there is none. */
static inline struct sim_data *sim_file(struct sim_disk *s, const char *path)
{
	size_t inode;

	return sim_walk(s, SIM_ROOT, path, &inode) ? &s->inodes[inode].data
						   : NULL;
}

#endif
